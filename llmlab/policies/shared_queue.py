"""A waiting line that threads, tasks and event loops share: one lock, and a watcher while somebody waits for a moment.

No wake-up is lost: whoever changes the line lets start who now can, before anybody else may change it.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

from llmlab._utils.clock import advance_to, now, real_seconds
from llmlab.policies.rate_limit_queue import Line, Place

_SLICE = 3600.0
"""Seconds. Not every system can wait longer in one go."""


class SharedLine:
    """A line, and what keeps it in order. `with` has it for oneself; in the end those start who now can.

    Args:
        line: who waits, and who is on his way.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._latest = now()
        self._due: float | None = None
        self._watched = False
        # A stream may end in a finaliser, and that may run wherever this very thread holds the lock.
        self._busy = False
        self._ended: deque[tuple[Place, int]] = deque()

    def go(self, place: Place) -> bool:
        """Begin, now that the wait is over. Returns False where it was over too late."""
        if place.started is None:
            return False
        if place.turn is not None:
            advance_to(place.started - place.ahead)
            if (moment := now() + place.ahead) > place.started:
                with self:
                    self.line.move(place, moment)
        return True

    def end(self, place: Place, tokens: int) -> None:
        """Note that a call is over, and what it used."""
        self._ended.append((place, tokens))
        with self._lock:
            if not self._busy:
                self._settle()

    def __enter__(self) -> Line:
        self._lock.acquire()
        self._busy = True
        return self.line

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._settle()
        finally:
            self._lock.release()

    def _settle(self) -> None:
        """Take in the calls that are over, and let start who now can. With the lock held."""
        while True:
            self._busy = True
            try:
                while self._ended:
                    self.line.settle(*self._ended.popleft())
                if self.line.waiting or self._due is not None:
                    self._serve()
            finally:
                self._busy = False
            if not self._ended:
                return

    def _serve(self) -> None:
        """Let start who can, and have somebody watch for the next moment at which one can."""
        moment = self.moment()
        self.line.serve(moment)
        due = self.line.due(moment)
        if due == self._due:
            return
        self._due = due
        if self._watched:
            self._changed.notify()
        elif due is not None:
            threading.Thread(target=self._watch, name="llmlab-limits", daemon=True).start()
            self._watched = True

    def _watch(self) -> None:
        """Serve at each moment at which somebody can start, as long as there is one. Runs in a thread of its own.

        None of those who wait could do this: the event loop of a task may be busy, while others wait behind it.
        """
        with self._lock:
            while (due := self._due) is not None:
                moment = self.moment()
                until = min(due, moment + _SLICE)
                if until > moment and self._changed.wait(real_seconds(until - moment)):
                    continue
                if due == self._due:
                    advance_to(until)
                    self._settle()
            self._watched = False

    def moment(self) -> float:
        """Return the moment of the line, which never goes back. With the lock held.

        It is that of the clock, unless waits are shortened: then each thread and task has a clock of its own.
        """
        self._latest = max(self._latest, now())
        return self._latest
