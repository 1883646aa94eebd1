"""Work done side by side: so many flows at once, in threads of their own or in tasks of the running loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeAlias

from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.providers import Provider
from llmlab.transport.driver import Flow

Job: TypeAlias = tuple[Provider, Callable[[], Flow[None]]]
"""Whose transport carries it, and what begins it."""


class Crew:
    """Does jobs, in their order, at most so many at once.

    Args:
        jobs: what is to be done. Each notes its own outcome; an exception that leaves one stops the crew.
        in_flight: how many are done at once.

    Raises:
        ConfigurationError: for fewer than one at once.
    """

    def __init__(self, jobs: Iterable[Job], in_flight: int) -> None:
        if isinstance(in_flight, bool) or not isinstance(in_flight, int) or in_flight < 1:
            raise ConfigurationError(f"in_flight is how many calls run at once, a number from 1 on, not {in_flight!r}")
        self._jobs = deque(jobs)
        self._workers = min(in_flight, len(self._jobs))
        self._running = 0
        self._lock = threading.Lock()
        self._waiters: list[Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.version = 0
        """Grows whenever something has changed."""
        self.stopped = False
        self.failure: BaseException | None = None

    @property
    def over(self) -> bool:
        """Whether nothing is being done any more."""
        return self._running == 0

    def start(self) -> None:
        """Begin to work in threads. They do not keep the process from ending."""
        self._running = self._workers
        for number in range(self._workers):
            context, name = copy_context(), f"llmlab-{number}"
            threading.Thread(target=context.run, args=(self._work,), name=name, daemon=True).start()

    def start_tasks(self) -> None:
        """Begin to work in tasks of the running loop."""
        self._running, self._loop = self._workers, asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(self._work_async()) for _ in range(self._workers)]
        for task in self._tasks:
            # A task that is cancelled before its first step never comes to a `finally` of its own.
            task.add_done_callback(self._left)

    def stop(self) -> None:
        """Begin nothing more. What is in flight is finished."""
        self.stopped = True
        self._tell()

    async def cancel(self) -> None:
        """Stop, and leave nothing behind, not even what is in flight. For tasks."""
        self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def change(self, seen: int, longest: float | None = None) -> Change:
        """Return a ticket that is called as soon as the version is another than `seen`, or after so many seconds."""
        future: Future[None] = Future()
        with self._lock:
            if self.version == seen:
                self._waiters.append(future)
            else:
                future.set_result(None)
        return Change(future, longest, self._loop)

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                provider, begin = job
                provider.run(begin())
                self._tell()
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._fail(error)
        finally:
            self._leave()

    async def _work_async(self) -> None:
        try:
            while (job := self._next()) is not None:
                provider, begin = job
                await provider.run_async(begin())
                self._tell()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._fail(error)

    def _left(self, task: asyncio.Task[None]) -> None:
        self.stopped = self.stopped or task.cancelled()
        self._leave()

    def _next(self) -> Job | None:
        with self._lock:
            return self._jobs.popleft() if self._jobs and not self.stopped else None

    def _fail(self, error: BaseException) -> None:
        self.failure, self.stopped = self.failure or error, True

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self.version += 1
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            # One that was cancelled waits no more.
            with suppress(InvalidStateError):
                waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class Change:
    """A ticket for the next change; see `flow.Ticket`."""

    future: Future[None]
    longest: float | None
    loop: asyncio.AbstractEventLoop | None

    def wait(self) -> None:
        """Wait, blocking.

        Raises:
            LLMInvalidRequestError: where that would wait for ever.
        """
        if self.loop is not None and asyncio._get_running_loop() is self.loop:
            raise LLMInvalidRequestError("the work is done in this event loop, which must not be blocked: use await")
        with suppress(FutureTimeoutError):
            self.future.result(self.longest)

    async def wait_async(self) -> None:
        """Wait, awaiting."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.longest):
                await asyncio.wrap_future(self.future)
