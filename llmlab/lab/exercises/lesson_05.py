"""Lesson 05: thought and answer."""

from __future__ import annotations

from llmlab.errors import LLMError
from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returns_two
from llmlab.lab.exercises.registry import exercise
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
def split(function: Answer) -> str:
    """Both texts must be whole, and the stream must be read to its end."""
    with observed(), get_provider("local_gpt_oss") as llm:
        try:
            stream = llm.complete_stream(QUESTION)
        except LLMError as error:
            raise Wrong(f"Nothing could be asked, so your function was not tried. {error}") from error
        with stream:
            given = function(stream)
    whole = stream.result
    if whole.finish_reason is None:
        raise Wrong("You left the stream before its end, and the answer may have gone on. Return after the loop.")
    returns_two(given, "Return two texts: the thought, and the answer.")
    for place, text in zip(("first", "second"), given, strict=True):
        if not isinstance(text, str):
            raise Wrong(f"The {place} thing you returned is {quoted(text)}, and it should be a text. Add up with +=.")
    thought, said = given
    if (said, thought) == (whole.reasoning, whole.content):
        raise Wrong("Both texts are there, but in the wrong order: first the thought, then the answer.")
    if said != whole.content:
        raise Wrong(f"The answer was {quoted(whole.content)}, you returned {quoted(said)}.")
    if thought != whole.reasoning:
        raise Wrong(f"The answer is right. The thought was {quoted(whole.reasoning)}, you returned {quoted(thought)}.")
    return f"{len(thought)} characters of thought, {len(said)} of answer, and nobody will mix them up."
