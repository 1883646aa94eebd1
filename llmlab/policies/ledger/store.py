"""The ledger in a database, by SQLAlchemy: SQLite, or PostgreSQL where several machines keep one ledger.

Lines are written in batches, by the call that fills one, and when the process ends. A database that is down stops no
call: lines wait in memory, and a warning says so. SQLAlchemy is an extra, loaded with the first database.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llmlab._utils.redaction import redact
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger.costs import priced
from llmlab.policies.ledger.record import Entry, Tried
from llmlab.policies.ledger.since import utc

BATCH, WAITING = 100, 100_000
"""Lines that are written at once, and that wait at most while the database is down."""
EXAMPLES = "sqlite:///costs.db or postgresql+psycopg://user@host/database"
_DRIVERS = {"sqlite": "sqlite", **dict.fromkeys(("postgres", "postgresql", "postgresql+psycopg"), "postgresql+psycopg")}
_ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(20261121)"}
"""What keeps other processes from making the same tables at the same moment."""
_LARGEST = 2**63 - 1
"""What a column of whole numbers holds at most."""
_log = logging.getLogger("llmlab")


class Store:
    """Lines on their way into a database.

    Args:
        url: of the database, as SQLAlchemy writes it. Tables are made where they are missing.
        batch: how many lines are written at once.

    Raises:
        ConfigurationError: if the URL, the library or the database is not as it should be.
    """

    def __init__(self, url: str, batch: int = BATCH) -> None:
        self._database = _Database(url)
        self._database.prepare()
        self._batch = max(1, batch)
        self._waiting: deque[Entry] = deque(maxlen=WAITING)
        self._lock = threading.RLock()
        self._writing, self._ready = False, True
        atexit.register(self._last)

    def add(self, entry: Entry) -> None:
        """Take a line. It is written with others."""
        with self._lock:
            self._waiting.append(entry)
            # A call can end while the garbage of another is collected, even in the middle of writing.
            if self._writing or len(self._waiting) % self._batch:
                return
            try:
                self.flush()
            except ConfigurationError as error:
                _log.warning("lines of the ledger that wait: %d; %s", len(self._waiting), error)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            ConfigurationError: if the database does not take it. Nothing is lost; the next time tries again.
        """
        with self._lock:
            lines, self._writing = list(self._waiting), True
            try:
                if not self._ready:
                    # What was away may have come back empty: a new server, a file that was deleted.
                    self._database.prepare()
                self._ready = False
                self._database.write(lines)
                self._ready = True
                for _ in lines:
                    self._waiting.popleft()
            finally:
                self._writing = False

    def close(self) -> None:
        """Write what waits, for the last time."""
        self.flush()
        atexit.unregister(self._last)

    def _last(self) -> None:
        try:
            self.flush()
        except ConfigurationError as error:
            _log.warning("lines of the ledger that are lost: %d; %s", len(self._waiting), error)


def read(url: str, since: datetime | None = None) -> list[Entry]:
    """Return the lines of a database, oldest first; none if it is a file that is not there.

    Args:
        url: of the database.
        since: the moment from which on.

    Raises:
        ConfigurationError: if the URL, the library or the database is not as it should be.
    """
    database = _Database(url)
    return database.read(since) if database.exists() else []


