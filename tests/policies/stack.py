"""Policies of every kind, providers that carry them, and what they may leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import llmlab
from llmlab import Budget, Cache, Failover, Limits, RetryPolicy
from llmlab.policies import Policy
from llmlab.providers import Provider
from llmlab.transport.http_stream import HttpStream

MAKERS: dict[str, Callable[[], list[Policy]]] = {
    "none": list,
    "retry": lambda: [RetryPolicy(total=600)],
    "limits": lambda: [Limits(requests_per_minute=1, tokens_per_minute=4_000, in_flight=1)],
    "budget": lambda: [Budget(max_usd=1, max_tokens=100_000, max_calls=5)],
    "cache": lambda: [Cache()],
    "all": lambda: [
        Cache(),
        Budget(max_usd=1, max_tokens=100_000, max_calls=5),
        RetryPolicy(),
        Limits(requests_per_minute=1, tokens_per_minute=4_000, in_flight=1),
    ],
}


class Streams:
    """Which streams are open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open: set[int] = set()
        begin, close, aclose = HttpStream.__init__, HttpStream.close, HttpStream.aclose

        def begins(stream: HttpStream, *args: Any) -> None:
            begin(stream, *args)
            self.open.add(id(stream._response))

        def closes(stream: HttpStream) -> None:
            close(stream)
            self.open.discard(id(stream._response))

        async def closes_async(stream: HttpStream) -> None:
            await aclose(stream)
            self.open.discard(id(stream._response))

        monkeypatch.setattr(HttpStream, "__init__", begins)
        monkeypatch.setattr(HttpStream, "close", closes)
        monkeypatch.setattr(HttpStream, "aclose", closes_async)


def made(name: str, policies: list[Policy]) -> Provider:
    """Return a provider by name. A failover asks two, which share the policies."""
    if name == "failover":
        return Failover([llmlab.get_provider(one, policies=policies, max_tokens=100) for one in ("openai", "ollama")])
    return llmlab.get_provider(name, policies=policies, max_tokens=100)


def check_nothing_is_left(policies: list[Policy], streams: Streams) -> None:
    """Fail if somebody holds a slot, a reservation or a connection, or is waited for."""
    assert not streams.open, "a stream is still open"
    for policy in policies:
        if isinstance(policy, Limits):
            assert (policy.calls_on_their_way, policy.calls_waiting) == (0, 0), "a slot is still held"
        elif isinstance(policy, Budget):
            assert policy.calls_on_their_way == 0, "a reservation is still held"
            assert policy.remaining_usd == 1 - (policy.spent_usd or 0), "money is still held"
        elif isinstance(policy, Cache):
            assert not policy._in_flight, "somebody would wait for a call that is over"
