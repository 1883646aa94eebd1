"""The exercises of lesson 13: a stream read by hand, and a request translated by hand."""

from __future__ import annotations

import copy
import json
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import quoted, returns
from llmlab.lab.exercises.registry import exercise
from llmlab.toolkit.format_comparison import rosetta

PIECES = (("The sky", " scatters", " blue light."), ("A cat", " purrs: data: [meow]", " [DONE]"))
CHATS: tuple[list[dict[str, str]], ...] = (
    [{"role": "user", "content": "Why do cats purr?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello Ada."},
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": "What is my name?"},
    ],
)


@exercise(
    "13.1",
    hints=[
        "Go through the lines one by one. Which of them hold JSON? They all begin in the same way.",
        "Pass over what does not begin with data:, and over [DONE]; read the rest with json.loads.",
        "for choice in event['choices']: text += choice['delta'].get('content') or ''",
    ],
)
def text_of(function: Answer) -> str:
    """Two streams with all the traps of the real one must be read to their end."""
    for pieces in PIECES:
        text = function(_lines(pieces))
        whole = "".join(pieces)
        returns(text, str, "Return the text, added up piece by piece.")
        if text == pieces[-1] or text == pieces[0]:
            raise Wrong(f"Your function returned {quoted(text)}, one piece of {len(pieces)}. Add them up with +=.")
        if text != whole:
            raise Wrong(f"The stream said {quoted(whole)}, and your function read {quoted(text)}.")
    return "You read two streams with comments, an empty choice, a None and an end marker, and lost no letter."


@exercise(
    "13.2",
    hints=[
        "Compare the columns of the picture above: what has Anthropic elsewhere, or what must it have?",
        "max_tokens must be there: body.get('max_tokens', 4096). The system messages leave the list of messages.",
        'Join the system texts with "\\n\\n".join(…) into wire["system"], and leave the field out if there are none.',
    ],
)
def to_anthropic(function: Answer) -> str:
    """Three conversations must look as rosetta makes them."""
    for chat in CHATS:
        for limit in (None, 30):
            shown = rosetta(chat, only=("openai_chat", "anthropic_messages"), model="any", max_tokens=limit).bodies
            given = copy.deepcopy(shown["openai_chat"])
            _compare(function(given), shown["anthropic_messages"])
            if given != shown["openai_chat"]:
                raise Wrong("Right, but your function changed the body that it was given. Build a new one.")
    return f"You translated {2 * len(CHATS)} requests, each as rosetta does it."


def _compare(found: Any, wanted: dict[str, Any]) -> None:
    returns(found, dict, "Return a dict.")
    turns = found.get("messages")
    if isinstance(turns, list) and any(isinstance(turn, dict) and turn.get("role") == "system" for turn in turns):
        raise Wrong("A system message is still among the messages. Anthropic has a field of its own for it: system.")
    for name, value in wanted.items():
        if name not in found:
            raise Wrong(f"The body has no {name}; it should be {json.dumps(value)}.")
        if type(found[name]) is not type(value) or found[name] != value:
            said = quoted(found[name]) if not isinstance(found[name], list) else "another list"
            raise Wrong(f"{name} should be {json.dumps(value)}, and it is {said}.")
    if more := sorted(map(str, set(found) - set(wanted))):
        raise Wrong(
            f"The body has {more[0]}, which should not be there: Anthropic refuses fields that it does not know."
        )


def _lines(pieces: tuple[str, ...]) -> list[str]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}, *({"content": piece} for piece in pieces)]
    events: list[dict[str, Any]] = [{"choices": [{"delta": delta}]} for delta in deltas]
    events += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": {"total_tokens": 9}}]
    data = [line for event in events for line in (f"data: {json.dumps(event)}", "")]
    return [": OPENROUTER PROCESSING", "", *data, "data: [DONE]", ""]
