"""The ledger in a database, by SQLAlchemy: SQLite, or PostgreSQL if several machines share one ledger.

Records are written in batches, by the call that fills one, and when the process ends. A database that is down stops no
call: records wait in memory, and a warning says so. SQLAlchemy is an extra, loaded with the first database.
"""

from __future__ import annotations

import atexit
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_type_hints

from llmlab._utils.locks import Lock
from llmlab._utils.redaction import redact
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger.record import AttemptRecord, CallRecord, storable

BATCH: Final = 100
"""Records that are written at once."""
_MAX_WAITING: Final = 100_000
"""Records that wait at most while the database is down; the oldest are dropped."""
_EXAMPLES: Final = "sqlite:///costs.db or postgresql+psycopg://user@host/database"
_POSTGRES: Final = ("postgres", "postgresql", "postgresql+psycopg")
_DRIVERS: Final = {"sqlite": "sqlite", **dict.fromkeys(_POSTGRES, "postgresql+psycopg")}
_LOCKS: Final = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(20261121)"}
"""Keeps two processes from creating the tables at the same time."""
_NULLABLE: Final = ("cost", "latency", "time_to_first_token")
_log = logging.getLogger("llmlab")


class Database:
    """Records in a database, and on their way there.

    Args:
        url: of the database, as SQLAlchemy writes it.
        batch: records that are written at once.

    Raises:
        ConfigurationError: if the URL is wrong or a library is missing.
    """

    def __init__(self, url: str, batch: int = BATCH) -> None:
        try:
            import sqlalchemy
            from sqlalchemy.pool import NullPool
        except ModuleNotFoundError:
            raise ConfigurationError(_missing("SQLAlchemy")) from None
        try:
            address = sqlalchemy.make_url(url)
        except (sqlalchemy.exc.ArgumentError, ValueError):
            # The error of SQLAlchemy may quote the URL, and with it the password.
            raise ConfigurationError(f"invalid URL of a database: use {_EXAMPLES}") from None
        if address.drivername not in _DRIVERS:
            raise ConfigurationError(f"a ledger is stored in SQLite or PostgreSQL: use {_EXAMPLES}")
        # Seconds until the database must answer; a call may have to wait for it.
        limit = {"timeout" if address.drivername == "sqlite" else "connect_timeout": 5}
        address = address.set(drivername=_DRIVERS[address.drivername])
        self._sql, self._address = sqlalchemy, address.render_as_string(hide_password=True)
        try:
            # One connection for each batch: batches are rare, and nothing stays open between them or over a fork.
            self._engine = sqlalchemy.create_engine(address, poolclass=NullPool, connect_args=limit)
        except ModuleNotFoundError as error:
            raise ConfigurationError(_missing(f"the driver {error.name}")) from None
        self._calls, self._attempts = _tables(sqlalchemy)
        self._batch = max(1, batch)
        self._waiting: deque[CallRecord] = deque(maxlen=_MAX_WAITING)
        self._lock = Lock()
        self._writing = self._ready = False

    def open(self) -> None:
        """Create the tables if they are missing, and take records until `close`.

        Raises:
            ConfigurationError: if the database fails. All methods below may raise it too.
        """
        self.flush()
        atexit.register(self._flush_or_warn, "records of the ledger that are lost")

    def add(self, record: CallRecord) -> None:
        """Take a record, and write it with the rest of its batch. Never raises: a warning says what went wrong."""
        self._lock.run(self._add, record)

    def _add(self, record: CallRecord) -> None:
        self._waiting.append(record)
        # A dropped stream ends its call when garbage is collected, even while this thread writes.
        if not self._writing and len(self._waiting) % self._batch == 0:
            self._flush_or_warn("records of the ledger that wait")

    def flush(self) -> None:
        """Write the records that wait. After an error nothing is lost; the next time tries again."""
        self._lock.run(self._flush)

    def _flush(self) -> None:
        records, self._writing = list(self._waiting), True
        # After an error the database may have come back empty: a new server, a deleted file.
        ready, self._ready = self._ready, False
        try:
            self._run(lambda connection: self._write(connection, records, ready))
            self._ready = True
            for _ in records:
                self._waiting.popleft()
        finally:
            self._writing = False

    def close(self) -> None:
        """Write the records that wait, for the last time."""
        self.flush()
        atexit.unregister(self._flush_or_warn)

    def read(self, since: datetime | None) -> list[CallRecord]:
        """Return the records since a time, oldest first; none if there are no tables yet."""
        file = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and not (file and Path(file).is_file()):
            return []  # Reading must not create the file.
        rows, attempts = self._run(lambda connection: self._read(connection, since))
        by_call = defaultdict(list)
        for call_id, _, *attempt in attempts:
            by_call[call_id].append(AttemptRecord(*attempt))
        return [_record(row, by_call[row.id]) for row in rows]

    def _write(self, connection: Any, records: Sequence[CallRecord], ready: bool) -> None:
        if not ready:
            connection.exec_driver_sql(_LOCKS[self._engine.dialect.name])
            self._calls.metadata.create_all(connection)
        if records:
            calls = self._sql.insert(self._calls).returning(self._calls.c.id, sort_by_parameter_order=True)
            ids = connection.execute(calls, list(map(_row, records))).scalars().all()
            attempts = [
                {"call_id": call_id, "attempt": number, **attempt._asdict()}
                for call_id, record in zip(ids, records, strict=True)
                for number, attempt in enumerate(record.attempts, 1)
            ]
            if attempts:
                connection.execute(self._sql.insert(self._attempts), attempts)

    def _read(self, connection: Any, since: datetime | None) -> tuple[Sequence[Any], Sequence[Any]]:
        if not self._sql.inspect(connection).has_table(self._calls.name):
            return (), ()
        calls, attempts = self._calls, self._attempts
        wanted = calls.c.time >= since if since else self._sql.true()
        rows = self._sql.select(calls).where(wanted).order_by(calls.c.time, calls.c.id)
        ids = self._sql.select(calls.c.id).where(wanted)
        tries = self._sql.select(attempts).where(attempts.c.call_id.in_(ids)).order_by(*attempts.primary_key)
        return connection.execute(rows).all(), connection.execute(tries).all()

    def _run(self, work: Callable[[Any], Any]) -> Any:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except self._sql.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigurationError(f"the ledger at {self._address}: {redact(reason)}") from None

    def _flush_or_warn(self, what: str) -> None:
        try:
            self.flush()
        except ConfigurationError as error:
            _log.warning("%s: %d; %s", what, len(self._waiting), error)


