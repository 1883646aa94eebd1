"""Measures the ledger: what a line costs a call, how long 100,000 lines take to look at, and that memory is bounded.

python3 benchmarks/ledger.py [--rounds 5] [--json]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas

import llmlab
from benchmarks.soak import peak_memory
from benchmarks.table import Row, run
from llmlab.formats import OPENAI_RESPONSES
from llmlab.policies import Attempt, Call
from llmlab.policies.ledger import Ledger
from llmlab.policies.ledger.store import MAX_RECORDS
from llmlab.types.completion import Completion, Usage
from llmlab.types.request import build_request

MODELS = [("openai", "gpt-6-luna"), ("anthropic", "claude-haiku-5-5"), ("ollama", "gpt-oss:20b"), ("mine", "own")]


def measure(rounds: int) -> list[Row]:
    """Return what was measured, the median over the rounds."""
    ledger, pairs = Ledger(), [pair() for _ in range(1000)]
    write(ledger, pairs, MAX_RECORDS)  # fills the ledger, so that each further line takes the place of an old one
    before = peak_memory()
    notes = [seconds(lambda: write(ledger, pairs, MAX_RECORDS)) for _ in range(rounds)]
    growth = peak_memory() - before
    ledger.frame()  # loads pandas and the price list
    return [
        Row("a line, µs", median(notes) * 1e6 / MAX_RECORDS, 3),
        Row(f"{MAX_RECORDS:,} lines into a frame, s", median(seconds(ledger.frame) for _ in range(rounds)), 1),
        Row("their table by model, s", median(seconds(ledger.table) for _ in range(rounds))),
        Row(f"growth over {rounds * MAX_RECORDS:,} more lines, MB", growth, 5),
    ]


def pair() -> tuple[Call, Completion]:
    """Return a call and its answer, of some size."""
    provider, model = random.choice(MODELS)
    request = build_request("Hi", model, {})
    call = Call(provider, "https://api.openai.com/v1", OPENAI_RESPONSES, request, {}, False)
    call.headers = {"x-request-id": f"req_{random.getrandbits(64):x}"}
    call.attempts.append(Attempt(call.started, call.started + 0.5, 0.5))
    usage = Usage(random.randrange(1, 9000), random.randrange(1, 900))
    return call, Completion("Hello.", model, usage=usage, latency=random.uniform(0.3, 3), finish_reason="stop")


def write(ledger: Ledger, pairs: list[tuple[Call, Completion]], lines: int) -> None:
    """Write so many lines."""
    for number in range(lines):
        call, answer = pairs[number % len(pairs)]
        ledger.note(call, answer, None)


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(run(f"the ledger of llmlab {llmlab.__version__}, pandas {pandas.__version__}", measure, 5))
