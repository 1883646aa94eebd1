"""The simulator beside real traffic: the same keys, the same types, the same errors.

The traffic lies outside the repository; without it these tests are skipped.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulator_asking import ask, user
from simulator_samples import ANTHROPIC_TOOL, CHAT_TOOL, ENCRYPTED, OPENAI_TOOL, RAIN, differing, needs_samples, sample

pytestmark = needs_samples

PLAIN = [
    # sample, alias, path, body; what may differ, because it depends on the content
    (
        "openai-responses-plain-21",
        "openai",
        "/v1/responses",
        {"model": "gpt-5-nano", "input": RAIN, "tools": [OPENAI_TOOL], **ENCRYPTED},
        (".tools[].parameters", ".metadata."),
    ),
    (
        "openai-responses-input_tokens-plain-01",
        "openai",
        "/v1/responses/input_tokens",
        {"model": "gpt-5.4", "input": "Hi"},
        (),
    ),
    (
        "openai-chat-plain-14",
        "openai",
        "/v1/chat/completions",
        {"model": "gpt-5-mini", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (),
    ),
    (
        "openai-chat-plain-22",
        "openai",
        "/v1/chat/completions",
        {"model": "gpt-5-mini", "messages": user("Hi")},
        (".system_fingerprint",),
    ),
    ("openai-models-get-plain-01", "openai", "/v1/models/gpt-5", None, ()),
    ("openai-models-list-plain-01", "openai", "/v1/models", None, ()),
    ("openai-embeddings-plain-01", "openai", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}, ()),
    (
        "openai-embeddings-plain-04",
        "openai",
        "/v1/embeddings",
        {"model": "text-embedding-ada-002", "input": "Hi", "encoding_format": "base64"},
        (),
    ),
    (
        "anthropic-messages-plain-04",
        "anthropic",
        "/v1/messages",
        {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user("Hi")},
        (),
    ),
    (
        "anthropic-messages-plain-10",
        "anthropic",
        "/v1/messages",
        {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": user(RAIN), "tools": [ANTHROPIC_TOOL]},
        (".content[].input",),
    ),
    (
        "anthropic-messages-count_tokens-plain-02",
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": "claude-sonnet-4-5", "messages": user("Hi")},
        (),
    ),
    # newer than the sample: what a model can do, and its place in its life
    (
        "anthropic-models-list-plain-01",
        "anthropic",
        "/v1/models",
        None,
        (".data[].lifecycle", ".data[].max_"),
    ),
    (
        "openrouter-chat-plain-04",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "anthropic/claude-haiku-5.5", "messages": user("Hi")},
        (".system_fingerprint",),
    ),
    (
        "openrouter-chat-plain-09",
        "openrouter",
        "/api/v1/chat/completions",
        {"model": "anthropic/claude-haiku-5.5", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (".system_fingerprint",),
    ),
    (
        "ollama-chat-plain-02",
        "ollama",
        "/v1/chat/completions",
        {"model": "gpt-oss:20b", "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (),
    ),
    ("ollama-chat-plain-03", "ollama", "/v1/chat/completions", {"model": "qwen3:8b", "messages": user("Hi")}, ()),
    (
        "ollama-native-chat-plain-01",
        "ollama",
        "/api/chat",
        {"model": "qwen3:8b", "think": False, "stream": False, "messages": user(RAIN), "tools": [CHAT_TOOL]},
        (".message.tool_calls[].function.arguments.",),
    ),
    (
        "ollama-native-chat-plain-09",
        "ollama",
        "/api/chat",
        {"model": "qwen3:8b", "think": False, "stream": False, "messages": user("Hi")},
        (),
    ),
    # `context` is the conversation in token numbers, which newer servers leave out; the count was missing in old ones
    (
        "ollama-native-generate-plain-01",
        "ollama",
        "/api/generate",
        {"model": "qwen3:8b", "think": False, "stream": False, "prompt": "Hi"},
        (".context", ".prompt_eval_count"),
    ),
    ("ollama-native-embed-plain-01", "ollama", "/api/embed", {"model": "embeddinggemma", "input": "Hi"}, ()),
    ("documented-ollama-load", "ollama", "/api/chat", {"model": "qwen3:8b", "messages": [], "stream": False}, ()),
    ("documented-ollama-ps", "ollama", "/api/ps", None, ()),
]


@pytest.mark.parametrize(("name", "alias", "path", "body", "free"), PLAIN, ids=[row[0] for row in PLAIN])
def test_plain_answers_have_the_shape_of_real_ones(
    name: str, alias: str, path: str, body: Any, free: tuple[str, ...]
) -> None:
    """Else code that was tried offline meets other keys live."""
    answer = ask(alias, path, body, method="GET" if body is None else "POST")
    assert answer.status == 200
    assert differing(answer.body, json.loads(sample(name)["body"]), *free) == set()


ERRORS = [
    ("openai-responses-err-01", "openai", "/v1/responses", {"model": "gpt-5.2-proo", "input": "hello"}),
    ("openai-chat-err-07", "openai", "/v1/chat/completions", {"model": "non-existent-model", "messages": user("Hi")}),
    ("openai-embeddings-err-01", "openai", "/v1/embeddings", {"model": "nonexistent", "input": "Hi"}),
    (
        "anthropic-messages-count_tokens-err-01",
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": "claude-does-not-exist", "messages": user("Hi")},
    ),
]


@pytest.mark.parametrize(("name", "alias", "path", "body"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_word_for_word(name: str, alias: str, path: str, body: Any) -> None:
    """Else the lesson on errors teaches words that the service does not say."""
    real, answer = sample(name), ask(alias, path, body)
    assert answer.status == real["status"]
    assert answer.body["error"] == json.loads(real["body"])["error"]


def test_missing_and_wrong_keys_read_as_at_the_service() -> None:
    """Else the first error that most people meet looks different offline."""
    body = {"model": "openrouter/free", "messages": user("Hello")}
    missing = ask("openrouter", "/api/v1/chat/completions", body, headers={})
    assert missing.body == json.loads(sample("openrouter-chat-err-01")["body"])
    wrong = ask("openai", "/v1/responses", {}, headers={"authorization": "Bearer sk-wrong-0123456789"})
    real = json.loads(sample("openai-responses-err-08")["body"])["error"]
    assert wrong.body["error"].keys() == real.keys()
    assert wrong.body["error"]["code"] == real["code"]
    assert "0123456789" not in json.dumps(wrong.body)
