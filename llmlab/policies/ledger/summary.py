"""Sums of the ledger, in total and by model, provider, section, source or day.

An answer from a cache was neither sent nor paid: it counts as a call, and its tokens are not in the sums. Calls
without a known price are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final, Literal

from llmlab._utils.charts import short
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger.record import CallRecord

By = Literal["model", "provider", "section", "source", "day"]

_KEYS: Final[Mapping[str, Callable[[CallRecord], str]]] = {
    "model": lambda record: record.model,
    "provider": lambda record: record.provider,
    "section": lambda record: record.section or "no section",
    "source": lambda record: record.source or "no answer",
    "day": lambda record: f"{datetime.fromtimestamp(record.time, UTC):%Y-%m-%d}",
}


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of several calls.

    Args:
        calls: number of calls.
        failed: calls without an answer, or with a broken one.
        from_cache: calls that a cache answered.
        attempts: requests that were sent.
        input_tokens, output_tokens, cached_tokens, reasoning_tokens: of what was sent, as the services count them.
        cost: USD of calls with a known price; recorded and simulated answers count as if they were live.
        live_cost: USD of live calls, which are paid.
        unpriced: calls without a known price.
    """

    calls: int = 0
    failed: int = 0
    from_cache: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    live_cost: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Sums by model, provider, section, source or day. Jupyter shows a table, `print` its text.

    Args:
        by: what each line stands for.
        lines: the sums of each line.
        total: the sums of all lines.
    """

    by: By
    lines: Mapping[str, Total]
    total: Total

    def __repr__(self) -> str:
        if not self.lines:
            return self.note
        rows = self._rows()
        name, *widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        text = ["  ".join([row[0].ljust(name), *map(str.rjust, row[1:], widths)]) for row in rows]
        return "\n".join([*text, self.note] if self.note else text)

    def _repr_html_(self) -> str:
        if not self.lines:
            return f"<p>{self.note}</p>"
        head, *rows = [[escape(cell) for cell in row] for row in self._rows()]
        top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = "".join(
            f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for name, *cells in rows
        )
        caption = f"<caption>{self.note}</caption>" if self.note else ""
        return f"<table>{caption}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    @property
    def note(self) -> str:
        """What a reader of the sums must know."""
        total, notes = self.total, []
        if not total.calls:
            return "no call yet"
        if total.cost and not total.live_cost:
            notes.append("Nothing was paid: these are the prices of the same calls, live.")
        elif total.cost > total.live_cost:
            notes.append(f"Paid: {short(total.live_cost)} USD. The other calls were not live.")
        if total.unpriced:
            calls = "1 call" if total.unpriced == 1 else f"{total.unpriced} calls"
            notes.append(f"Not in the sum: {calls} without a price.")
        return " ".join(notes)

    def _rows(self) -> list[list[str]]:
        rows = [[self.by, "calls", "failed", "from cache", "tokens in", "tokens out", "cost in USD"]]
        for name, line in [*self.lines.items(), ("total", self.total)]:
            counts = [line.calls, line.failed, line.from_cache, line.input_tokens, line.output_tokens]
            cost = short(line.cost) if line.unpriced < line.calls else "unknown"
            rows.append([name, *(f"{count:,}" for count in counts), cost])
        return rows


def total(records: Sequence[CallRecord]) -> Total:
    """Return the sums of calls."""
    sent = [record for record in records if record.source != "cached"]
    costs = [record.price()[0] for record in sent]
    return Total(
        calls=len(records),
        failed=sum(record.error != "" for record in records),
        from_cache=len(records) - len(sent),
        attempts=sum(len(record.attempts) for record in records),
        input_tokens=sum(record.input_tokens for record in sent),
        output_tokens=sum(record.output_tokens for record in sent),
        cached_tokens=sum(record.cached_tokens for record in sent),
        reasoning_tokens=sum(record.reasoning_tokens for record in sent),
        cost=round(sum(cost or 0.0 for cost in costs), 12),
        live_cost=round(sum(cost or 0.0 for cost, one in zip(costs, sent, strict=True) if one.source == "live"), 12),
        unpriced=costs.count(None),
    )


def table(records: Iterable[CallRecord], by: By) -> Table:
    """Return the sums of calls, line by line."""
    lines = {name: total(group_records) for name, group_records in group(records, by).items()}
    columns = list(map(sum, zip(*map(astuple, lines.values()), strict=True)))
    return Table(by, lines, Total(*(round(value, 12) for value in columns)))


def group(records: Iterable[CallRecord], by: By) -> dict[str, list[CallRecord]]:
    """Return calls by model, provider, section, source or day, in the order of their first calls.

    Raises:
        ConfigurationError: for another `by`.
    """
    if by not in _KEYS:
        raise ConfigurationError(f"by must be one of {', '.join(_KEYS)}, not {by!r}")
    groups: dict[str, list[CallRecord]] = {}
    for record in records:
        groups.setdefault(_KEYS[by](record), []).append(record)
    return groups
