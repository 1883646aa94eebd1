"""Lesson 03: a stream read by hand."""

from __future__ import annotations

from typing import Any

from llmlab.exercises.registry import exercise
from llmlab.exercises.watching import Wrong, needs_function

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


@exercise(
    "3.1",
    hints=[
        "Most lines are not for you. Which ones begin with data: and a brace?",
        'json.loads(line[6:]) is one chunk. Its text is in chunk["choices"][i]["delta"]["content"], and may be None.',
        'for choice in json.loads(line[6:])["choices"]: text += choice["delta"].get("content") or ""',
    ],
)
def read(answer: Any) -> str:
    """Comments, empty lines, a chunk without choices, a null and the end marker must all be survived."""
    function = needs_function(answer, "read", "3.1")
    given = function(list(STREAM))
    if given != "Miso, Pixel":
        raise Wrong(f"The stream says 'Miso, Pixel', your function returned {given!r}.")
    if function([]) != "":
        raise Wrong("A stream without lines has the text '', an empty one.")
    return f"{len(STREAM)} lines came in, two of them carried text, and your function found them."
