"""Stores of a cache: memory, or an SQLite file that several processes share.

A full store drops the least recently used answer. A store holds keys and texts, and does not know what they mean.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from llmlab._utils.locks import Lock
from llmlab.errors import ConfigurationError

_log = logging.getLogger("llmlab")

BUSY_SECONDS = 5.0
"""How long to wait at most for another process that writes."""

_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM answers)"
"""A counter of uses. The wall clock would not do, because it may go back."""
_OLDEST = "SELECT key FROM answers ORDER BY used DESC LIMIT -1 OFFSET ?"
# A crash of the machine may lose the last answers, and damages none.
_SET_UP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, kept REAL, used INTEGER, text TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS by_use ON answers (used)",
    "SELECT key, kept, used, text FROM answers LIMIT 1",
)


class MemoryStore:
    """Answers in memory, until the process ends. Each step is one that no other thread can interrupt."""

    def __init__(self, max_entries: int) -> None:
        self._max = max_entries
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, key: str, oldest: float, patience: float | None = None) -> str | None:
        """Return the text of a key, if it was stored at `oldest` or later (seconds of the wall clock)."""
        entry = self._entries.get(key)
        if entry is None or entry[0] < oldest:
            return None
        with suppress(KeyError):
            self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: str, text: str, when: float, patience: float | None = None) -> None:
        self._entries[key] = (when, text)
        with suppress(KeyError):
            self._entries.move_to_end(key)
            while len(self._entries) > self._max:
                self._entries.popitem(last=False)

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
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
        self._lock = Lock()
        self._patience = BUSY_SECONDS
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

    def get(self, key: str, oldest: float, patience: float | None = None) -> str | None:
        """Return the text of a key, if it was stored at `oldest` or later. `patience` is in seconds."""
        rows = self._run(patience, ("SELECT text FROM answers WHERE key = ? AND kept >= ?", (key, oldest)))
        if not rows:
            return None
        self._run(patience, (f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,)))
        return str(rows[0][0])

    def put(self, key: str, text: str, when: float, patience: float | None = None) -> None:
        self._run(
            patience,
            (f"INSERT OR REPLACE INTO answers VALUES (?, ?, {_NEXT}, ?)", (key, when, text)),
            (f"DELETE FROM answers WHERE key IN ({_OLDEST})", (self._max,)),
        )

    def drop(self, key: str) -> None:
        self._run(None, ("DELETE FROM answers WHERE key = ?", (key,)))

    def clear(self) -> None:
        self._run(None, ("DELETE FROM answers", ()))

    def close(self) -> None:
        self._lock.run(self._base.close)

    def __len__(self) -> int:
        rows = self._run(None, ("SELECT count(*) FROM answers", ()))
        return int(rows[0][0]) if rows else 0

    def _run(self, patience: float | None, *statements: tuple[str, tuple[Any, ...]]) -> list[Any]:
        """Run statements, and return the rows of the last one; none after an error, which is logged."""
        return self._lock.run(self._run_locked, min(BUSY_SECONDS, patience or BUSY_SECONDS), statements)

    def _run_locked(self, patience: float, statements: tuple[tuple[str, tuple[Any, ...]], ...]) -> list[Any]:
        rows: list[Any] = []
        try:
            if os.getpid() != self._process:
                # The connection of a forked process is its parent's, and is not even closed.
                self._of_parent, self._base = self._base, self._connect()
            if patience != self._patience:
                self._base.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
                self._patience = patience
            for statement, values in statements:
                rows = self._base.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            failure: Exception = error
            if _is_damage(error):
                self._base.close()
                try:
                    self._base = self._replace(error)
                    return []
                except (OSError, sqlite3.Error) as other:
                    failure = other
            # Another process writes for long, the disk is full, or the cache was closed.
            _log.warning("the cache %s is not used: %s", self._path.name, failure)
            return []
        return rows

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for statement in _SET_UP:
                base.execute(statement)
        except sqlite3.Error:
            base.close()
            raise
        self._patience, self._process = BUSY_SECONDS, os.getpid()
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
