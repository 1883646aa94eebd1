"""Lesson 19: answers in the order of their questions, and errors told from answers."""

from __future__ import annotations

import json
from typing import Any

from llmlab.errors import LLMError
from llmlab.lab.exercises.inspect import Answer, Wrong, a_kind, observed, shortened
from llmlab.lab.exercises.messages import quoted, returns, returns_two
from llmlab.lab.exercises.registry import exercise
from llmlab.providers import get_provider
from llmlab.toolkit.batches import submit_batch

IDS = ["b", "d", "a", "c"]
TEXTS = {"a": "Rome", "b": "Paris", "c": "Oslo"}
REQUESTS: list[Any] = [
    "What is 6 * 7?",
    {"prompt": "Surprise me!", "extra": {"temperature": 9}},
    "What is the capital of Japan?",
]


@exercise(
    "19.1",
    hints=[
        "Read each line with json.loads. Its custom_id says which question it answers.",
        "Put the texts into a dict under their custom_id first; then walk through ids.",
        "found = {result['custom_id']: text_of(result) for …}, then [found.get(name) for name in ids]",
    ],
)
def in_order(function: Answer) -> str:
    """Shuffled lines must find their questions, and a missing one must leave a gap."""
    given = function([_line(name, text) for name, text in TEXTS.items()], list(IDS))
    returns(given, (list, tuple), "Return a list.")
    wanted = [TEXTS.get(name) for name in IDS]
    if list(given) == wanted:
        return "Three shuffled lines, four questions, and each text is in its place."
    if list(given) == list(TEXTS.values()):
        raise Wrong("These are the texts in the order of the lines. Give them in the order of ids.")
    if list(given) == [text for text in wanted if text]:
        raise Wrong("The order is right, but for the id 'd' there is no line: keep its place with None.")
    if len(given) != len(IDS):
        raise Wrong(f"Your list has {len(given)} places. Give it one for each of the {len(IDS)} ids.")
    name, text, found = next(three for three in zip(IDS, wanted, given, strict=True) if three[1] != three[2])
    raise Wrong(f"For the id {name!r} it should be {text!r}, and your list has {quoted(found)} there.")


@exercise(
    "19.2",
    hints=[
        "submit_batch(requests, llm).wait() returns a list with answers and errors.",
        "An error is one with isinstance(one, llmlab.LLMError); str(one) is the text of an answer.",
        "enumerate(outcomes) gives the places. Return the list of texts and the list of places.",
    ],
)
def sort_out(function: Answer) -> str:
    """All answers and the one error must be told apart, from one batch."""
    with observed() as sent:
        given = function(list(REQUESTS))
    made = [one for one in sent if one.method == "POST" and one.path.endswith("/batches")]
    if len(made) != 1:
        raise Wrong(f"Your function made {len(made)} batches, and should make one: llmlab.submit_batch(requests, llm).")
    returns_two(given, "Return two lists: the texts, and the places of what failed.")
    texts, failed = given
    with observed(), get_provider("openai") as llm:
        outcomes = submit_batch(REQUESTS, llm).wait(progress=False)
    wanted = [str(one) for one in outcomes if not isinstance(one, LLMError)]
    places = [place for place, one in enumerate(outcomes) if isinstance(one, LLMError)]
    if not isinstance(failed, (list, tuple)) or list(failed) != places:
        raise Wrong(f"The request in place {places[0]} failed, so the second list is {places}, not {_shown(failed)}.")
    if not isinstance(texts, (list, tuple)) or list(map(_text, texts)) != wanted:
        raise Wrong(f"The first list should hold the texts of the {len(wanted)} answers, not {quoted(texts)}.")
    return f"{len(wanted)} answers and 1 error out of one batch, each where it belongs."


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"The first list holds {a_kind(value)}. Return the text of each answer: its .content.")
    return value


def _shown(value: Any) -> str:
    """Return a list as it is written, as far as it holds words and numbers only."""
    if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value):
        return shortened(repr(value))
    return quoted(value)


def _line(name: str, text: str) -> str:
    body = {"output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]}
    return json.dumps({"custom_id": name, "response": {"status_code": 200, "body": body}, "error": None})
