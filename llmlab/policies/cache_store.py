"""Where a cache keeps its answers: in memory, or in an SQLite file that several processes share.

Both forget the least recently used answer when they are full. They know keys and texts, and nothing of what these mean.
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
from typing import Protocol

from llmlab.errors import ConfigurationError

_log = logging.getLogger("llmlab")

BUSY_SECONDS = 5.0
"""How long to wait for another process that is writing."""


class Store(Protocol):
    """What a cache needs of the place where it keeps answers."""

    def get(self, key: str, oldest: float) -> str | None:
        """Return what is kept under a key, if it was kept at `oldest` or later (seconds of the wall clock)."""
        ...

    def put(self, key: str, text: str, now: float) -> None: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...


class MemoryStore:
    """Keeps answers until the process ends."""

    def __init__(self, max_entries: int) -> None:
        self._max = max_entries
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, key: str, oldest: float) -> str | None:
        with self._lock:
            found = self._entries.get(key)
            if found is None or found[0] < oldest:
                return None
            self._entries.move_to_end(key)
            return found[1]

    def put(self, key: str, text: str, now: float) -> None:
        with self._lock:
            self._entries[key] = (now, text)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def close(self) -> None:
        """Do nothing: memory needs no closing."""

    def __len__(self) -> int:
        return len(self._entries)


class SqliteStore:
    """Keeps answers in a file. A file that is damaged is set aside, and what cannot be kept is only not kept.

    Args:
        path: of the file; its folder must be there.
        max_entries: how many answers are kept.

    Raises:
        ConfigurationError: if the file cannot be opened or made.
    """

    def __init__(self, path: Path, max_entries: int) -> None:
        self._path = path
        self._max = max_entries
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._base = self._open()

    def get(self, key: str, oldest: float) -> str | None:
        with self._lock, self._forgiving():
            found = self._base.execute("SELECT text FROM answers WHERE key = ? AND kept >= ?", (key, oldest)).fetchone()
            if found is not None:
                self._base.execute(f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,))
                return str(found[0])
        return None

    def put(self, key: str, text: str, now: float) -> None:
        with self._lock, self._forgiving():
            self._base.execute(f"INSERT OR REPLACE INTO answers VALUES (?, ?, {_NEXT}, ?)", (key, now, text))
            self._base.execute(
                "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used DESC LIMIT -1 OFFSET ?)",
                (self._max,),
            )

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
        """A cache that fails is a cache without answers, never an error of the call."""
        try:
            yield
        except sqlite3.Error as error:
            failure: Exception = error
            if _is_damage(error):
                self._base.close()
                try:
                    self._base = self._set_aside(error)
                    return
                except (OSError, sqlite3.Error) as other:
                    failure = other
            # Another process is writing for long, the disk is full, or the cache was closed.
            _log.warning("the cache %s is passed over: %s", self._path.name, failure)

    def _open(self) -> sqlite3.Connection:
        try:
            try:
                return self._connected()
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                return self._set_aside(error)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"the cache {self._path.name} cannot be opened: {error}. Is its folder there, and may it be written to?"
            ) from None

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # Readers need not wait for a writer; after a power cut the last answers may be missing, none is damaged.
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

    def _set_aside(self, error: sqlite3.Error) -> sqlite3.Connection:
        """Give a damaged file another name, and begin a new one."""
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists():
            number += 1
        try:
            self._path.replace(aside)
        except FileNotFoundError:
            # Another process met the same damage, and was faster.
            return self._connected()
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        warnings.warn(
            f"the cache {self._path.name} is damaged ({error}); it is now {aside.name}, and an empty one has begun",
            RuntimeWarning,
            stacklevel=2,
        )
        return self._connected()


def _is_damage(error: sqlite3.Error) -> bool:
    # What is wrong with the file itself has no class of its own; a busy, full or closed one has.
    return type(error) is sqlite3.DatabaseError


_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM answers)"
"""A clock of uses, which cannot go back as the wall clock may."""