class _Database:
    def __init__(self, url: str) -> None:
        try:
            import sqlalchemy
            from sqlalchemy.pool import NullPool
        except ModuleNotFoundError:
            raise ConfigurationError(_without("SQLAlchemy")) from None
        self._sql = sqlalchemy
        try:
            address = sqlalchemy.make_url(url)
        except (sqlalchemy.exc.ArgumentError, ValueError):
            # Its message may repeat the URL, and with it the password.
            raise ConfigurationError(f"this is no URL of a database; write {EXAMPLES}") from None
        if address.drivername not in _DRIVERS:
            raise ConfigurationError(f"a ledger is kept in SQLite or PostgreSQL; write {EXAMPLES}")
        address = address.set(drivername=_DRIVERS[address.drivername])
        self.shown = address.render_as_string(hide_password=True)
        try:
            # A connection for each batch: there are few, and none is left open between them or over a fork.
            self._engine = sqlalchemy.create_engine(address, poolclass=NullPool, connect_args=_patience(address))
        except ModuleNotFoundError as error:
            raise ConfigurationError(_without(f"the driver {error.name}")) from None
        self._tables = _tables(sqlalchemy)

    def exists(self) -> bool:
        """Return whether there is something to read. A file that is only looked for must not be made."""
        file = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and not (file and Path(file).is_file()):
            return False
        return bool(self._run(lambda connection: self._sql.inspect(connection).has_table(self._tables.calls.name)))

    def prepare(self) -> None:
        """Make the tables where they are missing."""

        def made(connection: Any) -> None:
            connection.exec_driver_sql(_ALONE[self._engine.dialect.name])
            self._tables.calls.metadata.create_all(connection)

        self._run(made)

    def write(self, entries: Sequence[Entry]) -> None:
        """Write lines, all or none."""
        if entries:
            self._run(lambda connection: self._insert(connection, entries))

    def read(self, since: datetime | None) -> list[Entry]:
        """Return lines, oldest first."""
        calls, attempts = self._tables.calls, self._tables.attempts
        after = calls.c.time >= since if since else self._sql.true()
        chosen = self._sql.select(calls.c.id).where(after)

        def found(connection: Any) -> tuple[list[Any], list[Any]]:
            lines = connection.execute(self._sql.select(calls).where(after).order_by(calls.c.time, calls.c.id)).all()
            order = (attempts.c.call_id, attempts.c.attempt)
            tried = self._sql.select(attempts).where(attempts.c.call_id.in_(chosen)).order_by(*order)
            return lines, connection.execute(tried).all()

        lines, tried = self._run(found)
        by_call = defaultdict(list)
        for call_id, _, *one in tried:
            by_call[call_id].append(Tried(*one))
        return [_entry(line, by_call[line.id]) for line in lines]

    def _insert(self, connection: Any, entries: Sequence[Entry]) -> None:
        calls, attempts = self._tables.calls, self._tables.attempts
        insert = self._sql.insert(calls).returning(calls.c.id, sort_by_parameter_order=True)
        ids = connection.execute(insert, [_row(entry) for entry in entries]).scalars().all()
        tried = [
            {"call_id": call_id, "attempt": number, **one._asdict()}
            for call_id, entry in zip(ids, entries, strict=True)
            for number, one in enumerate(entry.attempts, 1)
        ]
        if tried:
            connection.execute(self._sql.insert(attempts), tried)

    def _run(self, work: Any) -> Any:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except self._sql.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigurationError(f"the ledger at {self.shown}: {redact(reason)}") from None


def _tables(sql: Any) -> Any:
    """Return the two tables. Their columns are the fields of `Entry` and `Tried`."""
    meta = sql.MetaData()
    numbers = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    seconds = ("cost", "latency", "time_to_first_token")
    columns = []
    for name in Entry._fields:
        if name == "time":
            columns.append(sql.Column(name, sql.DateTime(timezone=True), nullable=False, index=True))
        elif name != "attempts":
            kind = sql.BigInteger if name in numbers else sql.Double if name in seconds else sql.Text
            columns.append(sql.Column(name, kind, nullable=name in seconds))
    calls = sql.Table("llmlab_calls", meta, sql.Column("id", sql.Integer, primary_key=True), *columns)
    attempts = sql.Table(
        "llmlab_attempts",
        meta,
        sql.Column("call_id", sql.Integer, sql.ForeignKey("llmlab_calls.id"), primary_key=True),
        sql.Column("attempt", sql.Integer, primary_key=True),
        sql.Column("wait", sql.Double, nullable=False),
        sql.Column("seconds", sql.Double, nullable=False),
        sql.Column("error", sql.Text, nullable=False),
    )
    return SimpleNamespace(calls=calls, attempts=attempts)


def _row(entry: Entry) -> dict[str, Any]:
    cost, found = priced(entry)
    row = entry._replace(cost=cost, priced=found)._asdict()
    del row["attempts"]
    return {**{name: _held(value) for name, value in row.items()}, "time": utc(entry.time)}


def _held(value: Any) -> Any:
    """Return what a column can hold. One value that it cannot would keep all lines after it out as well."""
    if isinstance(value, str):
        # Half a character, which JSON can hold and UTF-8 cannot; and what PostgreSQL's texts cannot.
        return value.encode(errors="replace").decode().replace("\0", "")
    return min(value, _LARGEST) if isinstance(value, int) else value


def _entry(line: Any, attempts: Sequence[Tried]) -> Entry:
    fields = {name: value for name, value in line._mapping.items() if name != "id"}
    # SQLite gives moments back without their time zone.
    moment = fields["time"].replace(tzinfo=fields["time"].tzinfo or UTC)
    return Entry(**{**fields, "time": moment.timestamp(), "attempts": tuple(attempts)})


def _patience(address: Any) -> dict[str, Any]:
    """Return how many seconds a database may take, which a call may have to wait: to answer, or to be free."""
    return {"timeout": 5} if address.drivername == "sqlite" else {"connect_timeout": 5}


def _without(library: str) -> str:
    return f"{library} is not installed, which a ledger in a database needs: pip install 'llmlab[sql]'"
