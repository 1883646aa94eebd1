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


@pytest.mark.parametrize("number", FOUND)
def test_the_solution_is_right(number: str) -> None:
    """A learner who looks it up and is told that it is wrong trusts nothing after that."""
    _, _, solution, above = FOUND[number]
    result = verdict(above, solution.source)
    assert repr(result).startswith(f"{number} right. "), result


@pytest.mark.parametrize("number", FOUND)
def test_the_stub_is_no_attempt(number: str) -> None:
    """Run All on a fresh notebook must not tell a learner that they are wrong."""
    _, stub, _, above = FOUND[number]
    assert repr(verdict(above, stub.source)) == f'{number} not attempted yet. Stuck? hint("{number}")'


@pytest.mark.parametrize("number", FOUND)
def test_the_last_hint_is_short_of_the_solution_and_mentions_it(number: str) -> None:
    """Hints go from a nudge to nearly the solution; a solution printed whole would end the exercise."""
    registry._find(number, "hint")
    hints = registry._exercises[number].hints
    solution = FOUND[number][2].source
    words = set(re.findall(r"[a-z_]{4,}", solution))
    assert len(hints) >= 3
    assert len(words & set(re.findall(r"[a-z_]{4,}", hints[-1]))) >= 2
    assert all("def " not in text for text in hints)


@pytest.mark.parametrize(
    ("number", "code", "says"), [(number, code, says) for number, tries in WRONG.items() for code, says in tries]
)
def test_a_wrong_answer_is_told_what_it_did(number: str, code: str, says: str) -> None:
    """ "Wrong" alone sends a learner to the solution."""
    _, _, solution, above = FOUND[number]
    call = solution.source.strip().splitlines()[-1]
    result = verdict(above, f"{textwrap.dedent(code).strip()}\n\n\n{call}")
    assert result.outcome is Outcome.NOT_YET, result
    assert says in result.message
    assert "Traceback" not in result.message
    assert len(result.message) < 900


def test_there_are_wrong_answers_for_each() -> None:
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
@pytest.mark.parametrize(
    "answer", [*ODD, later, pieces, lambda *given: Unwilling(), lambda *given: (Unwilling(), Unwilling())]
)
def test_a_check_never_raises(number: str, answer: object) -> None:
    """A traceback through the kit's own files teaches a learner nothing, and looks like the kit's mistake."""
    result = check(number, answer)
    assert result.outcome is Outcome.NOT_YET
    assert re.search(r"[.!?…]$", result.message)
    assert "object at 0x" not in result.message


@pytest.mark.parametrize("number", [number for number, found in FOUND.items() if "async def" not in found[1].source])
def test_async_and_yield_are_named(number: str) -> None:
    """Both return at once without having done anything, and a learner wonders why."""
    assert "async def" in check(number, later).message
    assert "yield" in check(number, pieces).message
    assert "yield" in check(number, lambda *given: (piece for piece in given)).message


def test_a_check_that_can_ask_nobody_says_so(tmp_path: Path) -> None:
    """In replay mode, or live without a server, exercise 5.1 gets no stream. That is not the learner's mistake."""
    with llmlab.start("replay", lesson="none", recordings=tmp_path):
        said = check("5.1", lambda stream: ("", "")).message
    assert said.startswith("Nothing could be asked, so your function was not tried. ")
    assert "recording" in said


@pytest.mark.parametrize("number", ["0.1", "1.1", "2.1", "5.1"])
def test_with_the_lab_off_no_check_sends_anything(number: str) -> None:
    """It would go to the real service, and cost money."""
    llmlab.stop()
    assert (
        "The lab is switched off" in check(number, lambda *given: llmlab.get_provider("openai").complete("Hi")).message
    )