def _tables(sql: Any) -> tuple[Any, Any]:
    """Return the tables of calls and attempts. Their columns are the fields of `CallRecord` and `AttemptRecord`."""
    meta, number = sql.MetaData(), sql.Integer
    kinds = {float: sql.Double, float | None: sql.Double, int: sql.BigInteger, str: sql.Text}
    columns = [
        sql.Column(name, kinds[kind], nullable=name in _NULLABLE)
        for name, kind in get_type_hints(CallRecord).items()
        if name not in ("time", "attempts")
    ]
    time = sql.Column("time", sql.DateTime(timezone=True), nullable=False, index=True)
    calls = sql.Table("llmlab_calls", meta, sql.Column("id", number, primary_key=True), time, *columns)
    attempts = sql.Table(
        "llmlab_attempts",
        meta,
        sql.Column("call_id", number, sql.ForeignKey("llmlab_calls.id"), primary_key=True),
        sql.Column("attempt", number, primary_key=True),
        *(sql.Column(name, kinds[kind], nullable=False) for name, kind in get_type_hints(AttemptRecord).items()),
    )
    return calls, attempts


def _row(record: CallRecord) -> dict[str, Any]:
    # One value that a column cannot hold would keep the whole batch out.
    row = {name: storable(value) for name, value in record._asdict().items() if name != "attempts"}
    row["cost"], row["priced"] = record.price()
    return {**row, "time": datetime.fromtimestamp(record.time, UTC)}


def _record(row: Any, attempts: Sequence[AttemptRecord]) -> CallRecord:
    fields = {name: value for name, value in row._mapping.items() if name != "id"}
    # SQLite returns times without their time zone.
    time = fields["time"].replace(tzinfo=fields["time"].tzinfo or UTC)
    return CallRecord(**{**fields, "time": time.timestamp(), "attempts": tuple(attempts)})


def _missing(library: str) -> str:
    return f"{library} is not installed; a ledger in a database needs it: pip install 'llmlab[sql]'"
