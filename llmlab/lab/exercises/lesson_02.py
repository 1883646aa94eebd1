"""Lesson 02: an answer that was cut off."""

from __future__ import annotations

import json

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returns_two, texts, whole_answer
from llmlab.lab.exercises.registry import exercise

QUESTION = "Why is the sky blue?"


@exercise(
    "2.1",
    hints=[
        "The message says why it stopped: message.stop_reason.",
        'A cut answer has the stop reason "max_tokens". Compare, and you have True or False.',
        'return message.content[0].text, message.stop_reason == "max_tokens"',
    ],
)
def answer_and_cut(function: Answer) -> str:
    """Asked once with too little room and once with enough, the function must tell the two apart."""
    for limit, cut in ((8, True), (200, False)):
        with observed() as sent:
            given = function(QUESTION, limit)
        body, response = whole_answer(sent, "/messages", "client.messages.create(...)")
        if body.get("max_tokens") != limit:
            raise Wrong(f"Your function was given the limit {limit}, but sent {body.get('max_tokens')}.")
        if QUESTION not in json.dumps(body, ensure_ascii=False):
            raise Wrong("Your function asked something else than the question that it was given.")
        returns_two(given, "Return two things: the text, and True or False.")
        text = texts(response.get("content"), "text")
        if not isinstance(given[0], str) or given[0] != text:
            raise Wrong(f"The service said {quoted(text)}. The first thing you returned is {quoted(given[0])}.")
        if given[1] is not cut:
            stopped = f"With {limit} tokens the service stopped for {quoted(response.get('stop_reason'))}"
            raise Wrong(
                f"{stopped}, and the second thing you returned is {quoted(given[1])}. It must be {cut}, or a reader "
                "takes half an answer for a whole one."
            )
    return "With 8 tokens the answer was cut, with 200 it was not, and your function knew."
