"""Lesson 01: OpenAI's instructions."""

from __future__ import annotations

import json
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong, observed, shortened
from llmlab.lab.exercises.messages import quoted, returned, texts, whole_answer
from llmlab.lab.exercises.registry import exercise

LANGUAGE, QUESTION = "French", "What is the capital of Italy?"


@exercise(
    "1.1",
    hints=[
        "In the section “Ask once” a call carries instructions beside its input.",
        'The instructions can be made with an f-string: f"Answer in {language}."',
        'client.responses.create(model=model, instructions=f"Answer in {language}.", input=question).output_text',
    ],
)
def answer_in(function: Answer) -> str:
    """The question must travel unchanged, the language in the instructions, and the text must come back."""
    with observed() as sent:
        given = function(LANGUAGE, QUESTION)
    body, response = whole_answer(sent, "/responses", "client.responses.create(...)", vendor="OpenAI")
    if _question(body.get("input")) != QUESTION:
        asked = shortened(json.dumps(body.get("input"), ensure_ascii=False))
        raise Wrong(f"The question was sent as {asked}. Leave it as it is; the language goes into instructions.")
    instructions = body.get("instructions")
    if not instructions:
        raise Wrong("Your request has no instructions. The model would answer in the language of the question.")
    if LANGUAGE.lower() not in str(instructions).lower():
        raise Wrong(f"The instructions were {quoted(instructions)}, and the language asked for was {LANGUAGE}.")
    output = response.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    text = "".join(texts(item.get("content"), "output_text") for item in items)
    if not isinstance(given, str) or given != text:
        raise Wrong(f"The service said {quoted(text)}. {returned(given)} The text is in response.output_text.")
    return f"The question travelled as it was, and the instructions said: {instructions}"


def _question(sent: Any) -> Any:
    """Return the question in an input: the text itself, or that of its one message."""
    if not isinstance(sent, list) or len(sent) != 1 or not isinstance(sent[0], dict) or sent[0].get("role") != "user":
        return sent
    content = sent[0].get("content")
    return texts(content, "input_text") if isinstance(content, list) else content
