"""What OpenAI refuses, and in which words: the lesson on errors teaches these."""

from __future__ import annotations

import pytest
from simulator_asking import ask, chat, responses, user


@pytest.mark.parametrize(
    ("path", "body", "status", "param", "code"),
    [
        ("chat/completions", {"model": "gpt-x", "messages": user("Hi")}, 404, None, "model_not_found"),
        ("chat/completions", {"messages": user("Hi")}, 400, None, None),
        ("chat/completions", {"model": "gpt-6-luna"}, 400, "messages", "missing_required_parameter"),
        ("chat/completions", {"model": "gpt-6-luna", "messages": []}, 400, "messages", "empty_array"),
        ("chat/completions", {"model": "gpt-6-luna", "messages": "Hi"}, 400, "messages", "invalid_type"),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": [{"role": "robot", "content": "Hi"}]},
            400,
            "messages[0].role",
            "invalid_value",
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": user("Hi"), "temperature": 3},
            400,
            "temperature",
            "decimal_above_max_value",
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": user("Hi"), "temperature": -0.1},
            400,
            "temperature",
            "decimal_below_min_value",
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": user("Hi"), "max_tokens": 5},
            400,
            "max_tokens",
            "unsupported_parameter",
        ),
        ("responses", {"model": "gpt-x", "input": "Hi"}, 400, "model", "model_not_found"),
        ("responses", {"input": "Hi"}, 400, "model", "missing_required_parameter"),
        ("responses", {"model": "gpt-6-luna"}, 400, "input", "missing_required_parameter"),
        ("responses", {"model": "gpt-6-luna", "input": 5}, 400, "input", "invalid_type"),
        (
            "responses",
            {"model": "gpt-6-luna", "input": [{"role": "robot", "content": "Hi"}]},
            400,
            "input[0].role",
            "invalid_value",
        ),
        (
            "responses",
            {"model": "gpt-6-luna", "input": "Hi", "max_output_tokens": 5},
            400,
            "max_output_tokens",
            "integer_below_min_value",
        ),
        (
            "responses",
            {"model": "gpt-6-luna", "input": "Hi", "reasoning": {"effort": "huge"}},
            400,
            "reasoning.effort",
            "invalid_value",
        ),
        ("embeddings", {"model": "gpt-x", "input": "Hi"}, 404, None, "model_not_found"),
        ("embeddings", {"model": "text-embedding-3-small"}, 400, "input", "missing_required_parameter"),
        ("embeddings", {"model": "text-embedding-3-small", "input": []}, 400, "input", None),
        ("embeddings", {"model": "text-embedding-3-small", "input": "Hi", "dimensions": 9999}, 400, "dimensions", None),
        ("embeddings", {"model": "gpt-6-luna", "input": "Hi"}, 403, None, None),
        ("chat/completions", {"model": "text-embedding-3-small", "messages": user("Hi")}, 404, "model", None),
        ("chat/completions", {"model": "gpt-6-luna", "messages": ["Hi"]}, 400, "messages[0]", "invalid_type"),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": [{"content": "Hi"}]},
            400,
            "messages[0].role",
            "missing_required_parameter",
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": [{"role": "user"}]},
            400,
            "messages[0].content",
            "missing_required_parameter",
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": [{"role": "user", "content": None}]},
            400,
            "messages.[0].content",
            None,
        ),
        (
            "chat/completions",
            {"model": "gpt-6-luna", "messages": user("Hi"), "n": 500},
            400,
            "n",
            "integer_above_max_value",
        ),
        ("responses", {"model": "text-embedding-3-small", "input": "Hi"}, 400, "model", "unsupported_model"),
        ("responses", {"model": "gpt-6-luna", "input": ["Hi"]}, 400, "input[0]", "invalid_type"),
        ("nothing", {}, 404, None, None),
    ],
)
def test_openai_refuses_in_its_own_words(
    path: str, body: dict, status: int, param: str | None, code: str | None
) -> None:  # type: ignore[type-arg]
    """Else a learner sees another error offline than live."""
    answer = ask("openai", f"/v1/{path}", body)
    assert answer.status == status
    error = answer.body["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]


def test_tool_results_must_follow_their_calls() -> None:
    """Else a learner's broken tool loop works offline and fails live."""
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calling = {"role": "assistant", "content": None, "tool_calls": [call]}
    lost = chat("openai", [*user("Hi"), calling, *user("And?")])
    assert (lost.status, lost.body["error"]["param"]) == (400, "messages.[2].role")
    unasked = chat("openai", [*user("Hi"), {"role": "tool", "tool_call_id": "call_9", "content": "1"}])
    assert (unasked.status, unasked.body["error"]["param"]) == (400, "messages.[1].role")
    missing = responses([{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}])
    assert missing.body["error"]["message"] == "No tool output found for function call call_1."


def test_wrong_method_and_no_json() -> None:
    """Else a typo in raw REST code gets an answer that the service never gives."""
    assert ask("openai", "/v1/chat/completions", method="GET").status == 405
    assert "parse the JSON body" in ask("openai", "/v1/responses", [1]).body["error"]["message"]
