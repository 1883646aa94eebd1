"""A worker: takes messages from the broker, runs their jobs, and stores what comes of them.

A message is acknowledged when its result is stored. What a message cannot promise, the rows do: each second a worker
writes its heartbeat, stops calls whose job was cancelled, and while it has nothing to do sends jobs again whose message
or worker is gone. A job that comes twice is taken once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Final, Self

from celery import signals
from celery.exceptions import SecurityWarning

from llmlab.errors import APICallError, BudgetExceededError, LLMError
from llmlab.models import price_of
from llmlab.providers import Provider, get_provider
from llmlab.toolkit.batches.journal import outcome_to_json
from llmlab.toolkit.interfaces.service import LLMCallRequest, execute_llm_call_async
from llmlab.toolkit.jobs.client import send
from llmlab.toolkit.jobs.limits import JobLimits
from llmlab.toolkit.jobs.requests import error_to_json, request_from_json
from llmlab.toolkit.jobs.settings import TASK, open_jobs, open_queue
from llmlab.toolkit.jobs.store import JobStore
from llmlab.types.completion import Completion

BEAT: Final = 1.0
"""Seconds between two heartbeats."""
OVERDUE: Final = 3.0
"""Seconds after which an idle worker sends a queued job again."""
_log = logging.getLogger("llmlab")


class JobWorker:
    """Runs jobs in this process: `run` takes them from the broker; inside `with`, `execute` runs one.

    Args:
        concurrency: jobs at the same time.
        limits: over all workers.
        store: the database.
    """

    def __init__(self, concurrency: int = 4, limits: JobLimits | None = None, store: JobStore | None = None) -> None:
        self.id = uuid.uuid4().hex
        self._concurrency, self._limits = concurrency, limits or JobLimits()
        self._store = store or open_jobs()
        self._stopped, self._lock = threading.Event(), threading.Lock()
        self._calls: dict[str, Future[Any] | None] = {}
        """The call of each claim; None before and after it."""
        self._busy, self._idle_since = 0, time.monotonic()
        self._providers: dict[str, Provider] = {}
        self._celery: Any = None
        self._loop = asyncio.new_event_loop()
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="llmlab-jobs-calls", daemon=True),
            threading.Thread(target=self._watch, name="llmlab-jobs-heart", daemon=True),
        ]

    def run(self, on_ready: Callable[[], object] = lambda: None) -> None:
        """Take jobs until SIGTERM or Ctrl-C; what runs then is finished first. Call it in the main thread.

        Args:
            on_ready: called when the worker takes jobs.
        """
        queue = open_queue()
        queue.task(self._task, name=TASK)
        with warnings.catch_warnings():
            # As root, as in a container, Celery warns of messages that hold code. These hold an id.
            warnings.simplefilter("ignore", SecurityWarning)
            self._celery = queue.Worker(
                pool="threads",
                concurrency=self._concurrency,
                hostname=f"llmlab-{self.id}@localhost",
                loglevel="WARNING",
                quiet=True,
                redirect_stdouts=False,
                without_heartbeat=True,
                without_gossip=True,
                without_mingle=True,
            )

        def tell(**_: Any) -> None:
            on_ready()

        signals.worker_ready.connect(tell)
        try:
            with self:
                self._celery.start()
        finally:
            signals.worker_ready.disconnect(tell)

    def __enter__(self) -> Self:
        self._store.beat(self.id)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._threads[1].join()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._threads[0].join()
        self._loop.close()
        self._store.leave(self.id)

    def execute(self, job_id: str) -> None:
        """Run a job, if it still needs to be run."""
        while True:
            try:
                row, wait = self._store.claim(job_id, self.id, self._limits)
            except BudgetExceededError as error:
                row, wait = self._store.claim(job_id, self.id)
                if row is not None:
                    self._store.finish(row, {"status": "failed", "error": json.dumps(error_to_json(error))})
                return
            if not wait:
                break
            if self._stopped.wait(min(wait, 1.0)):
                return
        if row is not None:
            self._calls[row.claim] = None
            try:
                self._run(row)
            finally:
                del self._calls[row.claim]

    def _task(self, job_id: str, *_: Any, **__: Any) -> None:
        # Messages of other versions may hold more; the id is what counts.
        with self._lock:
            self._busy += 1
        try:
            self.execute(str(job_id))
        finally:
            with self._lock:
                self._busy -= 1
                self._idle_since = time.monotonic()

    def _run(self, row: Any) -> None:
        try:
            request = request_from_json(row.request)
            call = asyncio.run_coroutine_threadsafe(self._call(request), self._loop)
            self._calls[row.claim] = call
            answer = call.result()
        except CancelledError:
            return
        except LLMError as error:
            values: dict[str, Any] = {"status": "failed", "error": json.dumps(error_to_json(error))}
        except Exception as error:  # noqa: BLE001 - code of a user's provider; the worker lives on
            if row.attempts < row.max_attempts:
                self._store.release({row.claim})
                send([row.id])
                return
            values = {"status": "failed", "error": json.dumps(error_to_json(error))}
        else:
            cost = answer.usage.cost
            if cost is None:
                usage = answer.usage
                cost = price_of(usage.input_tokens, usage.output_tokens, answer.model, answer.provider)
            values = {"status": "succeeded", "result": json.dumps(outcome_to_json(answer)), "cost": cost}
        self._store.finish(row, values)

    async def _call(self, request: LLMCallRequest) -> Completion:
        name = request.llm.llm_model_spec.provider
        client = None
        if name is not None:
            # Open for all jobs: connections and policies are shared.
            client = self._providers.get(name) or self._providers.setdefault(name, get_provider(name))
        response, error = await execute_llm_call_async(request, client)
        if response is None:
            failure = getattr(error, "exception", LLMError(str(error)))
            # What the code of a provider raised came back as this class, and may pass when it is tried again.
            raise failure.__cause__ if type(failure) is APICallError and failure.__cause__ else failure
        return response.completion or Completion(response.message, response.model)

    async def _close(self) -> None:
        for provider in self._providers.values():
            await provider.aclose()

    def _reconnect(self) -> None:
        """Let Celery connect anew. It does not notice a broker that went away while all its slots were taken."""
        hub = getattr(self._celery, "hub", None)
        if hub is not None:
            hub.call_soon(_break_connection)

    def _watch(self) -> None:
        while not self._stopped.wait(BEAT):
            try:
                mine = dict(self._calls)
                owned = self._store.beat(self.id)
                for claim in mine.keys() - owned:
                    if (call := mine[claim]) is not None:
                        call.cancel()
                # The database failed where the end of these was to be stored.
                self._store.release(owned - self._calls.keys() - mine.keys())
                with self._lock:
                    idle = not self._busy and time.monotonic() - self._idle_since > OVERDUE
                if idle and (late := self._store.overdue(OVERDUE)):
                    send(late)
                    self._reconnect()
            except LLMError as error:
                _log.warning("%s", error)


def _break_connection() -> None:
    raise ConnectionError("jobs wait, and no message comes")
