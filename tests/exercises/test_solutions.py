"""Every exercise of every notebook: its solution is right, its stub is no attempt, and a wrong answer is explained."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

import llmlab
from llmlab.lab.exercises import check, registry
from llmlab.lab.exercises.result import Outcome
from tests.exercises.lessons import exercises, verdict
from tests.exercises.wrong_answers import WRONG

FOUND = {number: (notebook, stub, solution, above) for number, notebook, stub, solution, above in exercises()}
pytestmark = pytest.mark.usefixtures("lab")


def test_every_lesson_has_its_exercise_and_every_exercise_its_lesson() -> None:
    """A check that no notebook calls is dead; a notebook whose check is missing ends in an error."""
    for module in registry._lessons().values():
        __import__(module)
    assert set(FOUND) == set(registry._exercises)
    assert all(notebook.stem[:2] == f"{int(number.split('.')[0]):02}" for number, (notebook, *_) in FOUND.items())


def test_the_solution_is_right_and_the_stub_is_no_attempt() -> None:
    """A learner who looks it up and reads "wrong", or runs a fresh notebook and reads "wrong", trusts nothing more."""
    for number, (_, stub, solution, above) in FOUND.items():
        result = verdict(above, solution.source)
        assert repr(result).startswith(f"{number} right. "), result
        assert repr(verdict(above, stub.source)) == f'{number} not attempted yet. Stuck? hint("{number}")'


def test_the_last_hint_is_short_of_the_solution_and_mentions_it() -> None:
    """Hints go from a nudge to nearly the solution; a solution printed whole would end the exercise."""
    for number, (_, _, solution, _) in FOUND.items():
        registry._find(number, "hint")
        hints = registry._exercises[number].hints
        words = set(re.findall(r"[a-z_]{4,}", solution.source))
        assert len(hints) >= 3, number
        assert len(words & set(re.findall(r"[a-z_]{4,}", hints[-1]))) >= 2, number
        assert all("def " not in text for text in hints), number


@pytest.mark.parametrize("lesson", sorted({number.partition(".")[0] for number in WRONG}, key=int))
def test_a_wrong_answer_is_explained(lesson: str) -> None:
    """ "Wrong" alone sends a learner to the solution."""
    for number, tries in WRONG.items():
        for code, says in tries if number.partition(".")[0] == lesson else ():
            _, _, solution, above = FOUND[number]
            call = solution.source.strip().splitlines()[-1]
            llmlab.trace().clear()
            result = verdict(above, f"{textwrap.dedent(code).strip()}\n\n\n{call}")
            assert result.outcome is Outcome.NOT_YET, (code, result)
            assert says in result.message, code
            assert "Traceback" not in result.message
            assert len(result.message) < 900


def test_there_are_wrong_answers_for_each() -> None:
    """A new exercise without wrong answers would have messages that nobody has read."""
    assert {number for number, tries in WRONG.items() if len(tries) >= 4} == set(FOUND)


# What somebody may hand in without reading the exercise.
class Odd:
    """An object that calls itself a function and takes nothing."""

    def __call__(self) -> None:
        raise AssertionError("never reached")


ODD = [
    *(5, "text", [], {}, object(), Odd, Odd(), print, len, str.upper, "".join, int, Path, Exception),
    lambda *given: object(),
    lambda *given: [object()],
    lambda *given: (object(), object()),
    lambda *given: (1, 2),
    lambda *given: (None, None),
    lambda *given: b"bytes",
    lambda *given: float("nan"),
    lambda *given: 10**400,
    lambda *given: 1j,
    lambda *given: {}["gone"],
    lambda *given: (piece for piece in given),
    lambda *given: check,
    lambda: 1,
]


async def later(*given: object) -> str:
    return "text"


async def pieces(*given: object):  # type: ignore[no-untyped-def]
    yield "text"


class Unwilling:
    """What a learner returns may refuse to be compared, as arrays do."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("number", FOUND)
def test_a_check_never_raises(number: str) -> None:
    """A traceback through the kit's own files teaches a learner nothing, and looks like the kit's mistake."""
    for answer in (*ODD, later, pieces, lambda *given: Unwilling(), lambda *given: (Unwilling(), Unwilling())):
        result = check(number, answer)
        assert result.outcome is Outcome.NOT_YET
        assert re.search(r"[.!?…]$", result.message), result
        assert "object at 0x" not in result.message


def test_async_and_yield_are_named() -> None:
    """Both return at once without having done anything, and a learner wonders why."""
    for number in (number for number, found in FOUND.items() if "async def" not in found[1].source):
        assert "async def" in check(number, later).message, number
        assert "yield" in check(number, pieces).message, number
        assert "yield" in check(number, lambda *given: (piece for piece in given)).message, number


def test_a_check_that_can_ask_nobody_says_so(tmp_path: Path) -> None:
    """In replay mode, or live without a server, exercise 5.1 gets no stream. That is not the learner's mistake."""
    with llmlab.start("replay", lesson="none", recordings=tmp_path):
        said = check("5.1", lambda stream: ("", "")).message
    assert said.startswith("Nothing could be asked, so your function was not tried. ")
    assert "recording" in said


def test_with_the_lab_off_no_check_sends_anything() -> None:
    """It would go to the real service, and cost money."""
    llmlab.stop()
    for number in ("0.1", "1.1", "2.1", "5.1"):
        result = check(number, lambda *given: llmlab.get_provider("openai").complete("Hi"))
        assert "The lab is switched off" in result.message, number
