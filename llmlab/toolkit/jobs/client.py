"""Jobs as programs and notebooks see them: start one, look at it, wait, cancel, and many at once."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError

from llmlab.errors import LLMInvalidRequestError, LLMTimeoutError
from llmlab.toolkit.batches.journal import answer_from_json
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.toolkit.interfaces.service import LLMCallRequest
from llmlab.toolkit.jobs.requests import request_to_json
from llmlab.toolkit.jobs.settings import TASK, open_jobs, open_queue
from llmlab.toolkit.jobs.store import FINAL, JobStore, Status
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from pandas import DataFrame

_log = logging.getLogger("llmlab")

MAX_ATTEMPTS = 3
"""How often a job is begun; more than once only if its worker stopped or its code failed."""


class Job:
    """One job. Each property reads the row anew.

    Args:
        job_id: what `start_job` returned.
        store: the database.

    Raises:
        LLMInvalidRequestError: there is no such job.
    """

    def __init__(self, job_id: str, store: JobStore | None = None) -> None:
        self.id = job_id
        self._store = store or open_jobs()
        self._row()

    @property
    def status(self) -> Status:
        """queued, running, succeeded, failed or cancelled."""
        status: Status = self._row().status
        return status

    @property
    def progress(self) -> float:
        """The share that is done: 0 while it waits, 0.5 while it runs, 1 at the end."""
        return {"queued": 0.0, "running": 0.5}.get(self.status, 1.0)

    @property
    def result(self) -> Completion | None:
        """The answer; None without one."""
        return answer_from_json(json.loads(self._row().result or "{}"))

    @property
    def error(self) -> str | None:
        """The error as class and message; None without one."""
        return _error(self._row()) or None

    @property
    def attempts(self) -> int:
        """How often the job was begun."""
        attempts: int = self._row().attempts
        return attempts

    @property
    def created_at(self) -> float:
        """When the job was started, in seconds since 1970."""
        created: float = self._row().created_at
        return created

    @property
    def started_at(self) -> float | None:
        """When a worker began it last, in seconds since 1970."""
        started: float | None = self._row().started_at
        return started

    @property
    def finished_at(self) -> float | None:
        """When it ended, in seconds since 1970."""
        finished: float | None = self._row().finished_at
        return finished

    def wait(self, timeout: float | None = None) -> Job:
        """Wait until the job has ended, and return it.

        Args:
            timeout: seconds to wait at most.

        Raises:
            LLMTimeoutError: it has not ended by then; it goes on.
        """
        JobGroup([self.id], self._store).wait(timeout, progress=False)
        return self

    async def wait_async(self, timeout: float | None = None) -> Job:
        """The async twin of `wait`."""
        return await asyncio.to_thread(self.wait, timeout)

    def cancel(self) -> bool:
        """Cancel the job, and stop its call if it runs. Returns False if it had ended already."""
        return self._store.cancel(self.id)

    def retry(self) -> Job:
        """Start a job that has failed or was cancelled once more, as a new job, and return that one.

        Raises:
            LLMInvalidRequestError: it has not ended, or it has succeeded.
        """
        row = self._row()
        if row.status not in ("failed", "cancelled"):
            raise LLMInvalidRequestError(f"job {self.id} is {row.status}; only a failed or cancelled one is retried")
        names = ("request", "project_id", "organization_id", "max_attempts")
        return Job(_start(self._store, [{name: getattr(row, name) for name in names}])[0], self._store)

    def summary(self) -> dict[str, Any]:
        """Return the job as JSON values: id, status, attempts, times in seconds, answer, error, cost in USD."""
        return _summary(self._row())

    def _row(self) -> Any:
        (row,) = self._store.get([self.id])
        if row is None:
            raise LLMInvalidRequestError(
                f"there is no job {self.id!r}. python3 -m llmlab jobs list shows those there are"
            )
        return row

    def __repr__(self) -> str:
        row = self._row()
        return f"Job({self.id!r}, {row.status}, attempts={row.attempts})"

    def _repr_html_(self) -> str:
        return JobGroup([self.id], self._store)._repr_html_()


class JobGroup(Sequence[Job]):
    """Several jobs, in the order of their requests.

    Args:
        ids: of the jobs.
        store: the database.
    """

    def __init__(self, ids: Iterable[str], store: JobStore) -> None:
        self.ids = list(ids)
        self._store = store

    def __getitem__(self, index: Any) -> Any:
        return self.ids[index] if isinstance(index, slice) else Job(self.ids[index], self._store)

    def __len__(self) -> int:
        return len(self.ids)

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs have each status."""
        statuses = [row.status for row in self._store.get(self.ids) if row is not None]
        return {status: statuses.count(status) for status in ("queued", "running", *FINAL) if status in statuses}

    def as_completed(self, timeout: float | None = None) -> Iterator[Job]:
        """Yield each job when it has ended.

        Raises:
            LLMTimeoutError: one has not ended in so many seconds.
        """
        left, until, pause = list(self.ids), None if timeout is None else time.monotonic() + timeout, 0.02
        while left:
            ended = dict.fromkeys(self._store.ended(left))
            left = [one for one in left if one not in ended]
            for one in ended:
                yield Job(one, self._store)
            if left and until is not None and time.monotonic() >= until:
                raise LLMTimeoutError(
                    f"{len(left)} of {len(self.ids)} jobs have not ended in {timeout:g} s; they go on"
                )
            pause = 0.02 if ended else min(pause * 1.5, 0.5)
            if left:
                time.sleep(pause)

    def wait(self, timeout: float | None = None, *, progress: bool | Show = True) -> JobGroup:
        """Wait until all jobs have ended, with one line of progress, and return them.

        Raises:
            LLMTimeoutError: one has not ended in so many seconds; it goes on.
        """
        line, failed = Progress(progress), 0
        try:
            for done, job in enumerate(self.as_completed(timeout), 1):
                failed += job.status != "succeeded"
                line.show(f"jobs: {done} of {len(self.ids)} done" + (f", {failed} failed" if failed else ""))
        finally:
            line.end()
        return self

    async def wait_async(self, timeout: float | None = None, *, progress: bool | Show = True) -> JobGroup:
        """The async twin of `wait`."""
        return await asyncio.to_thread(self.wait, timeout, progress=progress)

    def summaries(self) -> list[dict[str, Any]]:
        """Return the `summary` of each job."""
        return [_summary(row) for row in self._store.get(self.ids) if row is not None]

    def frame(self) -> DataFrame:
        """Return a line for each job, as far as it is: status, answer, error, cost (USD), seconds, attempts."""
        from pandas import DataFrame

        columns = ("id", "status", "answer", "error", "cost", "seconds", "attempts")
        return DataFrame(self.summaries(), columns=columns)

    def __repr__(self) -> str:
        return (
            f"JobGroup({len(self.ids)} jobs: {', '.join(f'{count} {name}' for name, count in self.counts().items())})"
        )

    def _repr_html_(self) -> str:
        html: str = self.frame().to_html(index=False)
        return html


