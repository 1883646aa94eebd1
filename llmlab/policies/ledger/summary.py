"""Sums over the ledger: in one line, as a table by model or by day, and as numbers for pictures.

An answer from a cache was neither sent nor paid: it counts as a call, and its tokens are not in the sums. A call
whose price is not known is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import Final, Literal

from llmlab._utils.charts import Picture, bar_chart, line_chart, short
from llmlab.errors import ConfigurationError
from llmlab.policies.ledger.costs import priced
from llmlab.policies.ledger.record import Entry
from llmlab.policies.ledger.since import utc

By = Literal["model", "provider", "section", "source", "day"]
What = Literal["cost", "tokens", "latency", "calls"]

_KEYS: Final[Mapping[str, Callable[[Entry], str]]] = {
    "model": lambda entry: entry.model,
    "provider": lambda entry: entry.provider,
    "section": lambda entry: entry.section or "no section",
    "source": lambda entry: entry.source or "no answer",
    "day": lambda entry: f"{utc(entry.time):%Y-%m-%d}",
}
_UNITS: Final = {"cost": "USD", "tokens": "tokens", "latency": "s", "calls": "calls"}
_SPANS: Final = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True, slots=True)
class Total:
    """What several calls took.

    Args:
        calls: how many were made.
        failed: how many of them brought no answer, or a broken one.
        from_cache: how many were answered by a cache.
        attempts: how many requests were sent for them.
        input_tokens, output_tokens, cached_tokens, reasoning_tokens: of what was sent, as the services count them.
        cost: USD, where the price is known: also of recorded and simulated answers, as if they were live.
        live_cost: USD of live calls, which somebody pays.
        unpriced: calls whose price is not known.
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
    """Sums by model, provider, section, source or day. Jupyter shows a table, and `print` its text.

    Args:
        by: what the lines are.
        lines: the sums of each.
        total: the sums of all.
    """

    by: By
    lines: Mapping[str, Total]
    total: Total

    def __repr__(self) -> str:
        if not self.lines:
            return self.note
        head, *rows = self._rows()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        text = [
            "  ".join(
                f"{cell:{'>' if at else '<'}{width}}" for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in (head, *rows)
        ]
        return "\n".join(line.rstrip() for line in [*text, self.note] if line)

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
        """What must be said of the sums."""
        total = self.total
        if not total.calls:
            return "no call yet"
        said = []
        if total.cost and not total.live_cost:
            said.append("Nothing was paid: these are the prices of the same calls, live.")
        elif total.cost > total.live_cost:
            said.append(f"Paid: {short(total.live_cost)} USD. The other calls were not live.")
        if total.unpriced:
            said.append(
                f"Not in the sum: {total.unpriced} {'calls' if total.unpriced > 1 else 'call'} without a price."
            )
        return " ".join(said)

    def _rows(self) -> list[list[str]]:
        head = [self.by, "calls", "failed", "from cache", "tokens in", "tokens out", "cost in USD"]
        return [head, *([name, *_cells(line)] for name, line in {**self.lines, "total": self.total}.items())]


def total(entries: Sequence[Entry]) -> Total:
    """Return the sums of calls."""
    failed = cached = attempts = unpriced = 0
    read = written = reread = thought = 0
    cost = live = 0.0
    for entry in entries:
        failed += bool(entry.error)
        attempts += len(entry.attempts)
        if entry.source == "cached":
            cached += 1
            continue
        read += entry.input_tokens
        written += entry.output_tokens
        reread += entry.cached_tokens
        thought += entry.reasoning_tokens
        price, _ = priced(entry)
        if price is None:
            unpriced += 1
        else:
            cost += price
            live += price if entry.source == "live" else 0.0
    money = round(cost, 12), round(live, 12)
    return Total(len(entries), failed, cached, attempts, read, written, reread, thought, *money, unpriced)


def table(entries: Sequence[Entry], by: By) -> Table:
    """Return the sums of calls, line by line."""
    return Table(by, {name: total(group) for name, group in _groups(entries, by).items()}, total(entries))


def chart(entries: Sequence[Entry], by: By, what: What) -> Picture:
    """Return a bar for each model, provider, section, source or day; the median for latencies, else the sum."""
    values = {name: _value(group, _checked(what)) for name, group in _groups(entries, by).items()}
    if by != "day":
        values = dict(sorted(values.items(), key=lambda pair: -(pair[1] or 0.0)))
    title = f"{what.capitalize()} by {by}" if what != "latency" else f"Median latency by {by}"
    return bar_chart(title, values, _UNITS[what])


def over_time(entries: Sequence[Entry], by: By, what: What) -> Picture:
    """Return a rising line for each model, provider, section or source: the sum since the first call."""
    if what == "latency":
        raise ConfigurationError("latencies add up to nothing over time: ask for cost, tokens or calls")
    moments = [entry.time for entry in entries] or [0.0]
    first, span = min(moments), max(moments) - min(moments)
    unit, seconds = next((pair for pair in _SPANS if span >= 3 * pair[1]), _SPANS[-1])
    series = {}
    for name, group in _groups(sorted(entries, key=lambda entry: entry.time), by).items():
        sums = accumulate(_value([entry], _checked(what)) or 0.0 for entry in group)
        series[name] = [((entry.time - first) / seconds, value) for entry, value in zip(group, sums, strict=True)]
    return line_chart(f"{what.capitalize()} over time", series, unit, _UNITS[what])


def _groups(entries: Sequence[Entry], by: By) -> dict[str, list[Entry]]:
    if by not in _KEYS:
        raise ConfigurationError(f"by must be one of {', '.join(_KEYS)}, not {by!r}")
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_KEYS[by](entry), []).append(entry)
    return groups


def _checked(what: What) -> What:
    if what not in _UNITS:
        raise ConfigurationError(f"what must be one of {', '.join(_UNITS)}, not {what!r}")
    return what


def _value(entries: Sequence[Entry], what: What) -> float | None:
    if what == "latency":
        seconds = sorted(entry.latency for entry in entries if entry.source not in ("", "cached"))
        return (seconds[len(seconds) // 2] + seconds[~(len(seconds) // 2)]) / 2 if seconds else None
    sums = total(entries)
    if what == "cost":
        # Of several calls, those with a price are drawn; a bar of none would say that they are free.
        return sums.cost if sums.unpriced < sums.calls else None
    return sums.calls if what == "calls" else sums.input_tokens + sums.output_tokens


def _cells(line: Total) -> list[str]:
    counts = [line.calls, line.failed, line.from_cache, line.input_tokens, line.output_tokens]
    return [*(f"{count:,}" for count in counts), short(line.cost) if line.unpriced < line.calls else "unknown"]
