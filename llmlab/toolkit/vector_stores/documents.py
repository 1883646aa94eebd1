"""The files for a store, read and checked before anything is stored, so that a wrong file leaves nothing half done.

The file types of OpenAI's stores: its guide "File search", section "Supported files". A local store takes texts only.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
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
"""Endings that a local store takes."""

HOSTED_TYPES: Final = TEXT_TYPES | {".doc", ".docx", ".pdf", ".pptx"}
"""Endings that OpenAI's stores take."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""Largest file that OpenAI takes."""


def read_documents(sources: Source | Iterable[Source], allowed: frozenset[str]) -> dict[str, bytes]:
    """Return the contents of files and texts by file name, or refuse all of them if one is wrong."""
    one = isinstance(sources, (str, bytes, os.PathLike, Mapping)) or not isinstance(sources, Iterable)
    several: Any = [sources] if one else sources
    documents: dict[str, bytes] = {}
    for name, content in (document for source in several for document in _read(source, allowed)):
        _check_content(name, content)
        if name in documents:
            raise LLMInvalidRequestError(
                f"two files are named {name}. A store keeps one of each name: rename one of them"
            )
        documents[name] = content
    if not documents:
        raise LLMInvalidRequestError("there is nothing to add: give paths, or texts by name: add({'notes': text})")
    return documents


def decode(content: bytes) -> str:
    """Return the text of a text file, without a byte order mark."""
    return content.decode("utf-8-sig")


def _read(source: Source, allowed: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    if isinstance(source, Mapping):
        for name, text in source.items():
            if not (isinstance(name, str) and Path(name).name and isinstance(text, str)):
                raise LLMInvalidRequestError(
                    f"texts are added by name, as in add({{'notes': text}}), "
                    f"and not a {type(text).__name__} as {name!r}"
                )
            # OpenAI reads files by their endings.
            file_name = Path(name if Path(name).suffix else f"{name}.txt").name
            _check_type(file_name, allowed)
            # Half of a surrogate pair is refused later, with other text that is no UTF-8.
            yield file_name, text.encode(errors="surrogatepass")
        return
    if not isinstance(source, (str, os.PathLike)):
        raise LLMInvalidRequestError(f"a store takes paths, or texts by name, and not {type(source).__name__}")
    path = Path(source)
    # Not `path.is_dir`, which raises for a text that is too long to be a path.
    if os.path.isdir(path):
        raise LLMInvalidRequestError(f"{path.name or path} is a folder. Add the files in it: add(folder.glob('*.txt'))")
    _check_type(path.name, allowed)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LLMInvalidRequestError(f"{path.name} has more than {MAX_BYTES // 2**20} MB. Split it.")
        content = path.read_bytes()
    except OSError as error:
        raise LLMInvalidRequestError(
            f"{path.name} cannot be read: {error.strerror or error}. Give a text a name: add({{'notes': text}})"
        ) from error
    yield path.name, content


def _check_type(name: str, allowed: frozenset[str]) -> None:
    ending = Path(name).suffix.lower()
    if ending in allowed:
        return
    hint = ""
    if not ending[1:].isalnum():
        hint = " Give a text a name: add({'notes': text})."
    elif ending in HOSTED_TYPES:
        hint = " Save it as text first, or add it to a HostedVectorStore, which reads such files."
    elif ending in LOCAL_TYPES:
        hint = " Save it with the ending .txt, or add it to a LocalVectorStore, which takes it."
    name = textwrap.shorten(name, 60, placeholder=" …") if " " in name else name[:60]
    kind = f"the type {textwrap.shorten(ending, 20)}" if ending else "no type"
    raise LLMInvalidRequestError(
        f"{name} has {kind}, which this store does not take. It takes {', '.join(sorted(allowed))}.{hint}"
    )


def _check_content(name: str, content: bytes) -> None:
    problem = ""
    if not content.strip():
        problem = "is empty. Leave it out."
    elif Path(name).suffix.lower() in LOCAL_TYPES:
        try:
            if not decode(content).strip():
                problem = "holds no text. Leave it out."
            elif b"\0" in content:
                problem = "is not a text (it has a byte 0). Save it as text, or leave it out."
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 (byte {error.start}). Save it as UTF-8, or give it the right ending."
    if problem:
        raise LLMInvalidRequestError(f"{name} {problem}")
