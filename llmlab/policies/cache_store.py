"""Stores of a cache: memory, or an SQLite file that several processes share.

A full store drops the least recently used answer. A store holds keys and texts, and does not know what they mean.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from llmlab.errors import ConfigurationError

_log = logging.getLogger("llmlab")

BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""

_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM answers)"
"""A counter of uses. The wall clock would not do, because it may go back."""


class MemoryStore:
    """Answers in memory, until the process ends."""

    def __init__(self, max_entries: int) -> None:
        self._max = max_entries
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, key: str, oldest: float) -> str | None:
        """Return the text of a key, if it was stored at `oldest` or later (seconds of the wall clock)."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] < oldest:
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def put(self, key: str, text: str, now: float) -> None:
        with self._lock:
            self._entries[key] = (now, text)
            self._entries.move_to_end(key)
            if len(self._entries) > self._max:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def close(self) -> None:
        """Do nothing: memory needs no closing."""

    def __len__(self) -> int:
        return len(self._entries)


class SqliteStore:
    """Answers in a file. A damaged file is renamed, and a failing one loses answers but never ends a call.

    Args:
        path: of the file, in a folder that exists.
        max_entries: most answers in the file.

    Raises:
        ConfigurationError: if the file cannot be opened or created.
    """

    def __init__(self, path: Path, max_entries: int) -> None:
        self._path = path
        self._max = max_entries
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        try:
            try:
                self._base = self._connect()
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                self._base = self._replace(error)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"the cache {path.name} cannot be opened: {error}. Does its folder exist, and may it be written to?"
            ) from None

    def get(self, key: str, oldest: float) -> str | None:
        with self._lock, self._forgiving():
            row = self._base.execute("SELECT text FROM answers WHERE key = ? AND kept >= ?", (key, oldest)).fetchone()
            if row is not None:
                self._base.execute(f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,))
                return str(row[0])
        return None

    def put(self, key: str, text: str, now: float) -> None:
        oldest = "SELECT key FROM answers ORDER BY used DESC LIMIT -1 OFFSET ?"
        with self._lock, self._forgiving():
            self._base.execute(f"INSERT OR REPLACE INTO answers VALUES (?, ?, {_NEXT}, ?)", (key, now, text))
            self._base.execute(f"DELETE FROM answers WHERE key IN ({oldest})", (self._max,))

    def clear(self) -> None:
        with self._lock, self._forgiving():
            self._base.execute("DELETE FROM answers")

    def close(self) -> None:
        with self._lock:
            self._base.close()

    def __len__(self) -> int:
        with self._lock, self._forgiving():
            return int(self._base.execute("SELECT count(*) FROM answers").fetchone()[0])
        return 0

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Log an error of the database; replace the file if it is damaged."""
        try:
            yield
        except sqlite3.Error as error:
            failure: Exception = error
            if _is_damage(error):
                self._base.close()
                try:
                    self._base = self._replace(error)
                    return
                except (OSError, sqlite3.Error) as other:
                    failure = other
            # Another process writes for long, the disk is full, or the cache was closed.
            _log.warning("the cache %s is not used: %s", self._path.name, failure)

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # A crash of the machine may lose the last answers, and damages none.
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")
            base.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, kept REAL, used INTEGER, text TEXT NOT NULL)"
            )
            base.execute("CREATE INDEX IF NOT EXISTS by_use ON answers (used)")
            base.execute("SELECT key, kept, used, text FROM answers LIMIT 1")
        except sqlite3.Error:
            base.close()
            raise
        return base

    def _replace(self, error: sqlite3.Error) -> sqlite3.Connection:
        """Rename a damaged file, and begin an empty one."""
        number = 1
        while (damaged := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists():
            number += 1
        try:
            self._path.replace(damaged)
        except FileNotFoundError:
            # Another process has renamed it already.
            return self._connect()
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        warnings.warn(
            f"the cache {self._path.name} is damaged ({error}); it is now {damaged.name}, and an empty one has begun",
            RuntimeWarning,
            stacklevel=2,
        )
        return self._connect()


def _is_damage(error: sqlite3.Error) -> bool:
    # An error of the file itself has no class of its own; that of a busy, full or closed one has.
    return type(error) is sqlite3.DatabaseError


Store: TypeAlias = MemoryStore | SqliteStore
