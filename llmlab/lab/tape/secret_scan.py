"""Checks what is stored: recordings without a notebook, repeated answers, and secrets in recordings and other texts.

Which recordings are unused is only known after a run; `llmlab.lab.notebooks.nbval_plugin` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final

from llmlab.errors import ConfigurationError
from llmlab.lab.tape.cassette import Interaction, read_cassette
from llmlab.lab.tape.environment import lesson_name
from llmlab.lab.tape.matcher import without_repeats
from llmlab.lab.tape.redaction import private_spans, redact_answer, redact_request
from llmlab.lab.tape.request_parser import SERVICES

# A wrong key that a lesson may show: words of which the first says so, like wrong-on-purpose.
_WRONG_KEY: Final = re.compile(r"(?:wrong|not|no|fake|any|your|my)(?:-[a-z]{2,})+")
_TAG, _BETWEEN_TAGS = re.compile(r"<[^<>]*>"), re.compile(r"(?<=>)[^<>]+(?=<)")
_LEAK: Final = "this looks like a key, an e-mail address or a name in a home folder. Take it out"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that should not be stored.

    Args:
        file: its name.
        line: where; 0 for the whole file.
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
        notebooks: the notebooks that they belong to.
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
    """Return the problems of one file of recordings: it cannot be read, repeats an answer, or holds a secret."""
    text = path.read_text("utf-8", "replace")
    problems = [Problem(path.name, line, _LEAK) for line in find_leaks(text)]
    leaks = [problem.line for problem in problems]
    try:
        items = read_cassette(path).interactions
    except ConfigurationError as error:
        return [*problems, Problem(path.name, 0, error.message)]
    needed = {id(item) for item in without_repeats(items)}
    ends = [*(item.line for item in items[1:]), text.count("\n") + 2]
    for item, end in zip(items, ends, strict=False):
        if id(item) not in needed:
            message = f"{item.request} has this answer already, and the last one repeats. Delete it"
            problems.append(Problem(path.name, item.line, message))
        # Some secrets are known by the name of their field, or come in pieces; no line of the text shows them.
        clean = Interaction(redact_request(item.request), redact_answer(item.answer))
        if clean != item and not any(item.line <= line < end for line in leaks):
            problems.append(Problem(path.name, item.line, f"in this exchange: {_LEAK[5:]}"))
    return sorted(problems, key=lambda problem: problem.line)


def scan(path: Path) -> list[Problem]:
    """Return the secrets in a text file: a notebook, a handout in HTML, anything."""
    text = path.read_text("utf-8", "replace")
    texts = [text]
    if path.suffix == ".ipynb":
        # A quote inside a JSON string may hide what is around it.
        texts += [text.replace('\\"', '"').replace("\\\\", "\\")]
    elif path.suffix in (".html", ".htm"):
        # What a reader sees, where a tag may stand in the middle of a line, and what is inside the tags.
        texts = [unescape(_TAG.sub(_line_ends, text)), unescape(_BETWEEN_TAGS.sub(_line_ends, text))]
    lines = {line for one in texts for line in find_leaks(one)}
    return [Problem(path.name, line, _LEAK) for line in sorted(lines)]


def find_leaks(text: str) -> list[int]:
    """Return the lines of a text on which secrets begin."""
    spans = private_spans(text)
    starts = [start for start, end in spans if not _WRONG_KEY.fullmatch(text[start:end].strip("\\\"'`)]}"))]
    return sorted({text.count("\n", 0, start) + 1 for start in starts})


def _line_ends(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")
