"""Measures llmlab beside raw httpx2 and the official SDKs, in one run, against a loopback server, and prints a table.

The contenders take short turns, in another order each time, so that a busy moment of the machine hits everybody alike.
A value is the median over the turns; a ratio is the median of the turns' own ratios to raw httpx2.

    python3 benchmarks/run.py [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import server, stack, work
from benchmarks.contenders import BASELINE, CONTENDERS


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured.

    Args:
        title: what it is, with its unit.
        limit: the ratio to raw httpx2 in the same run that llmlab must not exceed; None where nothing is promised.
        fresh: whether it is measured in fresh processes.
        own: whether only llmlab has it; the ratio is then to a call of raw httpx2.
    """

    title: str
    limit: float | None = None
    fresh: bool = False
    own: bool = False


MEASURES = {
    "call": Measure("a call, ms", 1.1),
    "chunk": Measure("a streamed chunk, µs", 1.2),
    "first chunk": Measure("time to first chunk, ms"),
    "burst": Measure("200 × 50 ms, 50 at once, ms", 1.05),
    "policies": Measure("all policies, µs a call", 0.25, own=True),
    "import": Measure("import, ms over bare Python", 0.75, fresh=True),
    "answer": Measure("first answer, fresh process, ms", 1.35, fresh=True),
    "client": Measure("first client, ms", fresh=True),
    "client again": Measure("second client, ms", 0.02, fresh=True),
    "ready": Measure("first client, ready, ms", fresh=True),
    "ready again": Measure("second client, ready, ms", fresh=True),
    "memory": Measure("resident after the work, MB", 1.35, fresh=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` is None where nothing is promised."""

    measure: str
    contender: str
    value: float
    ratio: float
    target: str
    met: bool | None


Found = dict[str, dict[str, list[float]]]
TURNS = 5
"""Turns of calls and streams in each round; everything else has one."""


def measure(rounds: int) -> Found:
    """Return, for each measure and contender, one number a turn."""
    found: Found = {}
    with server.running() as url:
        contenders = {name: make(url) for name, make in CONTENDERS.items()}
        # The first round only warms up. The progress goes to stderr; stdout is the result's.
        for number in track(range(rounds + 1), "measuring", console=Console(stderr=True), transient=True):
            if number <= 1:
                found = defaultdict(lambda: defaultdict(list))
            for name in (name for _ in range(TURNS) for name in _shuffled(contenders)):
                found["call"][name].append(work.time_call(contenders[name]))
                chunk, first = work.time_stream(contenders[name])
                found["chunk"][name].append(chunk)
                found["first chunk"][name].append(first)
            for name in _shuffled(contenders):
                # An async client lives and dies with its event loop, so each burst has its own.
                found["burst"][name].append(asyncio.run(work.time_burst(CONTENDERS[name](url))))
            found["policies"]["llmlab"].append(stack.time_policies())
            for name in _shuffled(work.FRESH):
                for kind, value in work.time_fresh(name, url).items():
                    found[kind][name].append(value)
    return found


def _shuffled(names: Iterable[str]) -> list[str]:
    order = list(names)
    random.shuffle(order)
    return order


def rows(found: Found) -> list[Row]:
    """Return the table, measure by measure."""
    table = []
    for kind, about in MEASURES.items():
        for name in ("llmlab",) if about.own else work.FRESH if about.fresh else CONTENDERS:
            values, target, met = found[kind][name], "", None
            if about.own:
                ratio = median(values) / (median(found["call"]["httpx2 (chat)"]) * 1000)
            else:
                baseline = found[kind]["httpx2" if about.fresh else BASELINE[name]]
                ratio = median(value / base for value, base in zip(values, baseline, strict=True))
            value = median(values)
            if about.limit is not None and name.startswith("llmlab"):
                target, met = f"≤ {about.limit:g} ×", ratio <= about.limit
            table.append(Row(about.title, name, value, ratio, target, met))
    return table


def show(table: list[Row], rounds: int) -> Table:
    """Return the table as people read it."""
    title = f"Python {platform.python_version()}, {os.cpu_count()} cores, rounds: {rounds}"
    shown = Table(title=title, box=SIMPLE)
    for heading in ("", "who", "value", "× httpx2", "target", "met"):
        shown.add_column(
            heading, justify="right" if heading in ("value", "× httpx2", "target") else "left", no_wrap=True
        )
    before = None
    for row in table:
        if row.measure != before:
            shown.add_section()
        met = {None: "", True: "[green]yes", False: "[red]no"}[row.met]
        label = row.measure if row.measure != before else ""
        shown.add_row(
            label,
            row.contender,
            f"{row.value:.3g}" if row.value < 100 else f"{row.value:.0f}",
            f"{row.ratio:.2f}",
            row.target,
            met,
        )
        before = row.measure
    return shown


def main() -> int:
    """Measure, print, and return 1 if a target was missed."""
    parser = argparse.ArgumentParser(description="llmlab beside raw httpx2 and the official SDKs, on loopback")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of turns (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    options = parser.parse_args()
    table = rows(measure(options.rounds))
    if options.json:
        print(json.dumps([asdict(row) for row in table], indent=2))
    else:
        # Into a file, the table is as wide as it needs.
        Console(width=None if sys.stdout.isatty() else 100).print(show(table, options.rounds))
    return int(any(row.met is False for row in table))


if __name__ == "__main__":
    sys.exit(main())
