"""The clock of waits: real time, unless a lab decides how long a wait takes.

Without a lab, waits and random numbers are real. While one runs, it shortens waits and draws random numbers that are
the same on every machine. A wait that was shortened counts in full for `now`.
"""

from __future__ import annotations

import random
import time
from contextvars import ContextVar
from typing import Protocol


class Clock(Protocol):
    """Decides how long waits take."""

    def wait(self, seconds: float) -> float:
        """Note a wait, and return the seconds that it really takes."""
        ...

    def chance(self) -> float:
        """Return a number from 0 up to 1."""
        ...


_clock: Clock | None = None

skipped: ContextVar[float] = ContextVar("skipped", default=0.0)
"""Seconds by which waits of this thread or task were shortened. Each has its own, because waits run side by side."""


def set_clock(clock: Clock | None) -> None:
    """Let `clock` decide from now on; None brings real waits back."""
    global _clock
    _clock = clock


def real_seconds(seconds: float) -> float:
    """Return how long a wait of so many seconds really takes, and skip the rest of it."""
    clock = _clock
    if clock is None:
        return seconds
    real = clock.wait(seconds)
    if real != seconds:
        skipped.set(skipped.get() + seconds - real)
    return real


def now() -> float:
    """Return the seconds of a clock that never goes back, with skipped ones."""
    return time.monotonic() + skipped.get()


def chance() -> float:
    """Return a number from 0 up to 1: random, unless a clock is set."""
    clock = _clock
    return random.random() if clock is None else clock.chance()


def advance_to(when: float) -> None:
    """Skip to a time of this thread's or task's clock, unless it is there already."""
    if (behind := when - now()) > 0:
        skipped.set(skipped.get() + behind)
