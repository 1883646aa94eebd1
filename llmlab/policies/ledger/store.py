"""The ledger: records of calls in memory, with tables, charts, files, and optionally a database."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias

from llmlab._utils.charts import Picture, bar_chart, line_chart
from llmlab._utils.locks import Lock
from llmlab.errors import ConfigurationError, LLMError
from llmlab.policies import Call
from llmlab.policies.ledger.database import BATCH, Database
from llmlab.policies.ledger.frames import attempts_frame, calls_frame
from llmlab.policies.ledger.record import SECTION, CallRecord, record_call
from llmlab.policies.ledger.spans import export_span
from llmlab.policies.ledger.summary import By, Table, Total, group, table, total
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from pandas import DataFrame

What = Literal["cost", "tokens", "latency", "calls"]
Since: TypeAlias = datetime | timedelta | str

MAX_RECORDS: Final = 100_000
_UNITS: Final = {"cost": "USD", "tokens": "tokens", "latency": "s", "calls": "calls"}
_SINCE: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PERIODS: Final = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


class Ledger:
    """Records of calls: tokens, cost and time of each. Safe with threads. `llmlab.ledger()` is the one of this process.

    Args:
        records: the first records, oldest first.
        max_records: the oldest records beyond this number are dropped; None keeps all.
        content: whether prompts and answers are stored too.
    """

    def __init__(
        self, records: Iterable[CallRecord] = (), *, max_records: int | None = MAX_RECORDS, content: bool = False
    ) -> None:
        self.content = content
        self._records = deque(records, max_records)
        self._database: Database | None = None
        self._lock = Lock()

    def note(self, call: Call, completion: Completion | None, error: LLMError | None) -> None:
        """Record a call. Every provider does this at the end of every call.

        Args:
            call: the call, with its attempts.
            completion: the answer, perhaps incomplete; None without one.
            error: why it failed; None if it did not fail, or was cancelled.
        """
        record = record_call(call, completion, error, self.content)
        with self._lock.lock: self._records.append(record)  # fmt: skip # noqa: E701 - see Lock
        if self._database is not None:
            self._database.add(record)
        if "opentelemetry.trace" in sys.modules:
            export_span(call, record)

    def frame(self) -> DataFrame:
        """Return the calls as a pandas table: cost in USD, latencies in seconds, times in UTC; NaN if not known.

        `source` is live, recorded, simulated or cached; `priced` says where the cost comes from: service, list, local,
        cached, failed or unpriced.
        """
        return calls_frame(list(self))

    def attempts(self) -> DataFrame:
        """Return the requests that were sent, as a pandas table: for each its call (the index in `frame()`), the
        seconds it took, the seconds since the one before, and its error."""
        return attempts_frame(list(self))

    def total(self) -> Total:
        """Return the sums of all calls."""
        return total(list(self))

    def table(self, by: By = "model") -> Table:
        """Return the sums, line by line.

        Args:
            by: model, provider, section, source or day.
        """
        return table(self, by)

    def chart(self, by: By = "model", what: What = "cost") -> Picture:
        """Return a bar for each model (or whatever `by` says): the sum, or of latencies the median.

        Args:
            by: model, provider, section, source or day.
            what: cost, tokens, calls or latency.
        """
        unit = _unit(what)
        values = {name: _value(records, what) for name, records in group(self, by).items()}
        if by != "day":
            values = dict(sorted(values.items(), key=lambda item: -(item[1] or 0.0)))
        title = f"Median latency by {by}" if what == "latency" else f"{what.capitalize()} by {by}"
        return bar_chart(title, values, unit)

    def over_time(self, by: By = "model", what: What = "tokens") -> Picture:
        """Return a line for each model (or whatever `by` says) that rises with its calls.

        Args:
            by: model, provider, section or source.
            what: tokens, cost or calls.
        """
        if what == "latency":
            raise ConfigurationError("latencies have no sum over time: use cost, tokens or calls")
        y = _unit(what)
        records = sorted(self, key=lambda record: record.time)
        first, last = (records[0].time, records[-1].time) if records else (0.0, 0.0)
        x, seconds = next((period for period in _PERIODS if last - first >= 3 * period[1]), _PERIODS[-1])
        lines = {}
        for name, calls in group(records, by).items():
            sums = accumulate(_value([call], what) or 0.0 for call in calls)
            lines[name] = [((call.time - first) / seconds, value) for call, value in zip(calls, sums, strict=True)]
        return line_chart(f"{what.capitalize()} over time", lines, x, y)

    def since(self, when: Since) -> Ledger:
        """Return the calls that began at a time or later.

        Args:
            when: a time, how long ago (`timedelta`), or text such as "30m", "7d" or "2026-11-21".
        """
        begin = parse_since(when).timestamp()
        return Ledger((record for record in self if record.time >= begin), max_records=None)

    @contextmanager
    def section(self, name: str) -> Iterator[Self]:
        """Name the purpose of the calls in this block; see the column `section`. It holds for tasks that the block
        starts, and not for threads.

        Args:
            name: in your words.
        """
        token = SECTION.set(name)
        try:
            yield self
        finally:
            SECTION.reset(token)

    def to_csv(self, path: str | Path) -> None:
        """Write the calls to a CSV file, with the columns of `frame()`."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            self.frame().to_csv(file, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")

    def to_json_lines(self, path: str | Path) -> None:
        """Write the calls to a file, one JSON object per line, with the columns of `frame()`."""
        with open(path, "w", encoding="utf-8") as file:
            self.frame().to_json(
                file,
                orient="records",
                lines=True,
                force_ascii=False,
                date_format="iso",
                date_unit="us",
                double_precision=15,
            )

    def save_to(self, url: str, *, batch: int = BATCH) -> None:
        """Store the calls in a database too, from now on.

        They are written by the call that fills a batch, by `flush`, and when the process ends.

        Args:
            url: such as sqlite:///costs.db or postgresql+psycopg://user@host/database.
            batch: records that are written at once.

        Raises:
            ConfigurationError: if the URL is wrong, a library is missing, or the database fails.
        """
        database = Database(url, batch)
        database.open()
        self.close()
        self._database = database

    def flush(self) -> None:
        """Write the records that wait for the database.

        Raises:
            ConfigurationError: if the database fails. Nothing is lost; the next time tries again.
        """
        if self._database is not None:
            self._database.flush()

    def close(self) -> None:
        """Write the records that wait for the database, and store no more calls there."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    @classmethod
    def read(cls, url: str, *, since: Since | None = None) -> Ledger:
        """Return the calls of a database; none if its file does not exist.

        Args:
            url: as in `save_to`.
            since: as in `since`.

        Raises:
            ConfigurationError: if the URL is wrong, a library is missing, or the database fails.
        """
        return cls(Database(url).read(None if since is None else parse_since(since)), max_records=None)

    def clear(self) -> None:
        """Forget all records. The records in a database stay."""
        self._lock.run(self._records.clear)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._lock.run(list, self._records))

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _unit(what: What) -> str:
    if what not in _UNITS:
        raise ConfigurationError(f"what must be one of {', '.join(_UNITS)}, not {what!r}")
    return _UNITS[what]


def _value(records: Sequence[CallRecord], what: What) -> float | None:
    if what == "latency":
        seconds = [record.latency for record in records if record.source not in ("", "cached")]
        return median(seconds) if seconds else None
    sums = total(records)
    if what == "cost":
        # A bar of 0 for calls without a price would say that they are free.
        return sums.cost if sums.unpriced < sums.calls else None
    return sums.calls if what == "calls" else sums.input_tokens + sums.output_tokens


def parse_since(since: Since) -> datetime:
    """Return the time that `since` means, in UTC.

    Args:
        since: a time (local time without a time zone), how long ago, or text: `2026-11-21`, `2026-11-21T08:30`,
            `90s`, `30m`, `12h`, `7d`, `2w`.

    Raises:
        ConfigurationError: for another text.
    """
    try:
        if isinstance(since, str):
            since = since.strip()
            amount = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", since)
            since = timedelta(**{_SINCE[amount[2]]: float(amount[1])}) if amount else datetime.fromisoformat(since)
        return datetime.now(UTC) - since if isinstance(since, timedelta) else since.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"invalid time {since!r}: use 12h, 7d, 2w or 2026-11-21") from None
