"""The limits that a service reports in the headers of its answers, and when the next call may start.

Sources: platform.openai.com/docs/guides/rate-limits ("Rate limits in headers"), docs.anthropic.com/en/api/rate-limits
("Response headers"). What is used fills up again evenly, and `reset` is the time at which all is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from llmlab.formats.waits import service_time

LONGEST = 120.0
"""Seconds. A service that asks for a longer pause has run out of more than this minute's share; its next answer says
of what."""


_NAMES = (
    ("x-ratelimit-{}-requests", "x-ratelimit-{}-tokens"),
    ("anthropic-ratelimit-requests-{}", "anthropic-ratelimit-tokens-{}"),
)
"""The headers for requests and tokens; in each stands remaining, limit or reset."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Remaining:
    """What remains of one limit: the number in an answer, less what has started since."""

    __slots__ = ("_headers", "_name", "_when", "left")

    def __init__(self, left: int, when: float, headers: Mapping[str, str], name: str) -> None:
        self.left = left
        self._when = when
        # The rest of them is read only when nothing is left, which is rare.
        self._headers = headers
        self._name = name

    def ready_at(self, amount: int) -> float:
        """Return when so much is there. A wait above LONGEST is left for the service to refuse."""
        if amount <= self.left:
            return self._when
        remaining, limit = (_number(self._headers.get(self._name.format(part))) for part in ("remaining", "limit"))
        if limit is None or remaining is None or remaining >= limit:
            return self._when
        reset = _seconds(self._headers.get(self._name.format("reset"), ""), self._headers)
        seconds = (min(amount, limit) - self.left) * reset / (limit - remaining)
        return self._when + seconds if 0 < seconds <= LONGEST else self._when


class ServerLimits:
    """The limits that one service has reported."""

    __slots__ = ("_names", "_paused", "_requests", "_tokens")

    def __init__(self) -> None:
        self._names = _NAMES[0]
        self._paused = 0.0
        self._requests: _Remaining | None = None
        self._tokens: _Remaining | None = None

    def ready_at(self, tokens: int) -> float:
        """Return when a call with so many tokens may start."""
        ready = self._paused
        if self._requests is not None:
            ready = max(ready, self._requests.ready_at(1))
        if self._tokens is not None:
            ready = max(ready, self._tokens.ready_at(tokens))
        return ready

    def started(self, tokens: int) -> None:
        """Note the start of a call, which the next answer may not count yet."""
        if self._requests is not None:
            self._requests.left -= 1
        if self._tokens is not None:
            self._tokens.left -= tokens

    def pause(self, when: float, seconds: float | None) -> None:
        """Note that the service wants no calls for so many seconds."""
        if seconds is not None and seconds <= LONGEST:
            self._paused = max(self._paused, when + seconds)

    def update(self, headers: Mapping[str, str], when: float) -> None:
        """Read the limits in the headers of an answer. A limit that is not in them stays."""
        for names in (self._names, _NAMES[1]):
            requests, tokens = (_number(headers.get(name.format("remaining"))) for name in names)
            if requests is not None:
                self._requests = _Remaining(requests, when, headers, names[0])
            if tokens is not None:
                self._tokens = _Remaining(tokens, when, headers, names[1])
            if requests is not None or tokens is not None:
                self._names = names
                return


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _seconds(text: str, headers: Mapping[str, str]) -> float:
    """Return the seconds until a reset: OpenAI writes 1m30s or 12ms, Anthropic a time (RFC 3339)."""
    parts = _DURATION.findall(text)
    if parts and "".join(map("".join, parts)) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        return datetime.fromisoformat(text).timestamp() - service_time(headers)
    except ValueError:
        return 0.0
