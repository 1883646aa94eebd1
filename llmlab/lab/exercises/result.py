"""What `check` and `hint` give back: one sentence or two, the same on every run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of an exercise."""

    RIGHT = "right"
    NOT_YET = "not yet"
    NOT_ATTEMPTED = "not attempted yet"


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """What a check found.

    Args:
        exercise_id: such as "1.1".
        outcome: right, not yet, or not attempted yet.
        message: what the learner's code did, in a sentence.
    """

    exercise_id: str
    outcome: Outcome
    message: str

    @property
    def right(self) -> bool:
        """Whether the exercise is done."""
        return self.outcome is Outcome.RIGHT

    def __repr__(self) -> str:
        return f"{self.exercise_id} {self.outcome}. {self.message}"

    def _repr_markdown_(self) -> str:
        return f"**{self.exercise_id} {self.outcome}.** {_literal(self.message)}"


@dataclass(frozen=True, slots=True, repr=False)
class Hint:
    """One hint, or the word that there are no more.

    Args:
        exercise_id: such as "1.1".
        text: the hint.
        number: which one it is, from 1; 0 when there are no more.
        total: how many there are.
    """

    exercise_id: str
    text: str
    number: int
    total: int

    @property
    def _title(self) -> str:
        return f"{self.exercise_id}, hint {self.number} of {self.total}:" if self.number else f"{self.exercise_id}:"

    def __repr__(self) -> str:
        return f"{self._title} {self.text}"

    def _repr_markdown_(self) -> str:
        return f"**{self._title}** {_literal(self.text)}"


def _literal(text: str) -> str:
    # A sentence may quote code and errors; nothing in it is meant as Markdown, HTML or a formula.
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", text)
