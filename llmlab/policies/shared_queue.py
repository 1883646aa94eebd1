"""A queue that threads, tasks and event loops share: one lock, and a thread that dispatches while slots wait.

No wake-up is lost: a change of the queue dispatches before the lock is released, also after an interrupt.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from llmlab._utils.clock import advance_to, now, real_seconds
from llmlab._utils.locks import Lock
from llmlab.policies.rate_limit_queue import Queue, Slot

_SLICE = 3600.0
"""Seconds. Not every system can wait longer in one call."""
Result = TypeVar("Result")


class SharedQueue:
    """A queue and its lock."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._lock = Lock()
        self._changed = threading.Condition(self._lock.lock)
        self._latest = now()
        self._due: float | None = None
        self._watcher: threading.Thread | None = None
        self._ended: deque[tuple[Slot, int | None]] = deque()

    def run(self, work: Callable[..., Result], *args: Any) -> Result:
        """Call a function that changes the queue, with the lock held, and dispatch."""
        try:
            result: Result = self._lock.run(self._run, work, args)
            return result
        finally:
            # A stream may have ended in a finaliser, while this very thread held the lock.
            if self._ended and not self._lock.held:
                self._settle_alone()

    def start(self, slot: Slot) -> bool:
        """Note that a call goes on after its wait. Returns False if its deadline came first."""
        if slot.started is None:
            return False
        if slot.turn is not None:
            advance_to(slot.started - slot.ahead)
            if (when := now() + slot.ahead) > slot.started:
                self.run(self.queue.move, slot, when)
        return True

    def end(self, slot: Slot, tokens: int | None) -> None:
        """Note the end of a call and the tokens that it used; None if nothing was sent. May be repeated."""
        self._ended.append((slot, tokens))
        if not self._lock.held:
            self._settle_alone()

    def _settle_alone(self) -> None:
        try:
            self._lock.run(self._settle)
        except BaseException:
            self._lock.run(self._recover)
            raise

    def time(self) -> float:
        """Return the time of the queue, which never goes back. Needs the lock.

        It is that of the clock, unless waits are shortened: then each thread and task has a clock of its own.
        """
        self._latest = max(self._latest, now())
        return self._latest

    def _run(self, work: Callable[..., Result], args: tuple[Any, ...]) -> Result:
        try:
            result = work(*args)
            self._settle()
            return result
        except BaseException:
            self._recover()
            raise

    def _recover(self) -> None:
        """Make the queue right again after an interrupt in the middle of a change. Needs the lock."""
        self.queue.recount()
        self._settle()

    def _settle(self) -> None:
        """Take in the calls that have ended, and dispatch. Needs the lock."""
        while self._ended:
            slot, tokens = self._ended[0]
            if tokens is None:
                self.queue.leave(slot)
            else:
                self.queue.settle(slot, tokens)
            self._ended.popleft()
        if self.queue.waiting or self._due is not None:
            self._dispatch()

    def _dispatch(self) -> None:
        when = self.time()
        self.queue.dispatch(when)
        due = self.queue.due(when)
        watched = self._watcher is not None and self._watcher.is_alive()
        if due == self._due and (watched or due is None):
            return
        if watched:
            self._changed.notify()
        elif due is not None:
            self._watcher = threading.Thread(target=self._watch, name="llmlab-limits", daemon=True)
            self._watcher.start()
        self._due = due

    def _watch(self) -> None:
        """Dispatch at each time at which a slot can start, as long as there is one. Runs in a thread of its own.

        No waiting call could do this: the event loop of a task may be busy, while others wait behind it.
        """
        with self._changed:
            while (due := self._due) is not None:
                when = self.time()
                until = min(due, when + _SLICE)
                if until > when and self._changed.wait(real_seconds(until - when)):
                    continue
                if due == self._due:
                    advance_to(until)
                    self._settle()
            self._watcher = None
