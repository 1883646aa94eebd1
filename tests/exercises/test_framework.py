"""`check` and `hint`: what a learner reads must be true, legible, and the same on every run."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import llmlab
from llmlab.errors import LLMError
from llmlab.lab.exercises import Hint, Verdict, check, exercise, hint
from llmlab.lab.exercises.inspect import is_stub
from llmlab.lab.exercises.result import Outcome


def stub(question: str) -> Any: ...


def stub_with_docstring(question: str) -> Any:
    """Says what to do."""
    ...  # your code: the only thing to change  # noqa: PIE790


def stub_passing(question: str) -> Any:
    pass


def stub_returning(question: str) -> Any:
    return None


async def stub_async(question: str) -> Any: ...


def double(number: int) -> int:
    return 2 * number


def fails(number: int) -> float:
    halves = number / 2
    return halves / (number - number)


class Failing:
    def __call__(self, number: int) -> int:
        raise RuntimeError


@pytest.mark.usefixtures("doubling")
def test_a_stub_is_not_attempted() -> None:
    """Run All on a fresh notebook must not tell a learner that they are wrong."""
    stubs = (stub, stub_with_docstring, stub_passing, stub_returning, stub_async, functools.partial(stub))
    for answer in (None, ..., *stubs):
        verdict = check("0.9", answer)
        assert repr(verdict) == '0.9 not attempted yet. Stuck? hint("0.9")'
        assert not verdict.right


@pytest.mark.usefixtures("doubling")
def test_anything_else_is_an_attempt() -> None:
    """Somebody who tried and is told that they did not loses heart."""
    for answer in (lambda number: 0, lambda number: "x", lambda number: number or None):
        assert check("0.9", answer).outcome is Outcome.NOT_YET
    assert not any(map(is_stub, (0, "", [])))


@pytest.mark.usefixtures("doubling")
def test_right_and_not_yet_say_what_the_code_did() -> None:
    assert repr(check("0.9", double)) == "0.9 right. Your function made 8 of 4."
    assert check("0.9", double).right
    assert repr(check("0.9", lambda number: 5)) == "0.9 not yet. Your function made 5 of 4."


@pytest.mark.usefixtures("doubling")
def test_an_error_of_the_learners_is_told_with_its_line() -> None:
    """A traceback through the kit's own files teaches nobody where the mistake is."""
    line = fails.__code__.co_firstlineno + 2
    said = f"Your code stopped in line {line}, return halves / (number - number). ZeroDivisionError: "
    assert check("0.9", fails).message.startswith(said)
    assert check("0.9", Failing()).message.endswith("raise RuntimeError. RuntimeError.")


@pytest.mark.usefixtures("doubling")
def test_a_function_with_other_arguments_is_told_so() -> None:
    def nothing_taken() -> int:
        return 8

    said = check("0.9", nothing_taken).message
    assert said.startswith("Your function does not take the arguments that the exercise gives it. TypeError: ")


@pytest.mark.usefixtures("doubling")
def test_a_key_in_an_error_is_not_shown() -> None:
    """Outputs of notebooks are committed and handed out."""

    def leaks(number: int) -> int:
        raise ValueError("bad key sk-proj-abc123def456ghi789\nin two lines " + "x" * 1000)

    said = check("0.9", leaks).message
    assert "abc123" not in said
    assert "\n" not in said
    assert len(said) < 500


@pytest.mark.usefixtures("doubling")
def test_a_check_that_fails_by_itself_is_seen() -> None:
    """Blamed on the learner, a mistake of the kit would never be found."""
    with pytest.raises(ZeroDivisionError, match="in the check"):
        check("0.8", double)


@pytest.mark.usefixtures("doubling")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_stopping_the_kernel_works(error: type[BaseException]) -> None:
    """Who presses stop wants it to stop."""

    def stopped(number: int) -> int:
        raise error

    with pytest.raises(error):
        check("0.9", stopped)


@pytest.mark.usefixtures("doubling")
def test_hints_come_one_at_a_time_and_begin_again() -> None:
    """All at once would be the solution."""
    assert [repr(hint("0.9")) for _ in range(4)] == [
        "0.9, hint 1 of 2: Think.",
        "0.9, hint 2 of 2: Think twice.",
        "0.9: That was the last hint. The solution is folded into the cell below; the next call begins again.",
        "0.9, hint 1 of 2: Think.",
    ]


@pytest.mark.usefixtures("doubling")
@pytest.mark.parametrize("ask", [lambda number: check(number, double), hint])
def test_an_unknown_number_names_the_nearest(ask: Any) -> None:
    with pytest.raises(LLMError, match=r"no exercise '0\.99'\. Did you mean '0\.9'\? There are 0\.1, 0\.8, 0\.9, 1\.1"):
        ask("0.99")


def test_arguments_in_the_wrong_order_are_explained() -> None:
    with pytest.raises(
        LLMError, match=r'the number of the exercise comes first, in quotes: check\("1\.1", your_function'
    ):
        check(double, "0.9")  # type: ignore[arg-type]
    with pytest.raises(LLMError, match=r'in quotes: hint\("1\.1"\)$'):
        hint(0.9)  # type: ignore[arg-type]


@pytest.mark.usefixtures("doubling")
def test_two_exercises_with_one_number_are_refused() -> None:
    """The second would take the place of the first, and one lesson's check would answer for another."""
    with pytest.raises(ValueError, match=r"two exercises 0\.9"):
        exercise("0.9", hints=["x"])(lambda answer: "")


def test_numbers_and_hints_are_checked() -> None:
    """An author learns at once that no learner could ask for this exercise, or for a hint."""
    cases: list[tuple[str, Any]] = [("one", ["x"]), ("01.1", ["x"]), ("1.0", ["x"]), ("1.1", []), ("1.1", "x")]
    for number, hints in cases:
        with pytest.raises(ValueError, match="exercise"):
            exercise(number, hints=hints)


def test_what_a_cell_shows_is_the_sentence() -> None:
    """Quotes or an address in the output would differ from run to run, or look like a mistake."""
    formatter = InteractiveShell.instance().display_formatter
    data, _ = formatter.format(Verdict("1.1", Outcome.RIGHT, "It sent $5 and <b> *x* `y`."))
    assert data["text/plain"] == "1.1 right. It sent $5 and <b> *x* `y`."
    assert data["text/markdown"] == r"**1.1 right.** It sent \$5 and \<b\> \*x\* \`y\`."
    data, _ = formatter.format(Hint("1.1", "Use max_tokens.", 1, 2))
    assert data["text/plain"] == "1.1, hint 1 of 2: Use max_tokens."
    assert data["text/markdown"] == r"**1.1, hint 1 of 2:** Use max\_tokens."
    InteractiveShell.clear_instance()


def test_the_package_gives_check_and_hint() -> None:
    assert llmlab.check is check
    assert llmlab.hint is hint
