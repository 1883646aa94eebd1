"""What a person reads. If one fails, stored outputs change from run to run, or an answer breaks the page it is on."""

from __future__ import annotations

import copy
import pickle

import pytest

from llmlab.types.completion import Chunk, Completion, Usage
from llmlab.types.messages import Message, Role, ToolCall


def test_usage_adds_up() -> None:
    first = Usage(1, 2, 3, 1, 1, 0.5)
    assert first + Usage(10, 20, 30, 0, 2) == Usage(11, 22, 33, 1, 3, 0.5)
    assert sum([first, first, first]) == Usage(3, 6, 9, 3, 3, 1.5)
    assert (Usage() + Usage()).cost is None


@pytest.mark.parametrize("other", [1, "x", None])
def test_usage_adds_to_nothing_else(other: object) -> None:
    with pytest.raises(TypeError):
        Usage() + other  # type: ignore[operator]
    with pytest.raises(TypeError):
        other + Usage()  # type: ignore[operator]


def test_usage_shows_only_what_there_is() -> None:
    assert repr(Usage(1, 2, 3)) == "Usage(input=1, output=2)"
    assert repr(Usage(1, 2, 3, 4, 5, 0.001)) == "Usage(input=1, output=2, cached=4, reasoning=5, cost=$0.001000)"


def test_printing_a_chunk_prints_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    print(Chunk("Hel"), Chunk("lo"), Chunk(reasoning="hm"), sep="", end="")
    assert capsys.readouterr().out == "Hello"


def test_the_text_form_is_short_and_the_same_in_every_run() -> None:
    answer = Completion("Hi", "m", "openai", "stop", Usage(1, 2, 3), latency=1.234, time_to_first_token=0.5)
    assert repr(answer) == "Completion('Hi', model='m', finish_reason='stop', usage=Usage(input=1, output=2))"
    assert str(answer) == f"{answer}" == "Hi"
    long = repr(Completion("x" * 5000, "m", tool_calls=(ToolCall("1", "f"),)))
    assert len(long) < 160
    assert "…', tool_calls=['f'], model" in long


def test_two_answers_are_equal_whatever_time_they_took() -> None:
    assert Completion("Hi", "m", latency=1.0) == Completion("Hi", "m", latency=2.0, raw_response={"a": 1})


def test_an_answer_goes_on_as_the_next_message() -> None:
    answer = Completion("", "m", tool_calls=(ToolCall("1", "f", {"a": 1}),))
    assert answer.has_tool_calls
    assert answer.message == Message(Role.ASSISTANT, "", tool_calls=answer.tool_calls)
    assert not Completion("Hi", "m").has_tool_calls


def test_jupyter_shows_markdown_with_the_usage_folded_away() -> None:
    shown = Completion("**Hi**", "m", "openai", "stop", Usage(1, 2, 3))._repr_markdown_()
    body, details = shown.split("\n\n", 1)
    assert body == "**Hi**"
    assert details.startswith("<details><summary>m · 3 tokens</summary>")
    assert "<li>usage: Usage(input=1, output=2)</li>" in details
    assert "refusal" not in details


@pytest.mark.parametrize("source", ["recorded", "simulated"])
def test_an_answer_that_is_not_live_says_so(source: str) -> None:
    assert f"tokens · {source}</summary>" in Completion("Hi", "m", source=source)._repr_markdown_()  # type: ignore[arg-type]


def test_html_in_the_details_is_shown_and_not_run() -> None:
    bad = "<script>alert(1)</script>"
    shown = Completion("Hi", bad, bad, reasoning=bad, refusal=bad, source=bad)._repr_markdown_()  # type: ignore[arg-type]
    assert "<script>" not in shown
    assert shown.count("&lt;script&gt;") >= 4


def test_a_blank_line_in_the_reasoning_does_not_break_out_of_the_details() -> None:
    shown = Completion("Hi", "m", reasoning="one\n\n# two")._repr_markdown_()
    assert "<li>reasoning: one<br><br># two</li>" in shown


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (ToolCall("1", "f", {"a": "x", "b": 2}), "\n- calls `f(a='x', b=2)`"),
        (ToolCall("1", "f", {"a": "`<b>`"}), "\n- calls ``f(a='`<b>`')``"),
        (ToolCall("1", "f", unparsed="{oops\n\n"), "\n- calls `f({oops )`"),
    ],
)
def test_tool_calls_are_shown_as_code(call: ToolCall, shown: str) -> None:
    assert shown + "\n\n<details>" in Completion("", "m", tool_calls=(call,))._repr_markdown_()


def test_values_travel_between_processes() -> None:
    answer = Completion("Hi", "m", usage=Usage(1, 2, 3), tool_calls=(ToolCall("1", "f", {"a": 1}),))
    assert pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer) == answer


def test_lines_of_a_poem_stay_lines_and_code_stays_code() -> None:
    """Markdown runs single lines together, which makes prose of a haiku."""
    shown = Completion("one\ntwo\n\n```\na = 1\nb = 2\n```\nthree\nfour", "m")._repr_markdown_()
    assert "one  \ntwo\n\n```" in shown
    assert "a = 1\nb = 2" in shown
    assert "three  \nfour" in shown
