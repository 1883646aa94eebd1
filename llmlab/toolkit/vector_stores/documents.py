"""What goes into a store, read and checked before anything is stored: a wrong file must not leave half of them behind.

Which file types OpenAI takes: its guide "File search", section "Supported files". Left out: reading PDF and Office
files here; the hosted store reads them.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from llmlab.errors import LLMInvalidRequestError

Source: TypeAlias = str | os.PathLike[str] | Mapping[str, str]
"""A path, or texts by name."""

TEXT_TYPES: Final = frozenset(
    (
        *(".c", ".cpp", ".cs", ".css", ".go", ".html", ".java", ".js", ".json", ".md"),
        *(".php", ".py", ".rb", ".sh", ".tex", ".ts", ".txt"),
    )
)
"""Endings of the text files that both stores take. They must be UTF-8."""

LOCAL_TYPES: Final = TEXT_TYPES | {".csv", ".rst", ".toml", ".xml", ".yaml", ".yml"}
"""What the local store takes."""

HOSTED_TYPES: Final = TEXT_TYPES | {".doc", ".docx", ".pdf", ".pptx"}
"""What OpenAI's stores take."""

LARGEST: Final = 512 * 1024 * 1024
"""Bytes of a file at most, as OpenAI allows."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file on its way into a store.

    Args:
        name: its name, without folders.
        content: its bytes.
    """

    name: str
    content: bytes

    @property
    def text(self) -> str:
        """The content of a text file, without the mark that some editors put before it."""
        return self.content.decode("utf-8-sig")


def read_documents(sources: Source | Iterable[Source], allowed: frozenset[str]) -> tuple[Document, ...]:
    """Read files and texts, and refuse all of them if one is wrong.

    Args:
        sources: a path, texts by name, or several of these.
        allowed: endings of the file names that the store takes.

    Raises:
        LLMInvalidRequestError: names the file, what is wrong with it and the way out.
    """
    one = isinstance(sources, (str, bytes, os.PathLike, Mapping)) or not isinstance(sources, Iterable)
    several: Any = [sources] if one else sources
    found = [document for source in several for document in _read(source, allowed)]
    if not found:
        raise LLMInvalidRequestError("there is nothing to add: give paths, or texts by name: add({'notes': text})")
    names = [document.name for document in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise LLMInvalidRequestError(f"two files are named {twice}. A store keeps one of each name: rename one of them")
    return tuple(found)


def _read(source: Source, allowed: frozenset[str]) -> list[Document]:
    if isinstance(source, Mapping):
        return [_checked(_named(name, text), allowed) for name, text in source.items()]
    if not isinstance(source, (str, os.PathLike)):
        raise LLMInvalidRequestError(f"a store takes paths, or texts by name, and not {type(source).__name__}")
    path = Path(source)
    # Not `path.is_dir`, which raises for what is too long to be a path: for a text.
    if os.path.isdir(path):
        raise LLMInvalidRequestError(f"{path.name or path} is a folder. Add the files in it: add(folder.glob('*.txt'))")
    _check_type(path.name, allowed)
    try:
        if path.stat().st_size > LARGEST:
            raise LLMInvalidRequestError(f"{path.name} has more than {LARGEST // 2**20} MB. Split it.")
        content = path.read_bytes()
    except OSError as error:
        raise LLMInvalidRequestError(
            f"{path.name} cannot be read: {error.strerror or error}. A text that is no file gets a name: "
            "add({'notes': text})"
        ) from error
    return [_checked(Document(path.name, content), allowed)]


def _named(name: object, text: object) -> Document:
    if not (isinstance(name, str) and Path(name).name and isinstance(text, str)):
        raise LLMInvalidRequestError(
            f"texts go in by their names, as in add({{'notes': text}}), and not a {type(text).__name__} as {name!r}"
        )
    # A text needs no ending, but OpenAI reads files by theirs.
    full = name if Path(name).suffix else f"{name}.txt"
    # Half of a surrogate pair is let through, to be refused with what else is no UTF-8.
    return Document(Path(full).name, text.encode(errors="surrogatepass"))


def _checked(document: Document, allowed: frozenset[str]) -> Document:
    name = document.name
    _check_type(name, allowed)
    if not document.content.strip():
        raise LLMInvalidRequestError(f"{name} is empty, and an empty file answers nothing. Leave it out.")
    if Path(name).suffix.lower() in LOCAL_TYPES:
        try:
            empty = not document.text.strip()
        except UnicodeDecodeError as error:
            raise LLMInvalidRequestError(
                f"{name} is not UTF-8 (byte {error.start}). Save it as UTF-8, or if it is no text, with its own ending."
            ) from error
        if empty:
            raise LLMInvalidRequestError(f"{name} holds no text. Leave it out.")
        if b"\0" in document.content:
            raise LLMInvalidRequestError(f"{name} is no text (it has a byte 0). Save it as text, or leave it out.")
    return document


def _check_type(name: str, allowed: frozenset[str]) -> None:
    ending = Path(name).suffix.lower()
    if ending in allowed:
        return
    way = ""
    if not ending[1:].isalnum():
        way = " A text that is no file gets a name: add({'notes': text})."
    elif ending in HOSTED_TYPES:
        way = " Save it as text first, or put it into a HostedVectorStore, which reads such files."
    elif ending in LOCAL_TYPES:
        way = " Save it with the ending .txt, or put it into a LocalVectorStore, which takes it as it is."
    name = textwrap.shorten(name, 60, placeholder=" …") if " " in name else name[:60]
    kind = f"the type {textwrap.shorten(ending, 20)}" if ending else "no type"
    raise LLMInvalidRequestError(
        f"{name} has {kind}, which this store does not take. It takes {', '.join(sorted(allowed))}.{way}"
    )
