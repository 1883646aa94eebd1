"""The exercises by number, and the two functions of a learner: `check` and `hint`.

A module `lesson_NN.py` beside this one holds the exercises of notebook NN, and is loaded when one of them is asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from llmlab.errors import LLMError
from llmlab.lab.exercises.inspect import Answer, Wrong, describe_failure, is_stub
from llmlab.lab.exercises.result import Hint, Outcome, Verdict

CheckFunction: TypeAlias = Callable[[Answer], str]
"""Takes the learner's function; returns a sentence of praise that says what it did, or raises `Wrong`."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise.

    Args:
        exercise_id: lesson and number, such as "1.1".
        check: looks at an answer; its name is that of the learner's function.
        hints: from a nudge to nearly the solution.
        is_async: the function begins with async def.
    """

    exercise_id: str
    check: CheckFunction
    hints: tuple[str, ...]
    is_async: bool


_exercises: dict[str, Exercise] = {}
_hints_given: dict[str, int] = {}


def exercise(
    exercise_id: str, *, hints: Sequence[str], is_async: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Make a check function the check of an exercise.

    Args:
        exercise_id: lesson and number, such as "1.1".
        hints: from a nudge to nearly the solution; at least one.
        is_async: the learner's function begins with async def.

    Raises:
        ValueError: the number is no such number or taken, or there is no hint.
    """
    if not re.fullmatch(r"(0|[1-9]\d*)\.[1-9]\d*", exercise_id):
        raise ValueError(f"an exercise has the number of its lesson and its own, such as 1.1, not {exercise_id!r}")
    if isinstance(hints, str) or not hints:
        raise ValueError(f"exercise {exercise_id} needs a list of hints")

    def register(function: CheckFunction) -> CheckFunction:
        taken = _exercises.get(exercise_id)
        # A module that is loaded again defines its own exercises again.
        if taken and (taken.check.__module__, taken.check.__qualname__) != (function.__module__, function.__qualname__):
            raise ValueError(f"there are two exercises {exercise_id}")
        _exercises[exercise_id] = Exercise(exercise_id, function, tuple(hints), is_async)
        return function

    return register


def check(exercise_id: str, answer: Any = None) -> Verdict:
    """Look at your answer to an exercise, and say what it did.

    Args:
        exercise_id: such as "1.1".
        answer: what the exercise asks for, usually your function.

    Raises:
        LLMError: there is no such exercise; the message names the nearest.
    """
    found = _find(exercise_id, "check")
    if is_stub(answer):
        return Verdict(exercise_id, Outcome.NOT_ATTEMPTED, f'Stuck? hint("{exercise_id}")')
    try:
        function = Answer(answer, found.check.__name__, exercise_id, is_async=found.is_async)
        return Verdict(exercise_id, Outcome.RIGHT, found.check(function))
    except Wrong as wrong:
        return Verdict(exercise_id, Outcome.NOT_YET, str(wrong))
    except Exception as error:
        # Only what came out of the learner's code is told to the learner. A check that fails by itself must be seen.
        if (sentence := describe_failure(error, answer)) is None:
            raise
        return Verdict(exercise_id, Outcome.NOT_YET, sentence)


def hint(exercise_id: str) -> Hint:
    """Return the next hint for an exercise. Each call helps a little more.

    Args:
        exercise_id: such as "1.1".

    Raises:
        LLMError: there is no such exercise; the message names the nearest.
    """
    hints = _find(exercise_id, "hint").hints
    given = _hints_given.get(exercise_id, 0)
    if given == len(hints):
        _hints_given[exercise_id] = 0
        text = "That was the last hint. The solution is folded into the cell below; the next call begins again."
        return Hint(exercise_id, text, 0, len(hints))
    _hints_given[exercise_id] = given + 1
    return Hint(exercise_id, hints[given], given + 1, len(hints))


def _find(exercise_id: str, caller: str) -> Exercise:
    if not isinstance(exercise_id, str):
        more = ", your_function" if caller == "check" else ""
        raise LLMError(f'the number of the exercise comes first, in quotes: {caller}("1.1"{more})')
    lessons = _lessons()
    if (lesson := exercise_id.partition(".")[0]) in lessons:
        import_module(lessons[lesson])
    if exercise_id not in _exercises:
        for module in lessons.values():
            import_module(module)
        known = sorted(_exercises, key=lambda name: [int(part) for part in name.split(".")])
        close = difflib.get_close_matches(exercise_id, known, 1, 0.4)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise LLMError(f"there is no exercise {exercise_id!r}.{guess} There are {', '.join(known)}.")
    return _exercises[exercise_id]


def _lessons() -> dict[str, str]:
    """Return the modules of the lessons by number, such as "1": "llmlab.lab.exercises.lesson_01"."""
    files = sorted(Path(__file__).parent.glob("lesson_[0-9][0-9].py"))
    return {str(int(file.stem[-2:])): f"{__package__}.{file.stem}" for file in files}
