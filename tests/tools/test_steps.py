"""How a run is shown. If one fails, a reader does not see what a model did, or sees it as something else."""

from __future__ import annotations

from llmlab.toolkit.tools import ToolRun, ToolStep
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import ToolCall

DONE = ToolStep(ToolCall("c1", "add", {"a": 1, "b": 2}), {"a": 1, "b": 2}, "3")
FAILED = ToolStep(ToolCall("c2", "say", unparsed="{`x`"), error="the arguments\nare wrong", round=2)
RUN = ToolRun(Completion("It is 3.", "m-1", usage=Usage(2, 2, 4)), (), (DONE, FAILED), Usage(5, 4, 9))


def test_a_run_prints_as_its_answer_and_shows_its_steps() -> None:
    assert str(RUN) == "It is 3."
    assert RUN.rounds == 2
    assert repr(RUN) == (
        "ToolRun('It is 3.', steps=[add(a=1, b=2) → 3, say({`x`) failed: the arguments are wrong], "
        "usage=Usage(input=5, output=4))"
    )
    assert repr(DONE) == "ToolStep(add(a=1, b=2) → 3, round=1)"


def test_jupyter_shows_the_steps_as_a_list_with_the_answer_below() -> None:
    shown = RUN._repr_markdown_()
    steps, _, answer = shown.partition("\n\n---\n\n")
    assert steps == "1. `add(a=1, b=2)` → `3`\n2. `` say({`x`) `` failed: `the arguments are wrong`"
    assert answer.startswith("It is 3.")
    assert "9 tokens" in answer, "of all answers together"


def test_a_long_result_is_cut_in_the_list_only() -> None:
    long = ToolStep(ToolCall("c", "read"), result="word " * 100)
    assert len(long._repr_markdown_()) < 230
    assert long.message.content == "word " * 100


def test_nothing_is_shown_as_nothing() -> None:
    assert str(ToolStep(ToolCall("c", "read"))) == "read() → (empty)"
    nothing = ToolRun(None)
    assert (nothing.content, nothing.rounds, nothing._repr_markdown_()) == ("", 0, "")
    assert repr(nothing) == "ToolRun('', steps=[], usage=Usage(input=0, output=0))"
