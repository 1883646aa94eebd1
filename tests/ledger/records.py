"""Calls and records for tests of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.formats import OPENAI_RESPONSES
from llmlab.policies import Attempt, Call
from llmlab.policies.ledger import AttemptRecord, CallRecord
from llmlab.types.completion import Completion, Usage
from llmlab.types.request import build_request

DAY = 1_780_000_000.0
"""A day in 2026, in seconds since 1970."""


def call(
    *attempts: Attempt,
    provider: str = "openai",
    prompt: Any = "Hi",
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Call:
    """Return a call that is over after these attempts; by default after one of 0.5 seconds."""
    request = build_request(prompt, "gpt-6-luna", options)
    url = "https://api.openai.com/v1"
    made = Call(provider, url, OPENAI_RESPONSES, request, {}, stream, headers=headers or {})
    made.attempts.extend(attempts or (Attempt(made.started, made.started + 0.5, 0.5),))
    return made


def answer(input_tokens: int = 1000, output_tokens: int = 100, **fields: Any) -> Completion:
    """Return an answer that took a second."""
    usage = Usage(input_tokens, output_tokens, input_tokens + output_tokens)
    return Completion(**{"content": "Hello.", "model": "gpt-6-luna", "usage": usage, "latency": 1.0, **fields})


def record(**fields: Any) -> CallRecord:
    """Return the record of a live call that took a second."""
    usual: dict[str, Any] = {
        "time": DAY,
        "provider": "openai",
        "model": fields.get("asked_model", "gpt-6-luna"),
        "asked_model": fields.get("model", "gpt-6-luna"),
        "shape": "whole",
        "source": "live",
        "section": "",
        "input_tokens": 1000,
        "output_tokens": 100,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "cost": None,
        "priced": "",
        "latency": 1.0,
        "time_to_first_token": None,
        "finish_reason": "stop",
        "error": "",
        "request_id": "req_1",
        "attempts": (AttemptRecord(0.0, 1.0, ""),),
    }
    return CallRecord(**{**usual, **fields})
