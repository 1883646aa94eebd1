"""What services say of their limits is understood. If one fails, calls run into a 429 that was announced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from llmlab.policies.rate_limit_headers import ServerLimits

NOW = 100.0
TOKENS = 500


def ready(headers: Mapping[str, str]) -> float:
    """Return how many seconds a call has to wait after an answer with these headers."""
    limits = ServerLimits()
    limits.update(headers, NOW)
    return max(0.0, limits.ready_at(TOKENS) - NOW)


def openai(what: str, left: int, limit: int, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{what}": str(limit),
        f"x-ratelimit-remaining-{what}": str(left),
        f"x-ratelimit-reset-{what}": reset,
    }


def anthropic(what: str, left: int, limit: int, reset: str) -> dict[str, str]:
    return {
        f"anthropic-ratelimit-{what}-limit": str(limit),
        f"anthropic-ratelimit-{what}-remaining": str(left),
        f"anthropic-ratelimit-{what}-reset": reset,
        "date": "Wed, 19 Aug 2026 14:34:50 GMT",
    }


ANSWERS: list[Any] = [
    ({}, 0.0),
    (openai("requests", 4999, 5000, "12ms"), 0.0),
    (openai("requests", 0, 60, "1m0s"), 1.0),
    (openai("requests", 0, 5000, "60s"), 0.012),
    (openai("requests", 0, 10, "1m30s"), 9.0),
    (openai("requests", 0, 200, "24h0m0s"), 0.0),
    (openai("tokens", 1_000, 10_000, "54s"), 0.0),
    (openai("tokens", 400, 10_000, "57.6s"), 0.6),
    (openai("tokens", 0, 100, "6s"), 6.0),
    (openai("requests", 0, 60, ""), 0.0),
    (openai("requests", 0, 60, "soon"), 0.0),
    (openai("requests", 0, 60, "5 parsecs"), 0.0),
    (anthropic("requests", 0, 50, "2026-08-19T14:35:50Z"), 1.2),
    (anthropic("requests", 49, 50, "2026-08-19T14:34:51Z"), 0.0),
    (anthropic("requests", 0, 50, "2026-08-19T14:34:00Z"), 0.0),
    (anthropic("tokens", 0, 30_000, "2026-08-19T14:35:50Z"), 1.0),
    ({**openai("requests", 9, 10, "6s"), **openai("tokens", 0, 10_000, "60s")}, 3.0),
    ({"x-ratelimit-remaining-requests": "0"}, 0.0),
    ({"x-ratelimit-remaining-requests": "none", "x-ratelimit-limit-requests": "60"}, 0.0),
]


def test_what_is_left_fills_up_evenly(subtests: pytest.Subtests) -> None:
    """All is there again at the reset; one more is there much earlier."""
    for headers, seconds in ANSWERS:
        with subtests.test(headers=headers):
            assert ready(headers) == pytest.approx(seconds)


def test_without_a_date_the_clock_here_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = anthropic("requests", 0, 60, "2026-08-19T14:35:50Z")
    del headers["date"]
    monkeypatch.setattr("llmlab.formats.waits.time.time", lambda: 1787150120.0)
    assert ready(headers) == pytest.approx(0.5)


def test_calls_that_start_meanwhile_are_taken_off() -> None:
    """Ten tasks that all read "one left" are nine too many."""
    limits = ServerLimits()
    limits.update({**openai("requests", 1, 60, "59s"), **openai("tokens", 1_200, 60_000, "58.8s")}, NOW)
    assert limits.ready_at(TOKENS) <= NOW
    limits.started(TOKENS)
    assert limits.ready_at(TOKENS) == NOW + 1.0
    limits.started(TOKENS)
    assert limits.ready_at(TOKENS) == NOW + 2.0


def test_an_answer_that_says_nothing_takes_nothing_back() -> None:
    """Errors often come without these headers, and the limit is as it was."""
    limits = ServerLimits()
    limits.update(openai("requests", 0, 60, "60s"), NOW)
    limits.update({}, NOW + 0.5)
    assert limits.ready_at(TOKENS) == NOW + 1.0


def test_a_pause_is_kept_and_a_very_long_one_is_not() -> None:
    """A quota of the day would make every call hang for hours, and the service says it better itself."""
    limits = ServerLimits()
    limits.pause(NOW, 7.0)
    limits.pause(NOW, 2.0)
    limits.pause(NOW, None)
    limits.pause(NOW, 3600.0)
    assert limits.ready_at(TOKENS) == NOW + 7.0
