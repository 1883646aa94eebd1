"""Lesson 01: OpenAI's instructions."""

from __future__ import annotations

from typing import Any

from llmlab.exercises.registry import exercise
from llmlab.exercises.watching import Wrong, needs_function, observed

LANGUAGE, QUESTION = "French", "What is the capital of Italy?"


@exercise(
    "1.1",
    hints=[
        "In the section “Ask once” a call carries instructions beside its input.",
        'The instructions can be made with an f-string: f"Answer in {language}."',
        'client.responses.create(model=model, instructions=f"Answer in {language}.", input=question).output_text',
    ],
)
def answer_in(answer: Any) -> str:
    """The question must travel unchanged, the language in the instructions, and the text must come back."""
    function = needs_function(answer, "answer_in", "1.1")
    with observed() as sent:
        given = function(LANGUAGE, QUESTION)
    if not sent:
        raise Wrong("Your function sent nothing. Let it call client.responses.create(...).")
    body, path = sent[-1].request, sent[-1].path
    if not path.endswith("/responses"):
        raise Wrong(f"Your function asked {path}; use client.responses.create.")
    if body.get("input") != QUESTION:
        raise Wrong(
            f"The question was sent as {body.get('input')!r}. Leave it as it is; the language goes into instructions."
        )
    if LANGUAGE not in (body.get("instructions") or ""):
        raise Wrong(
            "The instructions do not name the language. The model would answer in the language of the question."
        )
    text = "".join(
        part.get("text", "") for item in sent[-1].response.get("output", []) for part in item.get("content", [])
    )
    if given != text:
        raise Wrong(f"The service said {text!r}, but your function returned {given!r}. Return response.output_text.")
    return f"The question travelled as it was, and the instructions said: {body['instructions']}"
