"""The page `docs/seeds.md`: what the five documents promise, and the tests that hold it.

`python3 -m tests.interfaces.seeds` writes the page anew after a change in `promises/`. A file there is named like its
document, and is a list of `promise`, a sentence of the document, and `tests`, such as `tests/test_errors.py::test_x`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
PROMISES: Final = Path(__file__).with_name("promises")
PAGE: Final = ROOT / "docs" / "seeds.md"
TITLES: Final = {
    "000": "LLM Scripts Specification: `llmlab.toolkit.interfaces.scripts`",
    "001": "LLM Service Module: `llmlab.toolkit.interfaces.service`",
    "002": "LLM Wrapper: `llmlab.toolkit.interfaces.wrapper`",
    "003": "LLM Models, MVP Tasks: `llmlab.toolkit.interfaces.models`",
    "004": "LLM Module, Flexible Multi-Provider AI Inference: `llmlab.toolkit.interfaces.assistant`",
}
_HEAD: Final = """# What the five documents promise

The kit was asked for by five documents. Here stands what they promise, and the tests that hold it. Each document has an
interface of its own, with its names. Written by `python3 -m tests.interfaces.seeds` from `tests/interfaces/promises/`.
"""


class Promise(NamedTuple):
    """A sentence of a document, and the tests that hold it."""

    text: str
    tests: tuple[str, ...]


def promises() -> dict[str, list[Promise]]:
    """Return the promises of each document, by its number."""
    documents = {}
    for file in sorted(PROMISES.glob("*.yaml")):
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
        documents[file.stem] = [Promise(" ".join(entry["promise"].split()), tuple(entry["tests"])) for entry in entries]
    return documents


def page() -> str:
    """Return the page as it should be."""
    return _HEAD + "".join(f"\n{section}" for section in _sections())


def problems() -> list[str]:
    """Return what is wrong with the promises: one without a test, one that stands twice, a test that does not exist."""
    found = []
    for document, entries in promises().items():
        texts = [entry.text for entry in entries]
        found += [f"{document}: twice: {text}" for text in dict.fromkeys(texts) if texts.count(text) > 1]
        found += [f"{document}: no test: {entry.text}" for entry in entries if not entry.tests]
        found += [f"{document}: no such test: {test}" for entry in entries for test in entry.tests if not exists(test)]
    return found


def exists(test: str) -> bool:
    """Return whether there is a test such as `tests/test_errors.py::test_x`."""
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and name in _tests(file)


@cache
def _tests(file: str) -> frozenset[str]:
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return frozenset(item.name for item in body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))


def _sections() -> Iterator[str]:
    for document, entries in promises().items():
        rows = "".join(f"| {_cell(entry.text)} | {' · '.join(map(_link, entry.tests))} |\n" for entry in entries)
        yield f"## {document}. {TITLES[document]}\n\n| promise | held by |\n|---|---|\n{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


if __name__ == "__main__":
    if wrong := problems():
        raise SystemExit("\n".join(wrong))
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
