"""The exercise of lesson 00: ask for less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong, a_kind, observed
from llmlab.lab.exercises.registry import exercise

QUESTION = "Why is the sky blue?"
LIMIT = 20


@exercise(
    "0.1",
    hints=[
        "You have asked llm before, further up: llm.complete(question). What it returns is an answer with a content.",
        "complete takes options after the question, by name. max_tokens is the most tokens that the answer may have.",
        "One line is enough: return, then llm.complete with the question and max_tokens, then .content at its end.",
    ],
)
def short_answer(function: Answer) -> str:
    """Ask once, allow 20 tokens, return the text."""
    with observed() as exchanges:
        text = function(QUESTION)
    asked = [exchange for exchange in exchanges if isinstance(exchange.request, dict)]
    if not asked:
        raise Wrong("Your function asked nobody: no request was sent. Ask llm.")
    last = asked[-1]
    if QUESTION not in json.dumps(last.request, ensure_ascii=False):
        raise Wrong("Your function asked something else than the question that it was given.")
    limit = _limit(last.request)
    if limit is None:
        raise Wrong("Your request sets no limit, so the answer may be as long as the model likes. Add max_tokens.")
    if limit != LIMIT:
        raise Wrong(f"Your request allows {limit} tokens, and the exercise asks for {LIMIT}.")
    if not isinstance(text, str):
        where = " You want its text, which is in .content." if hasattr(text, "content") else ""
        forgot = " Does it end with return?" if text is None else ""
        raise Wrong(f"The request is right, but your function returned {a_kind(text)}.{where}{forgot}")
    pieces = list(_leaves(last.response))
    # A stream's end may repeat the whole text that its pieces gave.
    if text != "".join(pieces) and text not in filter(None, pieces):
        raise Wrong("The request is right, but what your function returned is not the answer's text.")
    if len(asked) > 1:
        raise Wrong(f"The answer is right, but you asked {len(asked)} times. Live, every request costs.")
    return f"You sent one request, allowed {LIMIT} tokens, and returned the answer's text."


def _limit(body: Mapping[str, Any]) -> Any:
    """Return the limit of a request, wherever its wire format has it."""
    options = body.get("options")
    places = {**(options if isinstance(options, dict) else {}), **body}
    names = ("max_output_tokens", "max_completion_tokens", "max_tokens", "num_predict")
    return next((places[name] for name in names if places.get(name) is not None), None)


def _leaves(value: Any) -> Iterator[str]:
    """Yield each piece of text of an answer, or of a stream."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and name in ("text", "content", "delta"):
                yield item
            else:
                yield from _leaves(item)
