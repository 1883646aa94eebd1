"""The simulator in a changed version: what the services might answer one day, over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llmlab.lab.simulator import simulate
from llmlab.lab.tape.cassette import Cassette, Interaction
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

KEY = {"authorization": "Bearer simulated", "x-api-key": "simulated"}
HELLO = [{"role": "user", "content": "Hello"}]
REQUESTS = {
    "plain": TapeRequest("POST", "openai", "/v1/responses", KEY, {"model": "gpt-6-luna", "input": "Hello"}),
    "streamed": TapeRequest(
        "POST", "openai", "/v1/responses", KEY, {"model": "gpt-6-luna", "input": "Hello", "stream": True}
    ),
    "claude": TapeRequest(
        "POST",
        "anthropic",
        "/v1/messages",
        KEY | {"anthropic-version": "2023-06-01"},
        {"model": "claude-haiku-5-5", "max_tokens": 50, "messages": HELLO},
    ),
    "wrong model": TapeRequest("POST", "openai", "/v1/responses", KEY, {"model": "gpt-nonsense", "input": "Hello"}),
    "wrong key": TapeRequest("GET", "openai", "/v1/models", {"authorization": "Bearer wrong"}),
    "ollama": TapeRequest("POST", "ollama", "/api/chat", {}, {"model": "gpt-oss:20b", "messages": HELLO}),
}


def recorded(*names: str) -> Cassette:
    """Return what the simulator says as it is now, as a recording."""
    exchanges = (Interaction(replace(REQUESTS[name], headers={}), simulate(REQUESTS[name])) for name in names)
    return Cassette("recorded", "2026-11-14", tuple(exchanges))


Change = Callable[[TapeRequest, TapeAnswer], TapeAnswer]


def changed(change: Change) -> Callable[[TapeRequest], TapeAnswer]:
    """Return a simulator whose answers are altered."""
    return lambda request: change(request, simulate(request))


def same(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    return answer


def add_name(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    return replace(answer, body={**answer.body, "mood": "cheerful"}) if answer.events is None else answer


def change_type(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    if not isinstance(answer.body, dict) or "created_at" not in answer.body:
        return answer
    return replace(answer, body={**answer.body, "created_at": "2027-01-01T00:00:00Z"})


def change_order(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    if answer.events is None:
        return answer
    (one, first), (other, second), *rest = answer.events
    return replace(answer, events=((one, second), (other, first), *rest))


def rename_in_stream(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    def rename(event: Event) -> Event:
        if isinstance(event, str) or "delta" not in event:
            return event
        kept = {name: value for name, value in event.items() if name != "delta"}
        return kept | {"piece": event["delta"]}

    return (
        replace(answer, events=tuple((at, rename(event)) for at, event in answer.events)) if answer.events else answer
    )


def retire(model: str) -> Change:
    """Return a change after which a model is gone."""

    def gone(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
        if not isinstance(request.body, dict) or request.body.get("model") != model:
            return answer
        error: dict[str, Any] = {"message": f"The model `{model}` has been retired.", "code": "model_not_found"}
        return TapeAnswer(400, {}, {"error": error})

    return gone


def forgive(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    """What failed does not fail any more."""
    return TapeAnswer(200, {}, {"object": "response"}) if answer.status == 400 else answer


def refuse(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    """Another reason to fail than a model that is gone."""
    return TapeAnswer(422, {}, {"error": {"message": "temperature is required"}}) if answer.status == 200 else answer


def limit(request: TapeRequest, answer: TapeAnswer) -> TapeAnswer:
    """A bad hour."""
    return TapeAnswer(429, {"retry-after": "60"}, {"error": {"message": "slow down"}})
