"""A circuit breaker: a service that failed rests for a while, and is then tried by one call before all come back.

Source: Michael Nygard, "Release It!", chapter "Stability Patterns".
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from llmlab._utils.clock import now
from llmlab._utils.locks import Lock

State: TypeAlias = Literal["closed", "open", "half-open"]


_TRIAL = 60.0
"""Seconds in which a trial must have a result; after them another one may begin."""


class CircuitBreaker:
    """Whether a service may be called. Safe to use from several threads.

    Args:
        cooldown: seconds of rest after a failure.
        failures: failures in a row that open the circuit.
    """

    def __init__(self, cooldown: float, failures: int) -> None:
        self._cooldown = cooldown
        self._limit = failures
        self._lock = Lock()
        self._failed = 0
        self._until = 0.0
        self._trial_ends = 0.0

    @property
    def state(self) -> State:
        """Closed: may be called. Open: rests. Half-open: has rested, and one call may try."""
        if self._failed < self._limit:
            return "closed"
        return "open" if now() < self._until else "half-open"

    @property
    def seconds_left(self) -> float:
        """How long the rest still lasts, in seconds."""
        return max(0.0, self._until - now()) if self._failed >= self._limit else 0.0

    def allow(self) -> bool:
        """Return whether a call may go through. After a rest this is true for one call, until its result is noted."""
        return self._lock.run(self._allow)

    def succeeded(self) -> None:
        """Note an answer: the circuit closes."""
        self._failed, self._trial_ends = 0, 0.0

    def failed(self, at_least: float = 0.0) -> None:
        """Note a failure.

        Args:
            at_least: seconds of rest that the service asked for.
        """
        self._lock.run(self._fail, now() + max(self._cooldown, at_least))

    def undecided(self) -> None:
        """Note a call that says nothing about the service, such as a cancelled one."""
        self._trial_ends = 0.0

    def _allow(self) -> bool:
        if self._failed < self._limit:
            return True
        when = now()
        if when < self._until or when < self._trial_ends:
            return False
        # A trial of which nobody tells the result, because of Ctrl-C, does not keep the service out for ever.
        self._trial_ends = when + max(self._cooldown, _TRIAL)
        return True

    def _fail(self, until: float) -> None:
        self._failed, self._until, self._trial_ends = self._failed + 1, max(self._until, until), 0.0
