"""Lesson 04: the speed of a stream."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import returned
from llmlab.lab.exercises.registry import exercise

LINES: list[dict[str, Any]] = [
    {"message": {"role": "assistant", "content": "Cats "}, "done": False},
    {"message": {"role": "assistant", "content": "purr."}, "done": False},
    {
        "message": {"content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 2_500_000_000,
        "load_duration": 700_000_000,
        "prompt_eval_count": 12,
        "prompt_eval_duration": 300_000_000,
        "eval_count": 60,
        "eval_duration": 1_500_000_000,
    },
]


@exercise(
    "4.1",
    hints=[
        "Only the last line counts: lines[-1]. Is it done?",
        "Tokens are in eval_count, nanoseconds in eval_duration. A second has 1e9 nanoseconds.",
        'return lines[-1]["eval_count"] / (lines[-1]["eval_duration"] / 1e9), but None if the last line is not done',
    ],
)
def tokens_per_second(function: Answer) -> str:
    """60 tokens in 1.5 seconds are 40 a second, and a broken stream has no speed."""
    given = function(deepcopy(LINES))
    if not isinstance(given, (int, float)) or round(given, 3) != 40:
        raise Wrong(f"60 tokens in 1.5 seconds are 40 a second. {returned(given)}{_reason(given)}")
    for lines, case in (
        (LINES[:2], "A stream that broke has no last line with counts"),
        ([], "A stream may break before its first line, and the list is empty then"),
    ):
        if (given := function(deepcopy(lines))) is not None:
            raise Wrong(f"{case}. Return None for it. {returned(given)}")
    return "60 tokens in 1.5 seconds are 40 a second, and a broken stream has no speed."


def _reason(given: Any) -> str:
    if not isinstance(given, (int, float)):
        return ""
    if given == 60 / 1_500_000_000:
        return " That is tokens a nanosecond: divide the duration by 1e9 first."
    if given == 1.5 / 60:
        return " That is seconds a token: divide the other way round."
    if given == 60 / 2.5:
        return " That is the total duration: loading the model and reading the prompt are in it, too."
    if given == 72 / 1.5:
        return " That counts the tokens of the prompt, too. The model did not write those."
    return ""
