"""What a service says of its own limits, in the headers of its answers, and what follows for the next call.

Sources: platform.openai.com/docs/guides/rate-limits ("Rate limits in headers"), docs.anthropic.com/en/api/rate-limits
("Response headers"). What is used fills up again evenly, and `reset` is when all is there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

LONGEST = 120.0
"""Seconds. A service that asks for a longer pause has run out of something else than this minute's share, and its next
answer says of what."""


class _Names(NamedTuple):
    """The headers that speak of one thing."""

    left: str
    limit: str
    reset: str


def _names(pattern: str) -> tuple[_Names, _Names]:
    requests, tokens = (
        _Names(*(pattern.format(part=part, what=what) for part in ("remaining", "limit", "reset")))
        for what in ("requests", "tokens")
    )
    return requests, tokens


_OPENAI, _ANTHROPIC = _names("x-ratelimit-{part}-{what}"), _names("anthropic-ratelimit-{what}-{part}")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Share:
    """What is left of one thing, as an answer said and less what has started since.

    Args:
        left: how much there was.
        moment: of the answer.
        headers: of the answer. They are read on when nothing is left, which is rare.
        names: those of them that speak of this.
    """

    __slots__ = ("_headers", "_moment", "_names", "left")

    def __init__(self, left: int, moment: float, headers: Mapping[str, str], names: _Names) -> None:
        self.left = left
        self._moment = moment
        self._headers = headers
        self._names = names

    def ready_at(self, amount: int) -> float:
        """Return when so much is there. What would take too long is left for the service to refuse."""
        if amount <= self.left:
            return self._moment
        said = {name: self._headers.get(name, "") for name in self._names}
        limit, left = _number(said[self._names.limit]), _number(said[self._names.left])
        if limit is None or left is None or left >= limit:
            return self._moment
        each = _seconds(said[self._names.reset], self._headers) / (limit - left)
        seconds = (min(amount, limit) - self.left) * each
        return self._moment + seconds if 0 < seconds <= LONGEST else self._moment


class ServiceRoom:
    """What one service said of its limits."""

    __slots__ = ("_names", "_paused", "_requests", "_tokens")

    def __init__(self) -> None:
        self._names = _OPENAI
        self._paused = 0.0
        self._requests: _Share | None = None
        self._tokens: _Share | None = None

    def ready_at(self, tokens: int) -> float:
        """Return the moment from which on a call with so many tokens may start."""
        ready = self._paused
        if self._requests is not None:
            ready = max(ready, self._requests.ready_at(1))
        if self._tokens is not None:
            ready = max(ready, self._tokens.ready_at(tokens))
        return ready

    def started(self, tokens: int) -> None:
        """Note that a call starts, of which the next answer need not know yet."""
        if self._requests is not None:
            self._requests.left -= 1
        if self._tokens is not None:
            self._tokens.left -= tokens

    def pause(self, moment: float, seconds: float | None) -> None:
        """Note that the service wants no calls for so many seconds."""
        if seconds is not None and seconds <= LONGEST:
            self._paused = max(self._paused, moment + seconds)

    def hear(self, headers: Mapping[str, str], moment: float) -> None:
        """Take in what an answer says; what it does not say stays as it was."""
        for names in (self._names, _ANTHROPIC):
            requests, tokens = (_number(headers.get(name.left)) for name in names)
            if requests is not None:
                self._requests = _Share(requests, moment, headers, names[0])
            if tokens is not None:
                self._tokens = _Share(tokens, moment, headers, names[1])
            if requests is not None or tokens is not None:
                self._names = names
                return


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _seconds(text: str, headers: Mapping[str, str]) -> float:
    """Return how long a reset is away: OpenAI writes 1m30s or 12ms, Anthropic a moment (RFC 3339)."""
    parts = _PART.findall(text)
    if parts and "".join(map("".join, parts)) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        return datetime.fromisoformat(text).timestamp() - _clock(headers)
    except ValueError:
        return 0.0


def _clock(headers: Mapping[str, str]) -> float:
    """Return the time by the clock of the service; the one here may be wrong."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()
