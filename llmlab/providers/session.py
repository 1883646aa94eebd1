"""What a provider remembers of its session: the last answer, and how many requests were sent."""

from __future__ import annotations

import threading

from llmlab.types.completion import Completion


class Session:
    """Counts and keeps. Safe to use from several threads."""

    def __init__(self) -> None:
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._requests = 0
        self._last: Completion | None = None

    def sent(self) -> None:
        """Note that a request goes out."""
        with self._lock:
            self._requests += 1

    def answered(self, answer: Completion) -> None:
        """Note an answer."""
        with self._lock:
            self._last = answer

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._requests, self._last = 0, None

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        with self._lock:
            return self._requests

    @property
    def last(self) -> Completion | None:
        """The last answer."""
        with self._lock:
            return self._last
