"""The ledger's lines as tables: one of calls, one of attempts. Prices are looked up here, once somebody looks."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llmlab.policies.ledger.costs import priced
from llmlab.policies.ledger.record import Entry
from llmlab.policies.ledger.since import utc

if TYPE_CHECKING:
    from pandas import DataFrame

CALLS: Final[Mapping[str, str]] = {
    "time": "datetime64[us, UTC]",
    "provider": "str",
    "model": "str",
    "asked_model": "str",
    "shape": "str",
    "source": "str",
    "section": "str",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cached_tokens": "int64",
    "reasoning_tokens": "int64",
    "cost": "float64",
    "priced": "str",
    "latency": "float64",
    "time_to_first_token": "float64",
    "tokens_per_second": "float64",
    "finish_reason": "str",
    "error": "str",
    "attempts": "int64",
    "request_id": "str",
}
"""Columns of the calls, and their types in pandas. The time is seconds since 1970 until it is shown."""

CONTENT: Final[Mapping[str, str]] = {"prompt": "str", "answer": "str"}
"""Columns that are there only if content was kept."""

ATTEMPTS: Final[Mapping[str, str]] = {
    "call": "int64",
    "provider": "str",
    "model": "str",
    "attempt": "int64",
    "wait": "float64",
    "seconds": "float64",
    "error": "str",
}
"""Columns of the attempts; `call` is the number of the line among the calls."""


def calls(entries: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
    """Return calls as rows, content at the end."""
    for entry in entries:
        cost, source_of_price = priced(entry)
        yield (
            *(*entry[:11], cost, source_of_price, entry.latency, entry.time_to_first_token, entry.tokens_per_second),
            *(entry.finish_reason, entry.error, len(entry.attempts), entry.request_id, entry.prompt, entry.answer),
        )


def attempts(entries: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
    """Return attempts as rows."""
    for call, entry in enumerate(entries):
        for number, tried in enumerate(entry.attempts, 1):
            yield (call, entry.provider, entry.asked_model, number, *tried)


def calls_frame(entries: Sequence[Entry]) -> DataFrame:
    """Return calls as a table of pandas."""
    return _frame(calls(entries), _columns(entries))


def attempts_frame(entries: Sequence[Entry]) -> DataFrame:
    """Return attempts as a table of pandas."""
    return _frame(attempts(entries), ATTEMPTS)


def write_csv(entries: Sequence[Entry], path: str | Path) -> None:
    """Write calls into a file, one a line under a line of names; what is not known is empty."""
    with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_columns(entries))
        writer.writerows(row.values() for row in dicts(entries))


def write_json_lines(entries: Sequence[Entry], path: str | Path) -> None:
    """Write calls into a file, one JSON object a line; what is not known is null."""
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in dicts(entries))


def dicts(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """Return calls as dicts that JSON can hold."""
    names = _columns(entries)
    for row in calls(entries):
        yield {**dict(zip(names, row, strict=False)), "time": utc(row[0]).isoformat(timespec="microseconds")}


def _columns(entries: Iterable[Entry]) -> Mapping[str, str]:
    return {**CALLS, **CONTENT} if any(entry.prompt or entry.answer for entry in entries) else CALLS


def _frame(rows: Iterable[tuple[Any, ...]], types: Mapping[str, str]) -> DataFrame:
    # Heavy (half a second), and needed by those who look only.
    import pandas

    values = list(zip(*rows, strict=True)) or [()] * len(types)
    columns = {}
    for (name, kind), column in zip(types.items(), values, strict=False):
        cells = [round(seconds * 1e6) for seconds in column] if name == "time" else column
        columns[name] = pandas.Series(cells, dtype=kind)
    return pandas.DataFrame(columns)
