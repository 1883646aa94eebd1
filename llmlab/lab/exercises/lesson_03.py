"""Lesson 03: a stream read by hand."""

from __future__ import annotations

from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import returned
from llmlab.lab.exercises.registry import exercise

STREAM = [
    ": OPENROUTER PROCESSING",
    "",
    'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}',
    "",
    'data: {"choices": [{"index": 0, "delta": {"content": "Miso, "}}]}',
    "",
    ": OPENROUTER PROCESSING",
    "",
    'data: {"choices": [{"index": 0, "delta": {"content": "Pixel"}}]}',
    "",
    'data: {"choices": [{"index": 0, "delta": {"content": null}, "finish_reason": "stop"}]}',
    "",
    'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}',
    "",
    "data: [DONE]",
]
TEXT = "Miso, Pixel"


@exercise(
    "3.1",
    hints=[
        "Most lines are not for you. Which ones begin with data: and a brace?",
        'json.loads(line[6:]) is one chunk. Its text is in chunk["choices"][i]["delta"]["content"], and may be None.',
        'for choice in json.loads(line[6:])["choices"]: text += choice["delta"].get("content") or ""',
    ],
)
def read(function: Answer) -> str:
    """Comments, empty lines, a chunk without choices, a null and the end marker must all be survived."""
    given = _read(function)
    if not isinstance(given, str):
        join = ' "".join makes one text of a list.' if isinstance(given, list) else ""
        raise Wrong(f"{returned(given)} It should return one text.{join}")
    if given != TEXT:
        raise Wrong(f"The stream says {TEXT!r}. {returned(given)}{_reason(given)}")
    nothing = function([])
    if not isinstance(nothing, str) or nothing:
        raise Wrong(f"A stream without lines has the text '', an empty one. {returned(nothing)}")
    return f"{len(STREAM)} lines came in, two of them carried text, and your function found them."


def _read(function: Answer) -> Any:
    """Return what the function makes of the stream; if it fails, say which line it cannot read."""
    try:
        return function(list(STREAM))
    except Wrong as stopped:
        for line in STREAM:
            try:
                function([line])
            except Wrong as alone:
                if type(alone.__cause__) is type(stopped.__cause__):
                    shown = f"The line was {line!r}." if line else "The line was empty."
                    raise Wrong(f"{stopped} {shown}") from stopped.__cause__
        raise


def _reason(given: str) -> str:
    if "None" in given:
        return " One piece of text is no text but null, and that became the word None."
    if given and TEXT.startswith(given):
        return " You stopped before the end. Is the return inside the loop?"
    if given and TEXT.endswith(given):
        return " Only the last piece is left. Add to the text with += in the loop."
    return ""
