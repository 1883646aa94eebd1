"""The table of a benchmark of llmlab alone: values, what they must not exceed, and whether they do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` is None where nothing is promised."""

    measure: str
    value: float
    target: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.value <= self.target


def run(title: str, measure: Callable[[int], Sequence[Row]], rounds: int) -> int:
    """Measure as the command line says, print a table or JSON, and return 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds of each measure (default: {rounds})")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    options = parser.parse_args()
    rows = measure(options.rounds)
    if options.json:
        print(json.dumps([{**asdict(row), "met": row.met} for row in rows], indent=2))
    else:
        table = Table(title=title, box=SIMPLE)
        for heading in ("", "value", "target", "met"):
            table.add_column(heading, justify="left" if not heading else "right")
        for row in rows:
            target = "" if row.target is None else f"≤ {row.target:g}"
            met = {None: "", True: "yes", False: "no"}[row.met]
            table.add_row(row.measure, f"{row.value:.3g}", target, met)
        Console().print(table)
    return int(any(row.met is False for row in rows))
