"""The simulator beside the authored exchanges: the same keys, types, headers, order of events and errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from simulator_requests import HEADERS, WEATHER, ask, events, user

from llmlab.lab.simulator import Simulator
from llmlab.lab.wire.messages import TapeRequest
from tests.exchanges import exchange

OPENAI_TOOL = {"type": "function", **WEATHER}
RAIN = "What's the weather in Oslo?"
file = Path(__file__).with_name("exchanges.json")
ROWS: dict[str, list[Any]] = json.loads(file.read_text(encoding="utf-8"))
"""Requests like those of the exchanges: the exchange, service, path, body, and places that may differ, because they
depend on the content or are newer than the exchange."""


def shape(value: Any, at: str = "") -> set[tuple[str, str]]:
    """List every path in a JSON value with its type; whole and other numbers count as the same."""
    if isinstance(value, dict):
        return {(at, "object")}.union(*(shape(item, f"{at}.{key}") for key, item in value.items()))
    if isinstance(value, list):
        return {(at, "array")}.union(*(shape(item, f"{at}[]") for item in value))
    kind = "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    return {(at, kind)}


def differing(ours: Any, theirs: Any, *free: str) -> set[tuple[str, str]]:
    """Return the paths that only one of the two has, or has with another type; `free` names what may differ."""
    both = shape(ours) ^ shape(theirs)
    return {(path, kind) for path, kind in both if not any(path.startswith(one) for one in free)}


def kinds(streamed: list[dict[str, Any]]) -> list[str]:
    """The types of events in order, each run of the same type once."""
    types = [event["type"] for event in streamed]
    return [kind for at, kind in enumerate(types) if at == 0 or types[at - 1] != kind]


@pytest.mark.parametrize(
    ("name", "alias", "path", "body", "free"), ROWS["whole"], ids=[row[0] for row in ROWS["whole"]]
)
def test_whole_answers(name: str, alias: str, path: str, body: Any, free: list[str]) -> None:
    """Else code that was tried offline meets other keys live."""
    answer = ask(alias, path, body, method="GET" if body is None else "POST")
    assert answer.status == 200
    assert differing(answer.body, exchange(name).json, *free) == set()


def test_errors_word_for_word() -> None:
    """Else the lesson on errors teaches words that the service does not say."""
    for name, alias, path, body in ROWS["errors"]:
        real, answer = exchange(name), ask(alias, path, body)
        assert (answer.status, answer.body["error"]) == (real.status, real.json["error"]), name


def test_missing_and_wrong_keys_read_as_at_the_service() -> None:
    """Else the first error that most people meet looks different offline."""
    missing = ask("openrouter", "/api/v1/chat/completions", {}, headers={})
    assert missing.body == exchange("openrouter-error-key").json
    wrong = ask("openai", "/v1/responses", {}, headers={"authorization": "Bearer sk-wrong-0123456789"})
    real = exchange("openai-responses-error-key").json["error"]
    assert wrong.body["error"].keys() == real.keys()
    assert wrong.body["error"]["code"] == real["code"]
    assert "0123456789" not in json.dumps(wrong.body)


def test_headers_have_the_names_of_real_ones() -> None:
    """Else rate limits and request ids cannot be read offline."""
    for name, alias, path, body in ROWS["headers"]:
        real, ours = exchange(name).headers, ask(alias, path, body).headers
        assert set(real) <= set(ours), name
        assert ours["content-type"] == real["content-type"], name


def test_the_stream_of_responses() -> None:
    """Else the event loop of the streaming lesson fits the simulator only."""
    theirs = exchange("openai-responses-stream-tool").events
    asked = {"model": "gpt-5.5", "stream": True, "include": ["reasoning.encrypted_content"]}
    ours = events(ask("openai", "/v1/responses", asked | {"input": RAIN, "tools": [OPENAI_TOOL]}))
    text = events(ask("openai", "/v1/responses", asked | {"input": "Hi"}))
    real = {event["type"]: event for event in theirs}
    for event in (*ours, *text):
        assert differing(event, real[event["type"]], ".response.", ".item.", ".part.text") == set(), event["type"]
    assert ours[-1]["response"].keys() == real["response.completed"]["response"].keys()
    assert ours[0]["response"].keys() == theirs[0]["response"].keys()
    # Theirs says something before it calls the tool; ours has the two in two answers.
    message = [kind for kind in kinds(theirs) if "function_call" not in kind]
    assert [kind for kind in kinds(text) if kind in message] == kinds(text)
    assert kinds(ours)[-4:] == kinds(theirs)[-4:]


def test_the_stream_of_anthropic() -> None:
    """Else the event loop of the Anthropic lesson fits the simulator only."""
    body = {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user("Hi"), "stream": True}
    ours = {event["type"]: event for event in events(ask("anthropic", "/v1/messages", body))}
    theirs = exchange("anthropic-stream-tools").events
    assert kinds(theirs)[:4] == list(ours)[:4]
    # message_delta counts the searches of the service's own tools, which the simulator does not have
    for event in theirs[:4] + theirs[-2:]:
        assert differing(ours[event["type"]], event, ".usage.server_tool_use") == set()


def test_the_streams_of_the_chat_services() -> None:
    """Else chunks have other keys than at the service."""
    for name, alias, path, body, places, free in ROWS["streams"]:
        ours, theirs = events(ask(alias, path, body)), exchange(name).events
        for place in places:
            assert differing(ours[place], theirs[place], *free) == set(), (name, place)


def test_stored_things() -> None:
    """Else code that waits for a file, a store or a batch meets other keys live."""
    simulator, ids = Simulator(), dict[str, str]()
    for thing, name, method, alias, path, body, free in ROWS["steps"]:
        sent = json.loads(re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], match[0]), json.dumps([path, body])))
        answer = simulator.answer(TapeRequest(method, alias, sent[0], HEADERS[alias], sent[1]))
        if thing:
            ids[thing] = answer.body["id"]
        if name:
            real = exchange(name)
            assert answer.status == real.status, name
            assert set(real.headers) <= set(answer.headers), name
            assert answer.headers["content-type"] == real.headers["content-type"], name
            ours = answer.body if answer.events is None else events(answer)[0]
            assert differing(ours, real.json, *free) == set(), name


def test_a_pull() -> None:
    """Else a progress bar that was tried offline has nothing to show live."""
    answer = Simulator().answer(TapeRequest("POST", "ollama", "/api/pull", {}, {"model": "gemma3:1b"}))
    ours, theirs = events(answer), exchange("ollama-pull").events
    assert answer.headers["content-type"] == exchange("ollama-pull").headers["content-type"]
    assert differing(ours, theirs) == set()
    plain = [event["status"] for event in theirs if "digest" not in event]
    assert [event["status"] for event in ours if "digest" not in event] == plain
