"""Settings and answers of every wire format: `answers.json` has requests, and what is at some places of the answer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import ollama as ollama_sdk
import pytest
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from simulator_requests import ask, events, text_of

from llmlab.lab.wire.messages import TapeAnswer

file = Path(__file__).with_name("answers.json")
ROUTES: dict[str, list[tuple[str, Any, dict[str, Any]]]] = json.loads(file.read_text(encoding="utf-8"))
TYPES: dict[str, tuple[Any, Any]] = {
    # the end of a path: the SDK's type of a whole answer, and of an event
    "chat/completions": (ChatCompletion, ChatCompletionChunk),
    "responses": (Response, ResponseStreamEvent),
    "v1/messages": (Message, RawMessageStreamEvent),
    "count_tokens": (MessageTokensCount, None),
    "models/gpt-6-luna": (Model, None),
    "api/chat": (ollama_sdk.ChatResponse, ollama_sdk.ChatResponse),
    "api/generate": (ollama_sdk.GenerateResponse, ollama_sdk.GenerateResponse),
    "api/show": (ollama_sdk.ShowResponse, None),
    "openai /v1/completions": (Completion, None),
}


adapter = cache(TypeAdapter)


def find(answer: TapeAnswer, place: str) -> Any:
    """Return what is at a place of an answer: a dot leads into it, `*` means all; some places have names."""
    if answer.events is None:
        return text_of(answer) if place == "text" else at({"status": answer.status, **answer.body}, place)
    got, arguments, texts = events(answer), [], []
    for event in got:
        delta = event.get("delta") or at(event, "choices.0.delta") or {}
        if isinstance(delta, str):
            delta = {"partial_json" if "arguments" in event["type"] else "text": delta}
        arguments.append(at(delta, "tool_calls.0.function.arguments") or delta.get("partial_json"))
        texts += [delta.get("content"), delta.get("text"), at(event, "choices.0.text"), at(event, "message.content")]
        texts += [event.get("response"), event.get("content")]
    named = {
        "first line": answer.events[0][1],
        "last line": answer.events[-1][1],
        "kinds of deltas": sorted({at(event, "delta.type") or "" for event in got}),
        "arguments": "".join(filter(None, arguments)),
        "text": "".join(text for text in texts if isinstance(text, str)),
    }
    return named[place] if place in named else at({"events": got}, place)


def at(value: Any, place: str) -> Any:
    """Return what is at a place in JSON, or None."""
    name, _, rest = place.partition(".")
    if name == "*":
        return [at(one, rest) for one in value or ()]
    if isinstance(value, list):
        found = value[int(name)] if name.lstrip("-").isdecimal() and value else None
    else:
        found = value.get(name) if isinstance(value, dict) else None
    return at(found, rest) if rest else found


@pytest.mark.parametrize("route", ROUTES)
def test_answers_are_what_they_should_be_and_of_the_sdks_types(route: str) -> None:
    """Else a setting does nothing offline, a stream is not the whole answer, or the SDK gets half an object."""
    method, alias, path = route.split()
    whole, event = next((types for end, types in TYPES.items() if route.endswith(end)), (None, None))
    for what, body, expected in ROUTES[route]:
        answer = ask(alias, path, body, method=method)
        assert {place: find(answer, place) for place in expected} == expected, (what, body)
        if answer.events is None and whole and answer.status == 200:
            adapter(whole).validate_python({"logprobs": None} | answer.body)
        for one in events(answer) if answer.events and event else ():
            if one.get("type") != "ping":  # Anthropic's SDK has no type for it and passes over it
                adapter(event).validate_python(one)
