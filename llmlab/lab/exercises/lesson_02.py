"""Lesson 02: an answer that was cut off."""

from __future__ import annotations

import json

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returns_two, texts, whole_answer
from llmlab.lab.exercises.registry import exercise

QUESTION, ONE_WORD = "Why is the sky blue?", "What is the capital of France? Answer with one word."


@exercise(
    "2.1",
    hints=[
        "The message says why it stopped: message.stop_reason.",
        'A cut answer has the stop reason "max_tokens". Compare, and you have True or False.',
        'return message.content[0].text, message.stop_reason == "max_tokens"',
    ],
)
def answer_and_cut(function: Answer) -> str:
    """Only the stop reason tells cut answers from whole ones: not the full stop at the end, and no count of tokens."""
    _ask(function, QUESTION, 8)
    used = _ask(function, QUESTION, 200)
    # Cut behind a full stop; whole with exactly as many tokens as allowed; whole without a full stop.
    for question, limit in ((QUESTION, 14), (QUESTION, used), (ONE_WORD, 200)):
        _ask(function, question, limit)
    return "With 8 tokens the answer was cut, with 200 it was not, and your function knew."


def _ask(function: Answer, question: str, limit: int) -> int:
    """Compare what the function returns with the answer of the service, and return the tokens of that answer."""
    with observed() as sent:
        given = function(question, limit)
    body, response = whole_answer(sent, "/messages", "client.messages.create(...)", vendor="Anthropic")
    if body.get("max_tokens") != limit:
        raise Wrong(f"Your function was given the limit {limit}, but sent {body.get('max_tokens')}.")
    if question not in json.dumps(body, ensure_ascii=False):
        raise Wrong("Your function asked something else than the question that it was given.")
    returns_two(given, "Return two things: the text, and True or False.")
    text, reason = texts(response.get("content"), "text"), response.get("stop_reason")
    if not isinstance(given[0], str) or given[0] != text:
        raise Wrong(f"The service said {quoted(text)}. The first thing you returned is {quoted(given[0])}.")
    cut = reason == "max_tokens"
    if given[1] is not cut:
        danger = "a reader takes half an answer for a whole one" if cut else "a whole answer looks like half of one"
        raise Wrong(
            f"With {limit} tokens the service stopped for {quoted(reason)}, and the second thing you returned is "
            f"{quoted(given[1])}. It must be {cut}, or {danger}. The text was {quoted(text)}."
        )
    return int(response["usage"]["output_tokens"])
