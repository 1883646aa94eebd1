"""Checks of what is stored, without running anything: recordings that nobody owns, that say one thing twice, or that
hold a secret; and secrets in any other text, such as a notebook or a handout.

Which recordings are not used can be seen in a run only; `llmlab.lab.notebooks.nbval_plugin` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from llmlab.errors import ConfigurationError
from llmlab.lab.tape.cassette import Recorded, read_recording
from llmlab.lab.tape.environment import lesson_name
from llmlab.lab.tape.matcher import without_repeats
from llmlab.lab.tape.redaction import private_spans, redact_answer, redact_request
from llmlab.lab.tape.request_parser import SERVICES

# What a lesson on wrong keys may use as one: words of which the first says that it is none, like wrong-on-purpose.
_NO_KEY = re.compile(r"(?:wrong|not|no|fake|any|your|my)(?:-[a-z]{2,})+")
_TAG, _BETWEEN = re.compile(r"<[^<>]*>"), re.compile(r"(?<=>)[^<>]+(?=<)")
_LEAK = "this looks like a key, an e-mail address or a name in a home folder. Take it out"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something stored that should not be.

    Args:
        file: its name.
        line: where; 0 if it is the whole file.
        message: what is wrong, and what to do. It never holds the secret itself.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.message}"


def check_folder(folder: Path, notebooks: Collection[Path]) -> list[Problem]:
    """Check every recording of a folder.

    Args:
        folder: of the recordings.
        notebooks: those that they belong to.
    """
    paths = sorted(folder.glob("*.yaml"))
    orphans = [problem for path in paths for problem in find_orphans(path, notebooks)]
    return [*orphans, *(problem for path in paths for problem in check_file(path))]


def find_orphans(path: Path, notebooks: Collection[Path]) -> list[Problem]:
    """Return a problem if a file of recordings belongs to none of these notebooks."""
    lesson, _, provider = path.stem.rpartition(".")
    names = {lesson_name(notebook.stem) for notebook in notebooks}
    if path.stem in names or (provider in SERVICES and lesson in names):
        return []
    return [Problem(path.name, 0, "no notebook has this name. Rename it with its notebook, or delete it")]


def check_file(path: Path) -> list[Problem]:
    """Check one file of recordings: can it be read, does it say anything twice, does it hold a secret?"""
    text = path.read_text("utf-8", "replace")
    leaks = [Problem(path.name, line, _LEAK) for line in find_leaks(text)]
    try:
        exchanges = read_recording(path).exchanges
    except ConfigurationError as error:
        return [*leaks, Problem(path.name, 0, error.message)]
    kept = {id(item) for item in without_repeats(exchanges)}
    twice = [Problem(path.name, _line(item), _twice(item)) for item in exchanges if id(item) not in kept]
    lines = [_line(item) for item in exchanges]
    for item, end in zip(exchanges, [*lines[1:], text.count("\n") + 2], strict=False):
        # Some secrets are known by the name of their field, or come in pieces; no line of the text shows them.
        clean = Recorded(redact_request(item.request, ()), redact_answer(item.answer, ()))
        if clean != item and not any(_line(item) <= leak.line < end for leak in leaks):
            leaks.append(Problem(path.name, _line(item), f"in this exchange: {_LEAK[5:]}"))
    return sorted([*leaks, *twice], key=lambda problem: problem.line)


def scan(path: Path) -> list[Problem]:
    """Look for secrets in a text file: a notebook, a handout in HTML, anything."""
    text = path.read_text("utf-8", "replace")
    if path.suffix == ".ipynb":
        # A quote inside the JSON of a string may hide what stands around it.
        texts = [text, text.replace('\\"', '"').replace("\\\\", "\\")]
    elif path.suffix in (".html", ".htm"):
        # What a reader sees, where markup may stand in the middle of a line, and what stands in the markup.
        texts = [unescape(_TAG.sub(_only_line_ends, text)), unescape(_BETWEEN.sub(_only_line_ends, text))]
    else:
        texts = [text]
    lines = {line for one in texts for line in find_leaks(one)}
    return [Problem(path.name, line, _LEAK) for line in sorted(lines)]


def find_leaks(text: str) -> list[int]:
    """Return the lines of a text on which secrets begin."""
    spans = private_spans(text)
    starts = [start for start, end in spans if not _NO_KEY.fullmatch(text[start:end].strip("\\\"'`)]}"))]
    return sorted({text.count("\n", 0, start) + 1 for start in starts})


def _only_line_ends(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _line(item: Recorded) -> int:
    return int(item.origin.rpartition(" ")[2])


def _twice(item: Recorded) -> str:
    request = item.request
    return (
        f"{request.method} {request.alias} {request.path} has this answer already, and the last one repeats. Delete it"
    )
