"""Job rows in a database, and the few statements that change them. A row is the truth about its job.

    queued ──► running ──► succeeded | failed
       └───────────┴─────► cancelled

Each statement names the states that it may leave, so no transition goes backwards, and a result is stored once. A
worker owns a job while its heartbeat is fresh; after `LEASE` seconds without one, another worker may take the job.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sql
from alembic import command
from alembic.config import Config
from sqlalchemy.dialects import postgresql, sqlite

from llmlab._utils.redaction import redact
from llmlab.errors import ConfigurationError
from llmlab.toolkit.jobs.limits import JobLimits
from llmlab.toolkit.jobs.tables import jobs, workers

Status: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FINAL: Final = ("succeeded", "failed", "cancelled")
STATUSES: Final = ("queued", "running", *FINAL)

LEASE: Final = 6.0
"""Seconds after the last heartbeat until a worker counts as gone."""
PATIENCE: Final = 30.0
"""Seconds that a statement waits for a database that is away or full."""
_EXAMPLES: Final = "sqlite:///jobs.db or postgresql+psycopg://user@host/database"
_POSTGRES: Final = "postgresql+psycopg"
_DRIVERS: Final = {"sqlite": "sqlite", "postgres": _POSTGRES, "postgresql": _POSTGRES, _POSTGRES: _POSTGRES}


def _abandoned(now: Any) -> Any:
    alive = sql.select(workers.c.id).where(workers.c.heartbeat >= now - LEASE)
    return jobs.c.worker.is_(None) | jobs.c.worker.not_in(alive)


_NOW: Final = sql.bindparam("now", type_=sql.Double)
_free = (jobs.c.status == "queued") | ((jobs.c.status == "running") & _abandoned(_NOW))
_update_free = sql.update(jobs).where(jobs.c.id == sql.bindparam("job_id"), _free)
_CLAIM: Final = (
    _update_free.where(jobs.c.attempts < jobs.c.max_attempts)
    .values(status="running", attempts=jobs.c.attempts + 1, started_at=_NOW)
    .values(worker=sql.bindparam("by"), claim=sql.bindparam("token"))
    .returning(*jobs.c)
)
_LOST: Final = '{"type": "WorkerLost", "message": "the worker of this job stopped in each attempt"}'
_GIVE_UP: Final = _update_free.where(jobs.c.attempts >= jobs.c.max_attempts).values(
    status="failed", error=_LOST, finished_at=_NOW
)


class JobStore:
    """The rows of one database. Safe with threads and with processes.

    Args:
        url: of the database, as SQLAlchemy writes it.

    Raises:
        ConfigurationError: the URL is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            address = sql.make_url(url)
        except (sql.exc.ArgumentError, ValueError):
            # The error of SQLAlchemy may quote the URL, and with it the password.
            raise ConfigurationError(f"invalid URL of a database: use {_EXAMPLES}") from None
        if address.drivername not in _DRIVERS:
            raise ConfigurationError(f"jobs are stored in SQLite or PostgreSQL: use {_EXAMPLES}")
        self._url = address.set(drivername=_DRIVERS[address.drivername])
        self._is_sqlite = self._url.drivername == "sqlite"

    @cached_property
    def _engine(self) -> Any:
        is_sqlite = self._is_sqlite
        if is_sqlite and self._url.database:
            with suppress(OSError):
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        limit = {"timeout": 5.0} if is_sqlite else {"connect_timeout": 5}
        engine = sql.create_engine(self._url, connect_args=limit, pool_pre_ping=not is_sqlite)
        if is_sqlite:
            sql.event.listen(engine, "connect", _set_up_sqlite)
            sql.event.listen(engine, "begin", _begin_sqlite)
        self._retried(lambda: self._migrate(engine))
        return engine

    def _migrate(self, engine: Any) -> None:
        """Bring the tables to the newest version; one process at a time."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20261128)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def add(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Insert queued jobs, and return their ids. A key that exists already gives the id of its job."""
        now = time.time()
        common = {"status": "queued", "sent_at": now}
        # A microsecond apart, so that sorting by time keeps their order.
        new = [{**row, **common, "id": uuid.uuid4().hex, "created_at": now + n / 1e6} for n, row in enumerate(rows)]
        keys = [row["idempotency_key"] for row in rows if row.get("idempotency_key")]
        for row in new:
            row["idempotency_key"] = row.get("idempotency_key") or row["id"]
        insert = (sqlite if self._is_sqlite else postgresql).insert(jobs).on_conflict_do_nothing()
        query = sql.select(jobs.c.idempotency_key, jobs.c.id).where(jobs.c.idempotency_key.in_(keys))

        def store(connection: Any) -> dict[str, str]:
            connection.execute(insert, new)
            return dict(connection.execute(query).all()) if keys else {}

        known = self.run(store)
        return [known.get(row["idempotency_key"], row["id"]) for row in new]

    def get(self, ids: Iterable[str]) -> list[Any]:
        """Return the rows of these ids, in their order; None for an id that does not exist."""
        wanted = list(ids)
        by_id = {row.id: row for row in self._select(wanted, *jobs.c)}
        return [by_id.get(one) for one in wanted]

    def ended(self, ids: Sequence[str]) -> list[str]:
        """Return the ids whose jobs have ended."""
        return [row.id for row in self._select(ids, jobs.c.id, where=[jobs.c.status.in_(FINAL)])]

    def find(self, **filters: Any) -> list[str]:
        """Return the ids of jobs whose columns have these values, oldest first."""
        where = [jobs.c[name] == value for name, value in filters.items() if value is not None]
        query = sql.select(jobs.c.id).where(*where).order_by(jobs.c.created_at, jobs.c.id)
        found: list[str] = self.run(lambda connection: list(connection.execute(query).scalars()), reads=True)
        return found

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that is not finished. The worker that runs it stops its call. Returns whether it was."""
        values = {"status": "cancelled", "finished_at": time.time()}
        return self._change(job_id, jobs.c.status.in_(("queued", "running")), values)

    def claim(self, job_id: str, worker: str, limits: JobLimits | None = None) -> tuple[Any, float]:
        """Take a job that is queued, or whose worker is gone.

        Args:
            job_id: of the job.
            worker: who takes it.
            limits: over all workers; counted in the same transaction.

        Returns:
            The row, and 0; None and 0 if there is nothing to do; None and the seconds to wait.
        """
        values = {"job_id": job_id, "by": worker, "token": uuid.uuid4().hex, "now": time.time()}

        def take(connection: Any) -> tuple[Any, float]:
            if limits:
                self._lock_table(connection)
                if wait := limits.wait(connection):
                    return None, wait
            if (row := connection.execute(_CLAIM, values).one_or_none()) is None:
                connection.execute(_GIVE_UP, {"job_id": job_id, "now": values["now"]})
            return row, 0.0

        result: tuple[Any, float] = self.run(take)
        return result

    def finish(self, row: Any, values: Mapping[str, Any]) -> bool:
        """Store the end of a job that this claim still owns, and return whether it did."""
        owned = (jobs.c.claim == row.claim) & (jobs.c.status == "running")
        return self._change(row.id, owned, {**values, "finished_at": time.time()})

    def release(self, claims: Iterable[str]) -> None:
        """Give claimed jobs back, so that any worker may take them."""
        if wanted := list(claims):
            update = sql.update(jobs).where(jobs.c.claim.in_(wanted)).values(worker=None)
            self.run(lambda connection: connection.execute(update))

    def beat(self, worker: str) -> set[str]:
        """Note that a worker is alive, and return the claims that it still owns."""
        now = time.time()

        def note(connection: Any) -> set[str]:
            update = sql.update(workers).where(workers.c.id == worker).values(heartbeat=now)
            if not connection.execute(update).rowcount:
                connection.execute(sql.insert(workers), {"id": worker, "heartbeat": now})
                connection.execute(sql.delete(workers).where(workers.c.heartbeat < now - 3600))
            owned = sql.select(jobs.c.claim).where(jobs.c.worker == worker, jobs.c.status == "running")
            return set(connection.execute(owned).scalars())

        claims: set[str] = self.run(note)
        return claims

    def leave(self, worker: str) -> None:
        """Note that a worker has ended; what it still owned is free."""
        self.run(lambda connection: connection.execute(sql.delete(workers).where(workers.c.id == worker)))

    def overdue(self, seconds: float, limit: int = 1000) -> list[str]:
        """Return jobs whose message may be lost: still queued, or left by a worker that is gone.

        They count as sent now, so that one worker alone sends each again, and after twice the time if it must be sent
        once more.
        """
        now = time.time()
        since = sql.func.coalesce(jobs.c.started_at, jobs.c.created_at)
        due = (jobs.c.sent_at < now - seconds) & (jobs.c.sent_at - since < now - jobs.c.sent_at)
        waiting = (jobs.c.status == "queued") & due
        left = (jobs.c.status == "running") & _abandoned(now) & due
        late = sql.select(jobs.c.id).where(waiting | left).order_by(jobs.c.created_at).limit(limit)
        update = sql.update(jobs).where(jobs.c.id.in_(late)).values(sent_at=now).returning(jobs.c.id)
        ids: list[str] = self.run(lambda connection: list(connection.execute(update).scalars()))
        return ids

    def run(self, work: Callable[[Any], Any], *, reads: bool = False) -> Any:
        """Do work in a transaction, one that only reads or one that writes; wait for a database that is away or full.

        Raises:
            ConfigurationError: it did not come back in time.
        """

        def transact() -> Any:
            with self._engine.execution_options(llmlab_reads=reads).begin() as connection:
                return work(connection)

        return self._retried(transact)

    def close(self) -> None:
        """Close the connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def _select(self, ids: Sequence[str], *columns: Any, where: Any = ()) -> list[Any]:
        """Return columns of the rows with these ids; so many at once as every database takes."""
        query = sql.select(*columns).where(*where)

        def select(connection: Any) -> list[Any]:
            parts = (ids[start : start + 1000] for start in range(0, len(ids), 1000))
            return [row for part in parts for row in connection.execute(query.where(jobs.c.id.in_(part))).all()]

        rows: list[Any] = self.run(select, reads=True)
        return rows

    def _change(self, job_id: str, where: Any, values: Mapping[str, Any]) -> bool:
        update = sql.update(jobs).where(jobs.c.id == job_id, where).values(values)
        return bool(self.run(lambda connection: connection.execute(update).rowcount))

    def _lock_table(self, connection: Any) -> None:
        """Let one worker at a time count and claim. In SQLite the transaction has the lock already."""
        if not self._is_sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20261129)")

    def _retried(self, work: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return work()
            except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
                if time.monotonic() > until:
                    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
                    where = self._url.render_as_string(hide_password=True)
                    raise ConfigurationError(f"the jobs at {where}: {redact(reason)}") from None
                time.sleep(0.2)


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # `_begin_sqlite` begins transactions; many readers and one writer at a time.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A transaction that writes takes the lock at its begin, so it waits there and never fails half-way.
    reads = connection.get_execution_options().get("llmlab_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
