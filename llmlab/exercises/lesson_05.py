"""Lesson 05: thought and answer."""

from __future__ import annotations

from typing import Any

from llmlab.exercises.registry import exercise
from llmlab.exercises.watching import Wrong, needs_function
from llmlab.providers import get_provider

QUESTION = "What is 17 * 23?"


@exercise(
    "5.1",
    hints=[
        "A chunk has two fields: text and reasoning. One of them is empty.",
        "Begin with two empty texts, and add to both in one loop over the stream.",
        "for chunk in stream: thought += chunk.reasoning; answer += chunk.text",
    ],
)
def split(answer: Any) -> str:
    """Both texts must be whole, and the stream must be read to its end."""
    function = needs_function(answer, "split", "5.1")
    with get_provider("local_gpt_oss") as llm:
        stream = llm.complete_stream(QUESTION)
        given = function(stream)
        stream.close()
    if not (isinstance(given, tuple) and len(given) == 2):
        raise Wrong(f"Your function returned {given!r}; return two texts: the thought, and the answer.")
    thought, said = given
    whole = stream.result
    if (said, thought) == (whole.reasoning, whole.content):
        raise Wrong("Both texts are there, but in the wrong order: first the thought, then the answer.")
    if said != whole.content:
        raise Wrong(f"The answer was {whole.content!r}, you returned {said!r}.")
    if thought != whole.reasoning:
        raise Wrong(f"The answer is right. The thought was {whole.reasoning!r}, you returned {thought!r}.")
    if whole.finish_reason is None:
        raise Wrong("You left the stream before its end, and the answer may have gone on.")
    return f"{len(thought)} characters of thought, {len(said)} of answer, and nobody will mix them up."
