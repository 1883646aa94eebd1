"""The simulator beside exchanges: the same order of events, the same keys in each, the same headers."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_asking import ask, events, user
from simulator_samples import (
    CHAT_TOOL,
    ENCRYPTED,
    OPENAI_TOOL,
    RAIN,
    differing,
    kinds,
)

from tests.exchanges import exchange


def test_responses_stream_beside_a_real_one() -> None:
    """Else the event loop of the streaming lesson fits the simulator only."""
    theirs = exchange("openai-responses-stream-tool").events
    ours = events(
        ask(
            "openai",
            "/v1/responses",
            {"model": "gpt-5.5", "input": RAIN, "tools": [OPENAI_TOOL], "stream": True, **ENCRYPTED},
        )
    )
    text = events(ask("openai", "/v1/responses", {"model": "gpt-5.5", "input": "Hi", "stream": True, **ENCRYPTED}))
    real = {event["type"]: event for event in theirs}
    for event in (*ours, *text):
        free = (".response.", ".item.", ".part.text")
        assert differing(event, real[event["type"]], *free) == set(), event["type"]
    last = next(event["response"] for event in theirs if event["type"] == "response.completed")
    assert ours[-1]["response"].keys() == last.keys()
    assert ours[0]["response"].keys() == theirs[0]["response"].keys()
    # Theirs says something before it calls the tool; ours has the two in two answers.
    message = [kind for kind in kinds(theirs) if "function_call" not in kind]
    assert [kind for kind in kinds(text) if kind in message] == kinds(text)
    assert kinds(ours)[-4:] == kinds(theirs)[-4:]


def test_chat_stream_beside_a_real_one() -> None:
    """Else chunks have other keys than at OpenAI."""
    body = {"model": "gpt-5.4", "messages": user(RAIN), "tools": [CHAT_TOOL], "stream": True}
    ours = events(ask("openai", "/v1/chat/completions", body | {"stream_options": {"include_usage": True}}))
    theirs = exchange("openai-chat-stream-tool-no-arguments").events
    free = (".system_fingerprint",)
    assert differing(ours[0], theirs[0], *free) == set()
    assert differing(ours[1], theirs[1], *free) == set()
    assert differing(ours[-2], theirs[-2], *free) == set()
    assert differing(ours[-1], theirs[-1], *free) == set()


def test_anthropic_stream_beside_a_real_one() -> None:
    """Else the event loop of the Anthropic lesson fits the simulator only."""
    body = {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user("Hi"), "stream": True}
    ours = {event["type"]: event for event in events(ask("anthropic", "/v1/messages", body))}
    theirs = exchange("anthropic-stream-tools").events
    assert kinds(theirs)[:4] == list(ours)[:4]
    # message_delta counts the searches of the service's own tools, which the simulator does not have
    for event in theirs[:4] + theirs[-2:]:
        assert differing(ours[event["type"]], event, ".usage.server_tool_use") == set()


def test_openrouter_stream_beside_a_real_one() -> None:
    """Else chunks have other keys than at OpenRouter."""
    body = {"model": "openai/gpt-6-luna", "messages": user(RAIN), "tools": [CHAT_TOOL], "stream": True}
    ours = events(ask("openrouter", "/api/v1/chat/completions", body))
    theirs = exchange("openrouter-stream-tool").events
    assert differing(ours[0], theirs[0]) == set()
    assert differing(ours[1], theirs[1]) == set()
    assert differing(ours[-2], theirs[-2]) == set()
    # Newer answers name the cost, and count cache writes and sound.
    free = (
        ".system_fingerprint",
        ".usage.cost_details",
        ".usage.prompt_tokens_details",
        ".usage.completion_tokens_details",
    )
    assert differing(ours[-1], theirs[-1], *free) == set()


@pytest.mark.parametrize("name", ["ollama-chat-stream-text", "ollama-generate-stream"])
def test_ollama_stream_beside_a_real_one(name: str) -> None:
    """Else lines have other keys than Ollama's."""
    path = exchange(name).path
    body = {"model": "qwen3:8b", "think": False, "messages": user("Hi")} if path == "/api/chat" else {}
    ours = events(ask("ollama", path, body or {"model": "qwen3:8b", "think": False, "prompt": "Hi"}))
    theirs = exchange(name).events
    assert differing(ours[0], theirs[0]) == set()
    assert differing(ours[-1], theirs[-1], ".context") == set()


@pytest.mark.parametrize(
    ("name", "index"),
    [("ollama-compatible-stream-tool", 0), ("ollama-compatible-stream-text", 0), ("ollama-compatible-stream-tool", -3)],
)
def test_ollama_compatible_stream_beside_a_real_one(name: str, index: int) -> None:
    """Else chunks have other keys than at Ollama's compatible path."""
    body = {"model": "qwen3:8b", "messages": user(RAIN), "tools": [CHAT_TOOL], "stream": True}
    if name.endswith("text"):
        body = {"model": "qwen3:8b", "messages": user("Hi"), "reasoning_effort": "none", "stream": True}
    ours = events(ask("ollama", "/v1/chat/completions", body | {"stream_options": {"include_usage": True}}))
    assert differing(ours[index], exchange(name).events[index]) == set()
    assert differing(ours[-1], exchange(name).events[-1]) == set()


HEADERS = [
    ("openai-chat-loop-1", "openai", "/v1/chat/completions", {"model": "gpt-5.4", "messages": user("Hi")}),
    ("openai-embeddings", "openai", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}),
    (
        "anthropic-text-and-tool",
        "anthropic",
        "/v1/messages",
        {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": user("Hi")},
    ),
    (
        "openrouter-loop-1",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "openrouter/free", "messages": user("Hi")},
    ),
    (
        "openrouter-stream-tool",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "openrouter/free", "messages": user("Hi"), "stream": True},
    ),
    ("ollama-chat-stream-text", "ollama", "/api/chat", {"model": "gpt-oss:20b", "messages": user("Hi")}),
]


@pytest.mark.parametrize(("name", "alias", "path", "body"), HEADERS, ids=[row[0] for row in HEADERS])
def test_headers_have_the_names_of_real_ones(name: str, alias: str, path: str, body: Any) -> None:
    """Else rate limits and request ids cannot be read offline."""
    real, ours = exchange(name).headers, ask(alias, path, body).headers
    assert set(real) <= set(ours)
    assert ours["content-type"] == real["content-type"]
