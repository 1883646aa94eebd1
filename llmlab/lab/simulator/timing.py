"""How fast a simulated model writes: seconds to its first token, and tokens per second.

The table is a rough picture of what one sees in practice, not a measurement. Jitter comes from the request's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.lab.simulator.seed import Seed

_TABLE = (
    # part of the model's name, seconds to the first token, tokens per second
    ("embed", 0.06, 20_000.0),
    ("gpt-oss:120b", 1.1, 28.0),
    ("gpt-oss:20b", 0.7, 42.0),
    ("qwen3:8b", 0.5, 48.0),
    (":free", 0.9, 60.0),
    ("openrouter/free", 0.9, 60.0),
    ("luna", 0.35, 150.0),
    ("nano", 0.35, 150.0),
    ("mini", 0.4, 130.0),
    ("haiku", 0.45, 140.0),
    ("sonnet", 0.8, 80.0),
    ("opus", 1.2, 55.0),
    ("sol", 0.8, 75.0),
)
_OTHERWISE = (0.7, 70.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of one answer.

    Args:
        first: seconds from the request to the first token.
        rate: tokens per second after it.
        seed: where the jitter comes from.
    """

    first: float
    rate: float
    seed: Seed

    def after(self, tokens: int) -> float:
        """Seconds until that many tokens are written, without jitter between them."""
        return round(self.first + tokens / self.rate, 3)

    def moments(self, pieces: Sequence[object]) -> list[float]:
        """Give the second at which each of these pieces is sent; they never go back."""
        draw = self.seed.jitter("moments")
        now, moments = self.first, []
        for _ in pieces:
            moments.append(round(now, 3))
            now += draw.uniform(0.6, 1.4) / self.rate
        return moments


def pace_of(model: str, seed: Seed) -> Pace:
    """Look up how fast this model is, and vary it by up to a fifth.

    Args:
        model: the model's name as the service knows it.
        seed: the request's seed.
    """
    first, rate = next(((first, rate) for part, first, rate in _TABLE if part in model), _OTHERWISE)
    draw = seed.jitter("pace")
    return Pace(round(first * draw.uniform(0.8, 1.2), 3), rate * draw.uniform(0.9, 1.1), seed)
