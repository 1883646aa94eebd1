"""A queue that threads, tasks and event loops share: one lock, and a thread that dispatches while slots wait.

No wake-up is lost: a change of the queue dispatches before the lock is released.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

from llmlab._utils.clock import advance_to, now, real_seconds
from llmlab.policies.rate_limit_queue import Queue, Slot

_SLICE = 3600.0
"""Seconds. Not every system can wait longer in one call."""


class SharedQueue:
    """A queue and its lock. `with` holds the lock, and dispatches at its end."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._latest = now()
        self._due: float | None = None
        self._watched = False
        # A stream may end in a finaliser, and that may run where this very thread holds the lock.
        self._busy = False
        self._ended: deque[tuple[Slot, int]] = deque()

    def start(self, slot: Slot) -> bool:
        """Note that a call goes on after its wait. Returns False if its deadline came first."""
        if slot.started is None:
            return False
        if slot.turn is not None:
            advance_to(slot.started - slot.ahead)
            if (when := now() + slot.ahead) > slot.started:
                with self:
                    self.queue.move(slot, when)
        return True

    def end(self, slot: Slot, tokens: int) -> None:
        """Note the end of a call, and the tokens that it used."""
        self._ended.append((slot, tokens))
        with self._lock:
            if not self._busy:
                self._settle()

    def __enter__(self) -> Queue:
        self._lock.acquire()
        self._busy = True
        return self.queue

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._settle()
        finally:
            self._lock.release()

    def time(self) -> float:
        """Return the time of the queue, which never goes back. Needs the lock.

        It is that of the clock, unless waits are shortened: then each thread and task has a clock of its own.
        """
        self._latest = max(self._latest, now())
        return self._latest

    def _settle(self) -> None:
        """Take in the calls that have ended, and dispatch. Needs the lock."""
        while True:
            self._busy = True
            try:
                while self._ended:
                    self.queue.settle(*self._ended.popleft())
                if self.queue.waiting or self._due is not None:
                    self._dispatch()
            finally:
                self._busy = False
            if not self._ended:
                return

    def _dispatch(self) -> None:
        when = self.time()
        self.queue.dispatch(when)
        due = self.queue.due(when)
        if due == self._due:
            return
        self._due = due
        if self._watched:
            self._changed.notify()
        elif due is not None:
            threading.Thread(target=self._watch, name="llmlab-limits", daemon=True).start()
            self._watched = True

    def _watch(self) -> None:
        """Dispatch at each time at which a slot can start, as long as there is one. Runs in a thread of its own.

        No waiting call could do this: the event loop of a task may be busy, while others wait behind it.
        """
        with self._lock:
            while (due := self._due) is not None:
                when = self.time()
                until = min(due, when + _SLICE)
                if until > when and self._changed.wait(real_seconds(until - when)):
                    continue
                if due == self._due:
                    advance_to(until)
                    self._settle()
            self._watched = False
