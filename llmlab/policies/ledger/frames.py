"""The ledger as pandas tables: one of calls, one of attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from llmlab.policies.ledger.record import AttemptRecord, CallRecord, storable

if TYPE_CHECKING:
    from pandas import DataFrame

_KINDS: Final[Mapping[Any, str]] = {str: "str", int: "int64", float: "float64", float | None: "float64"}
_FIELDS: Final = {name: _KINDS.get(kind, "int64") for name, kind in get_type_hints(CallRecord).items()}
CONTENT: Final = ("prompt", "answer")
"""Columns that a table has only if content was stored."""
CALLS: Final[Mapping[str, str]] = {
    **{name: kind for name, kind in _FIELDS.items() if name not in CONTENT},
    "time": "datetime64[us, UTC]",
    "tokens_per_second": "float64",
}
"""Columns of the calls, and their pandas types."""
ATTEMPTS: Final[Mapping[str, str]] = {
    "call": "int64",
    "provider": "str",
    "model": "str",
    "attempt": "int64",
    **{name: _KINDS[kind] for name, kind in get_type_hints(AttemptRecord).items()},
}
"""Columns of the attempts, and their pandas types; `call` is the index among the calls."""


def calls_frame(records: Sequence[CallRecord]) -> DataFrame:
    """Return the calls as a table."""
    columns: dict[str, Iterable[Any]] = dict(_columns(records, CallRecord._fields))
    columns |= _columns([record.price() for record in records], ("cost", "priced"))
    columns["time"] = [round(record.time * 1e6) for record in records]
    columns["attempts"] = [len(record.attempts) for record in records]
    columns["tokens_per_second"] = [record.tokens_per_second for record in records]
    has_content = any(record.prompt or record.answer for record in records)
    return _frame(columns, {**CALLS, **dict.fromkeys(CONTENT, "str")} if has_content else CALLS)


def attempts_frame(records: Sequence[CallRecord]) -> DataFrame:
    """Return the attempts as a table."""
    rows = [
        (call, record.provider, record.asked_model, number, *attempt)
        for call, record in enumerate(records)
        for number, attempt in enumerate(record.attempts, 1)
    ]
    return _frame(_columns(rows, ATTEMPTS), ATTEMPTS)


def _columns(rows: Sequence[tuple[Any, ...]], names: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    return dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())


def _frame(columns: Mapping[str, Iterable[Any]], types: Mapping[str, str]) -> DataFrame:
    # Takes half a second to load, and only people who look need it.
    import pandas

    series = {}
    for name, kind in types.items():
        values = list(columns[name])
        # Most values come again and again, and each is checked once.
        checked = {value: storable(value) for value in set(values)} if kind in ("str", "int64") else {}
        series[name] = pandas.Series([checked[value] for value in values] if checked else values, dtype=kind)
    return pandas.DataFrame(series)
