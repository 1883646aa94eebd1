"""What policies cost: calls whose answer is there at once, with all policies around them and with none."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.contenders import KEY, MAX_TOKENS, PROMPT
from benchmarks.server import chat

CALLS = 300
HEADERS = {
    "content-type": "application/json",
    "x-request-id": "req_1",
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-tokens": "1995889",
    "x-ratelimit-reset-tokens": "123ms",
}


class Instant:
    """A transport that has the answer at once, with headers as OpenAI sends them."""

    def __init__(self) -> None:
        import httpx2

        from llmlab.transport.base import WireReply

        self.reply = WireReply(200, httpx2.Headers(HEADERS), chat()[0])

    def send(self, request: Any) -> Any:
        return self.reply

    async def send_async(self, request: Any) -> Any:
        return self.reply


def time_policies() -> float:
    """Return the µs that a cache, a budget, a retry and limits together add to a call.

    Each call asks something else, so the cache keeps every answer and gives none. That is its dearer half.
    """
    from llmlab import Budget, Cache, Limits, RetryPolicy

    budget = Budget(max_usd=1e6, max_tokens=10**12, max_calls=10**9)
    policies = [Cache(), budget, RetryPolicy(), Limits(10**6, 10**9, in_flight=50)]
    bare, whole = _provider([]), _provider(policies)
    # In turns, so that a busy moment of the machine hits both alike.
    added = [_seconds(whole, number) - _seconds(bare, number) for number in range(CALLS)]
    return median(added) * 1e6


def _provider(policies: list[Any]) -> Any:
    from llmlab import MODELS, get_provider

    # A model with a price, for the budget to look up.
    llm = get_provider("openai", MODELS["openai"], KEY, api="chat", max_tokens=MAX_TOKENS, policies=policies)
    llm.transport = Instant()
    return llm


def _seconds(llm: Any, number: int) -> float:
    started = time.perf_counter()
    llm.complete(f"{PROMPT} {number}")
    return time.perf_counter() - started
