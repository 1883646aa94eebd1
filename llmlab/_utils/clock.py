"""How long a wait really is, decided in one place, so that a policy waits in lessons as long as the lesson wants.

Left alone, a second is a second and chance is chance. While the tape is on, it says here how much of a wait is real,
and draws what must be the same on every machine. Policies know neither tape nor pace; they ask this file.
"""

from __future__ import annotations

import random
import time
from contextvars import ContextVar
from typing import Protocol


class Host(Protocol):
    """Who decides about waits while it is in."""

    def wait(self, seconds: float) -> float:
        """Take note of a wait that somebody is about to make, and return the seconds to wait really."""
        ...

    def chance(self) -> float:
        """Return a number from 0 up to 1."""
        ...


_host: Host | None = None

_spared: ContextVar[float] = ContextVar("spared", default=0.0)
"""Seconds that waits of this thread or task were shortened by. Each has its own, because waits run side by side."""


def hand_over(host: Host | None) -> None:
    """Let `host` decide from now on; None gives real waits back."""
    global _host
    _host = host


def real_seconds(seconds: float) -> float:
    """Return how long a wait of that many seconds really takes."""
    host = _host
    if host is None:
        return seconds
    real = host.wait(seconds)
    if real != seconds:
        _spared.set(_spared.get() + seconds - real)
    return real


def now() -> float:
    """Return the seconds of a clock that never goes back, for policies. A wait that was shortened counts in full."""
    return time.monotonic() + _spared.get()


def chance() -> float:
    """Return a number from 0 up to 1, at random where nobody decides."""
    host = _host
    return random.random() if host is None else host.chance()


def reach(moment: float) -> None:
    """Let the clock of this thread or task be at least there: who waited for another's moment has waited until then."""
    if (behind := moment - now()) > 0:
        _spared.set(_spared.get() + behind)
