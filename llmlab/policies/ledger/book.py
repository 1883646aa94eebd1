"""Where lines are written: in memory, bounded, safe between threads. All that a call has to do with."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from llmlab.errors import LLMError
from llmlab.policies import Call
from llmlab.policies.ledger.record import Entry, entry_of
from llmlab.policies.ledger.spans import export
from llmlab.types.completion import Completion

MAX_ROWS = 100_000


class Keeper(Protocol):
    """What keeps lines for longer."""

    def add(self, entry: Entry) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Book:
    """Lines, the oldest first.

    Args:
        entries: lines to begin with.
        max_rows: lines that are kept; the oldest ones go. None keeps all.
        content: whether prompts and answers are kept too.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), *, max_rows: int | None = MAX_ROWS, content: bool = False
    ) -> None:
        self.content = content
        self.keeper: Keeper | None = None
        self._entries = deque(entries, max_rows)
        # Streams that are dropped end their calls when garbage is collected, so perhaps while a line is written.
        self._lock = threading.RLock()

    def note(self, call: Call, completion: Completion | None, error: LLMError | None) -> None:
        """Write a line; see `Ledger.note`."""
        entry = entry_of(call, completion, error, self.content)
        with self._lock:
            self._entries.append(entry)
        if self.keeper is not None:
            self.keeper.add(entry)
        export(call, entry)

    def entries(self) -> list[Entry]:
        """Return all lines."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Forget all lines."""
        with self._lock:
            self._entries.clear()
