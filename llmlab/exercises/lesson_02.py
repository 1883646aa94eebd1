"""Lesson 02: an answer that was cut off."""

from __future__ import annotations

from typing import Any

from llmlab.exercises.registry import exercise
from llmlab.exercises.watching import Wrong, needs_function, observed

QUESTION = "Why is the sky blue?"


@exercise(
    "2.1",
    hints=[
        "The message says why it stopped: message.stop_reason.",
        'A cut answer has the stop reason "max_tokens". Compare, and you have True or False.',
        'return message.content[0].text, message.stop_reason == "max_tokens"',
    ],
)
def answer_and_cut(answer: Any) -> str:
    """Asked once with too little room and once with enough, the function must tell the two apart."""
    function = needs_function(answer, "answer_and_cut", "2.1")
    for limit, cut in ((8, True), (200, False)):
        with observed() as sent:
            given = function(QUESTION, limit)
        if not sent or not sent[-1].path.endswith("/messages"):
            raise Wrong("Your function did not call client.messages.create(...).")
        if sent[-1].request.get("max_tokens") != limit:
            raise Wrong(f"Your function was given the limit {limit}, but sent {sent[-1].request.get('max_tokens')}.")
        if not (isinstance(given, tuple) and len(given) == 2):
            raise Wrong(f"Your function returned {given!r}; return two things: the text, and True or False.")
        text, said = given
        if text != sent[-1].response["content"][0]["text"]:
            raise Wrong(f"The service said {sent[-1].response['content'][0]['text']!r}, you returned {text!r}.")
        if said is not cut:
            raise Wrong(
                f"With {limit} tokens the service stopped for {sent[-1].response['stop_reason']!r}, "
                f"and your function said {said!r}. A reader would take half an answer for a whole one."
            )
    return "With 8 tokens the answer was cut, with 200 it was not, and your function knew."
