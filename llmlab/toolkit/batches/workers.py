"""Flows side by side: a number of them at once, in threads or in tasks of the running loop.

An executor would keep the process alive until its queue is empty, even after Ctrl-C; these threads are daemons.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeAlias

from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.transport.driver import Flow, run, run_async

Job: TypeAlias = Callable[[], Flow[None]]
Change: TypeAlias = "Future[None]"
"""Done as soon as something has changed."""


class Workers:
    """Run jobs, in their order.

    Args:
        jobs: each stores its own result; an exception of one stops all workers.
        in_flight: jobs at once.

    Raises:
        ConfigurationError: if `in_flight` is not a number from 1 on.
    """

    def __init__(self, jobs: Iterable[Job], in_flight: int) -> None:
        if isinstance(in_flight, bool) or not isinstance(in_flight, int) or in_flight < 1:
            raise ConfigurationError(f"in_flight is how many calls run at once, a number from 1 on, not {in_flight!r}")
        self._jobs = deque(jobs)
        self._count = min(in_flight, len(self._jobs))
        self._running = 0
        self._lock = threading.Lock()
        self._change = _new_change()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.stopped = False
        self.failure: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Whether no job runs any more."""
        return self._running == 0

    def start(self, *, tasks: bool) -> None:
        """Start to work: in tasks of the running loop, or in threads, which do not keep the process alive."""
        self._running = self._count
        if tasks:
            self._loop = asyncio.get_running_loop()
            self._tasks = [self._loop.create_task(run_async(self._work())) for _ in range(self._count)]
            for task in self._tasks:
                # A task that is cancelled before its first step never reaches a `finally` of its own.
                task.add_done_callback(self._end_task)
            return
        for number in range(self._count):
            context, name = copy_context(), f"llmlab-{number}"
            threading.Thread(target=context.run, args=(self._work_in_thread,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Start no more jobs. Running jobs are finished."""
        self.stopped = True
        self._notify()

    async def cancel(self) -> None:
        """Cancel all tasks, and wait for their end."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def next_change(self) -> Change:
        """Return the next change. Take it before you read results, so that no change is missed."""
        with self._lock:
            return self._change

    def wait(self, change: Change, longest: float | None = None) -> Flow[None]:
        """Wait for a change, `longest` seconds at most."""
        yield _WaitFor(change, longest, self._loop)

    def _work(self) -> Flow[None]:
        while not self.stopped:
            try:
                job = self._jobs.popleft()
            except IndexError:
                return
            yield from job()
            self._notify()

    def _work_in_thread(self) -> None:
        try:
            run(self._work())
        except BaseException as error:  # noqa: BLE001 - the caller that waits raises it
            self._end(error)
        else:
            self._end(None)

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self.stopped = self.stopped or task.cancelled()
        self._end(None if task.cancelled() else task.exception())

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            if error is not None:
                self.failure, self.stopped = self.failure or error, True
            self._running -= 1
        self._notify()

    def _notify(self) -> None:
        with self._lock:
            change, self._change = self._change, _new_change()
        change.set_result(None)


def _new_change() -> Change:
    change: Change = Future()
    # From now on it cannot be cancelled, whatever happens to those who wait for it.
    change.set_running_or_notify_cancel()
    return change


@dataclass(frozen=True, slots=True)
class _WaitFor:
    """A step of a flow."""

    change: Change
    longest: float | None
    loop: asyncio.AbstractEventLoop | None

    def run(self) -> None:
        with suppress(RuntimeError):
            if self.loop is not None and asyncio.get_running_loop() is self.loop:
                raise LLMInvalidRequestError("the work runs in this event loop, which must not be blocked: use await")
        concurrent.futures.wait([self.change], self.longest)

    async def run_async(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.longest):
                await asyncio.wrap_future(self.change)
