"""A circuit breaker: a service that failed rests for a while, and is then tried by one call before all come back.

Source: Michael Nygard, "Release It!", chapter "Stability Patterns".
"""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias

from llmlab._utils.clock import now

State: TypeAlias = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Whether a service may be called. Safe to use from several threads.

    Args:
        cooldown: seconds of rest after a failure.
        failures: failures in a row that open the circuit.
    """

    def __init__(self, cooldown: float, failures: int) -> None:
        self._cooldown = cooldown
        self._limit = failures
        self._lock = threading.Lock()
        self._failed = 0
        self._until = 0.0
        self._trying = False

    @property
    def state(self) -> State:
        """Closed: may be called. Open: rests. Half-open: has rested, and one call may try."""
        with self._lock:
            if self._failed < self._limit:
                return "closed"
            return "open" if now() < self._until else "half-open"

    @property
    def seconds_left(self) -> float:
        """How long the rest still lasts, in seconds."""
        with self._lock:
            return max(0.0, self._until - now()) if self._failed >= self._limit else 0.0

    def allow(self) -> bool:
        """Return whether a call may go through. After a rest this is true for one call, until its result is noted."""
        with self._lock:
            if self._failed < self._limit:
                return True
            if now() < self._until or self._trying:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        """Note an answer: the circuit closes."""
        with self._lock:
            self._failed, self._trying = 0, False

    def failed(self, at_least: float = 0.0) -> None:
        """Note a failure.

        Args:
            at_least: seconds of rest that the service asked for.
        """
        with self._lock:
            self._failed, self._trying = self._failed + 1, False
            self._until = max(self._until, now() + max(self._cooldown, at_least))

    def undecided(self) -> None:
        """Note a call that says nothing about the service, such as a cancelled one."""
        with self._lock:
            self._trying = False
