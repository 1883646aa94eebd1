"""Checks what is stored: recordings without a notebook, repeated answers, and secrets.

Which recordings are unused is only known after a run; `llmlab.lab.notebooks.nbval_plugin` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
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


def find_leaks(text: str) -> list[int]:
    """Return the lines of a text on which secrets begin."""
    spans = private_spans(text)
    starts = [start for start, end in spans if not _WRONG_KEY.fullmatch(text[start:end].strip("\\\"'`)]}"))]
    return sorted({text.count("\n", 0, start) + 1 for start in starts})
