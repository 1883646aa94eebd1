"""The simulator beside exchanges: the same keys, the same types, the same errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulator_asking import ask, user
from simulator_samples import ANTHROPIC_TOOL, CHAT_TOOL, ENCRYPTED, OPENAI_TOOL, RAIN, differing

from tests.exchanges import exchange

PLAIN = [
    # sample, alias, path, body; what may differ, because it depends on the content
    (
        "openai-responses-loop-1",
        "openai",
        "/v1/responses",
        {"model": "gpt-5-nano", "input": RAIN, "tools": [OPENAI_TOOL], **ENCRYPTED},
        (".tools[].parameters", ".metadata."),
    ),
    (
        "openai-responses-input-tokens",
        "openai",
        "/v1/responses/input_tokens",
        {"model": "gpt-5.4", "input": "Hi"},
        (),
    ),
    (
        "openai-chat-tool-no-arguments",
        "openai",
        "/v1/chat/completions",
        {"model": "gpt-5-mini", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (),
    ),
    (
        "openai-chat-text",
        "openai",
        "/v1/chat/completions",
        {"model": "gpt-5-mini", "messages": user("Hi")},
        (".system_fingerprint",),
    ),
    ("openai-model", "openai", "/v1/models/gpt-5", None, ()),
    ("openai-models", "openai", "/v1/models", None, ()),
    ("openai-embeddings", "openai", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}, ()),
    (
        "openai-embeddings-base64",
        "openai",
        "/v1/embeddings",
        {"model": "text-embedding-ada-002", "input": "Hi", "encoding_format": "base64"},
        (),
    ),
    (
        "anthropic-loop-2",
        "anthropic",
        "/v1/messages",
        {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user("Hi")},
        (),
    ),
    (
        "anthropic-loop-1",
        "anthropic",
        "/v1/messages",
        {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user(RAIN), "tools": [ANTHROPIC_TOOL]},
        (".content[].input",),
    ),
    (
        "anthropic-count-tokens",
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": "claude-sonnet-4-5", "messages": user("Hi")},
        (),
    ),
    # newer than the sample: what a model can do, and its place in its life
    (
        "anthropic-models",
        "anthropic",
        "/v1/models",
        None,
        (".data[].lifecycle", ".data[].max_"),
    ),
    (
        "openrouter-loop-2",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "anthropic/claude-haiku-5.5", "messages": user("Hi")},
        (".system_fingerprint",),
    ),
    (
        "openrouter-loop-1",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "anthropic/claude-haiku-5.5", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (".system_fingerprint",),
    ),
    (
        "ollama-compatible-loop-1",
        "ollama",
        "/v1/chat/completions",
        {"model": "gpt-oss:20b", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (),
    ),
    ("ollama-compatible-loop-2", "ollama", "/v1/chat/completions", {"model": "qwen3:8b", "messages": user("Hi")}, ()),
    (
        "ollama-chat-tools",
        "ollama",
        "/api/chat",
        {"model": "qwen3:8b", "think": False, "stream": False, "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (".message.tool_calls[].function.arguments.",),
    ),
    (
        "ollama-chat-text",
        "ollama",
        "/api/chat",
        {"model": "qwen3:8b", "think": False, "stream": False, "messages": user("Hi")},
        (),
    ),
    # `context` is the conversation in token numbers, which newer servers leave out; the count was missing in old ones
    (
        "ollama-generate",
        "ollama",
        "/api/generate",
        {"model": "qwen3:8b", "think": False, "stream": False, "prompt": "Hi"},
        (".context", ".prompt_eval_count"),
    ),
    ("ollama-embed", "ollama", "/api/embed", {"model": "embeddinggemma", "input": "Hi"}, ()),
    ("ollama-load", "ollama", "/api/chat", {"model": "qwen3:8b", "messages": [], "stream": False}, ()),
    ("ollama-ps", "ollama", "/api/ps", None, ()),
]


@pytest.mark.parametrize(("name", "alias", "path", "body", "free"), PLAIN, ids=[row[0] for row in PLAIN])
def test_plain_answers_have_the_shape_of_real_ones(
    name: str, alias: str, path: str, body: Any, free: tuple[str, ...]
) -> None:
    """Else code that was tried offline meets other keys live."""
    answer = ask(alias, path, body, method="GET" if body is None else "POST")
    assert answer.status == 200
    assert differing(answer.body, exchange(name).json, *free) == set()


ERRORS = [
    ("openai-responses-error-model", "openai", "/v1/responses", {"model": "gpt-pelican", "input": "hello"}),
    ("openai-chat-error-model", "openai", "/v1/chat/completions", {"model": "gpt-pelican", "messages": user("Hi")}),
    ("openai-embeddings-error-model", "openai", "/v1/embeddings", {"model": "gpt-pelican", "input": "Hi"}),
    (
        "anthropic-count-tokens-error",
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": "claude-pelican", "messages": user("Hi")},
    ),
]


@pytest.mark.parametrize(("name", "alias", "path", "body"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_word_for_word(name: str, alias: str, path: str, body: Any) -> None:
    """Else the lesson on errors teaches words that the service does not say."""
    real, answer = exchange(name), ask(alias, path, body)
    assert answer.status == real.status
    assert answer.body["error"] == real.json["error"]


def test_missing_and_wrong_keys_read_as_at_the_service() -> None:
    """Else the first error that most people meet looks different offline."""
    body = {"model": "openrouter/free", "messages": user("Hello")}
    missing = ask("openrouter", "/api/v1/chat/completions", body, headers={})
    assert missing.body == exchange("openrouter-error-key").json
    wrong = ask("openai", "/v1/responses", {}, headers={"authorization": "Bearer sk-wrong-0123456789"})
    real = exchange("openai-responses-error-key").json["error"]
    assert wrong.body["error"].keys() == real.keys()
    assert wrong.body["error"]["code"] == real["code"]
    assert "0123456789" not in json.dumps(wrong.body)
