"""The ledger as people use it: tables, pictures, files and databases, made when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from llmlab._utils.charts import Picture
from llmlab.errors import LLMError
from llmlab.policies import Call
from llmlab.policies.ledger import frames, summary
from llmlab.policies.ledger.book import Book
from llmlab.policies.ledger.record import SECTION, Entry
from llmlab.policies.ledger.since import Since, moment
from llmlab.policies.ledger.store import BATCH, Store, read
from llmlab.policies.ledger.summary import By, Table, Total, What
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from pandas import DataFrame


class Ledger:
    """Calls, one a line: what each took and what it cost. `llmlab.ledger()` is that of this process; others come from
    `read` and `since`.

    Args:
        book: where the lines are; else a new one.
    """

    def __init__(self, book: Book | None = None) -> None:
        self._book = book or Book()

    def note(self, call: Call, completion: Completion | None, error: LLMError | None) -> None:
        """Write a line. This is what every provider does at the end of every call.

        Args:
            call: the call, with its attempts.
            completion: the answer as far as it came; None without one.
            error: what it failed with; None if it did not, or was given up by its caller.
        """
        self._book.note(call, completion, error)

    def frame(self) -> DataFrame:
        """Return the calls as a table of pandas: cost in USD, latencies in seconds, times in UTC.

        `source` is live, recorded, simulated or cached; `priced` says where the cost is from: service, list, local,
        cached, failed or unpriced. What is not known is NaN.
        """
        return frames.calls_frame(list(self))

    def attempts(self) -> DataFrame:
        """Return what was sent, as a table of pandas: of each attempt its call (the number of the line in `frame()`),
        the seconds it took, the seconds since the one before, and its error."""
        return frames.attempts_frame(list(self))

    def table(self, by: By = "model") -> Table:
        """Return the sums, line by line.

        Args:
            by: model, provider, section, source or day.
        """
        return summary.table(list(self), by)

    def total(self) -> Total:
        """Return the sums of all calls."""
        return summary.total(list(self))

    def chart(self, by: By = "model", what: What = "cost") -> Picture:
        """Return bars.

        Args:
            by: model, provider, section, source or day.
            what: cost, tokens, calls, or latency, of which it is the median.
        """
        return summary.chart(list(self), by, what)

    def over_time(self, by: By = "model", what: What = "tokens") -> Picture:
        """Return a line for each model (or whatever `by` says) that rises with its calls.

        Args:
            by: model, provider, section or source.
            what: tokens, cost or calls.
        """
        return summary.over_time(list(self), by, what)

    def since(self, when: Since) -> Ledger:
        """Return the calls that began at a moment or later.

        Args:
            when: a moment, how long ago (`timedelta`), or text such as "30m", "7d" or "2026-11-21".
        """
        begin = moment(when).timestamp()
        return Ledger(Book((entry for entry in self if entry.time >= begin), max_rows=None))

    @contextmanager
    def section(self, name: str) -> Iterator[Self]:
        """Name what the calls of this block are made for; see the column `section`. Threads that the block starts do
        not know of it, tasks do.

        Args:
            name: in your words.
        """
        token = SECTION.set(name)
        try:
            yield self
        finally:
            SECTION.reset(token)

    def to_csv(self, path: str | Path) -> None:
        """Write the calls into a CSV file, with the columns of `frame()`."""
        frames.write_csv(list(self), path)

    def to_json_lines(self, path: str | Path) -> None:
        """Write the calls into a file, one JSON object a line, with the columns of `frame()`."""
        frames.write_json_lines(list(self), path)

    def save_to(self, url: str, *, batch: int = BATCH) -> None:
        """From now on keep the calls in a database too.

        They are written by the call that fills a batch, by `flush`, and when the process ends.

        Args:
            url: such as sqlite:///costs.db or postgresql+psycopg://user@host/database.
            batch: how many lines are written at once.

        Raises:
            ConfigurationError: if the URL, the library or the database is not as it should be.
        """
        store = Store(url, batch)
        self.close()
        self._book.keeper = store

    def flush(self) -> None:
        """Write what waits for the database.

        Raises:
            ConfigurationError: if the database does not take it. Nothing is lost; the next time tries again.
        """
        if self._book.keeper is not None:
            self._book.keeper.flush()

    def close(self) -> None:
        """Write what waits for the database, and keep no more calls there."""
        keeper, self._book.keeper = self._book.keeper, None
        if keeper is not None:
            keeper.close()

    @classmethod
    def read(cls, url: str, *, since: Since | None = None) -> Ledger:
        """Return the calls that a database holds; none if it is a file that is not there yet.

        Args:
            url: as in `save_to`.
            since: as in `since`.

        Raises:
            ConfigurationError: if the URL, the library or the database is not as it should be.
        """
        return cls(Book(read(url, None if since is None else moment(since)), max_rows=None))

    def clear(self) -> None:
        """Forget all lines. What is in a database stays there."""
        self._book.clear()

    def __len__(self) -> int:
        return len(self._book.entries())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._book.entries())

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()
