"""The speed of a simulated model: seconds to the first token, and tokens per second. A rough picture, not measured."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.lab.simulator.seed import Seed

_SPEEDS = (
    # part of the model's name, seconds to the first token, tokens per second
    ("embed", 0.06, 20_000.0), ("gpt-oss:120b", 1.1, 28.0), ("gpt-oss:20b", 0.7, 42.0), ("qwen3:8b", 0.5, 48.0),
    (":free", 0.9, 60.0), ("openrouter/free", 0.9, 60.0), ("luna", 0.35, 150.0), ("nano", 0.35, 150.0),
    ("mini", 0.4, 130.0), ("haiku", 0.45, 140.0), ("sonnet", 0.8, 80.0), ("opus", 1.2, 55.0), ("sol", 0.8, 75.0),
    ("", 0.7, 70.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of one answer: seconds to the first token, tokens per second after it, and the source of the jitter."""

    first: float
    rate: float
    seed: Seed

    def after(self, tokens: int) -> float:
        """Return the seconds until that many tokens are written."""
        return round(self.first + tokens / self.rate, 3)

    def times(self, sizes: Sequence[int]) -> list[float]:
        """Return the second at which each of these chunks is sent, from their tokens; they never go back."""
        draw, now, steps = self.seed.random("moments"), self.first, [round(self.first, 3)]
        for _ in range(sum(sizes)):
            now += draw.uniform(0.6, 1.4) / self.rate
            steps.append(round(now, 3))
        return [steps[before] for before in (0, *itertools.accumulate(sizes[:-1]))] if sizes else []


def pace_of(model: str, seed: Seed, hidden: int = 0) -> Pace:
    """Look up the speed of a model, and vary it by up to a fifth.

    Args:
        model: the model's name at the service.
        seed: the request's seed.
        hidden: tokens of reasoning that are written before the first token that one sees.
    """
    first, rate = next((first, rate) for part, first, rate in _SPEEDS if part in model)
    draw = seed.random("pace")
    first, rate = round(first * draw.uniform(0.8, 1.2), 3), rate * draw.uniform(0.9, 1.1)
    return Pace(round(first + hidden / rate, 3), rate, seed)