def start_job(
    request: LLMCallRequest,
    project_id: int | None = None,
    organization_id: int | None = None,
    db: Any = None,
    *,
    idempotency_key: str | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> str:
    """Store a call as a job, send it to the workers, and return its id at once.

    Args:
        request: the call.
        project_id, organization_id: numbers of your own, to find the job by.
        db: a session or an engine of SQLAlchemy, or a URL; else `LLMLAB_JOBS_URL`, else a file in `.llmlab`.
        idempotency_key: the same key always returns the same job, and so one answer.
        max_attempts: how often the job is begun if its worker stops or its code fails.

    Raises:
        LLMInvalidRequestError: the request cannot be stored.
        ConfigurationError: the database is not there.
    """
    row = {"request": request_to_json(request), "project_id": project_id, "organization_id": organization_id}
    row |= {"idempotency_key": idempotency_key, "max_attempts": max_attempts}
    return _start(open_jobs(db), [row])[0]


async def start_job_async(request: LLMCallRequest, *args: Any, **options: Any) -> str:
    """The async twin of `start_job`."""
    return await asyncio.to_thread(start_job, request, *args, **options)


def submit_many(
    requests: Iterable[LLMCallRequest],
    project_id: int | None = None,
    organization_id: int | None = None,
    db: Any = None,
    *,
    max_attempts: int = MAX_ATTEMPTS,
) -> JobGroup:
    """Start a job for each request, and return them as a group. Arguments are those of `start_job`."""
    common = {"project_id": project_id, "organization_id": organization_id, "max_attempts": max_attempts}
    store, rows = open_jobs(db), [{"request": request_to_json(request), **common} for request in requests]
    return JobGroup(_start(store, rows) if rows else (), store)


def job(job_id: str, db: Any = None) -> Job:
    """Return a job by its id.

    Raises:
        LLMInvalidRequestError: there is no such job.
    """
    return Job(job_id, open_jobs(db))


def jobs(
    project_id: int | None = None, organization_id: int | None = None, status: Status | None = None, db: Any = None
) -> JobGroup:
    """Return the jobs of a project, an organisation or a status, oldest first; all without a filter."""
    store = open_jobs(db)
    return JobGroup(store.find(project_id=project_id, organization_id=organization_id, status=status), store)


def send(ids: Iterable[str]) -> None:
    """Send the messages of jobs. A broker that is away loses nothing: a worker sends them again from the rows."""
    queue, left = open_queue(), list(ids)
    try:
        with queue.producer_pool.acquire(block=True) as producer:
            while left:
                queue.send_task(TASK, (left[0],), producer=producer, retry=False)
                del left[0]
    except (OperationalError, *queue.connection_for_write().connection_errors) as error:
        _log.warning("the broker is away (%s); %d jobs wait in the database", type(error).__name__, len(left))


def _start(store: JobStore, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = store.add(rows)
    send(ids)
    return ids


_COLUMNS = (
    "id",
    "status",
    "project_id",
    "organization_id",
    "attempts",
    "created_at",
    "started_at",
    "finished_at",
    "cost",
)


def _summary(row: Any) -> dict[str, Any]:
    answer = answer_from_json(json.loads(row.result or "{}"))
    return {
        **{name: getattr(row, name) for name in _COLUMNS},
        "seconds": row.finished_at - row.created_at if row.finished_at else None,
        "answer": answer.content if answer else "",
        "error": _error(row),
    }


def _error(row: Any) -> str:
    error = json.loads(row.error or "null")
    return f"{error['type']}: {error['message']}" if error else ""
