"""Ids, times, speed and random numbers, drawn from a hash of the request: the same request gives the same bytes.

Headers are not part of the hash, because they hold the key and the version of the SDK.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from llmlab.lab.wire.messages import TapeRequest

BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HEX: Final = "0123456789abcdef"
_FIRST_TIME = 1793491200  # 1 November 2026
_DAYS_20 = 20 * 24 * 3600


class Seed:
    """A source of ids, times and numbers for one request.

    Args:
        request: the request to hash.
        body: its parsed JSON body.
    """

    def __init__(self, request: TapeRequest, body: Any) -> None:
        text = json.dumps([request.method, request.alias, request.path, body], sort_keys=True, default=repr)
        self._digest = hashlib.sha256(text.encode("ascii", "backslashreplace")).digest()

    @classmethod
    def of(cls, value: object) -> Seed:
        """Return a seed that depends on this value alone."""
        return cls(TapeRequest("", "", ""), value)

    def number(self, label: str, below: int) -> int:
        """Draw a whole number from 0 to `below` - 1. Each label has its own."""
        return int.from_bytes(hashlib.sha256(self._digest + label.encode()).digest()[:8]) % below

    def letters(self, label: str, length: int, alphabet: str = BASE62) -> str:
        """Draw an id of that many characters."""
        draw = self.random(label)
        return "".join(draw.choice(alphabet) for _ in range(length))

    def random(self, label: str) -> random.Random:
        """Return a random generator for this label."""
        return random.Random(self.number(label, 2**53))

    @cached_property
    def created(self) -> int:
        """The time at which the service starts to answer, in seconds since 1970."""
        return _FIRST_TIME + self.number("created", _DAYS_20)

    def timestamp(self, seconds: float = 0.0, *, micro: bool = False) -> str:
        """Return the time that many seconds after the start, as RFC 3339 in UTC."""
        time = datetime.fromtimestamp(self.created + seconds, UTC).replace(tzinfo=None)
        return time.isoformat(timespec="microseconds" if micro else "seconds") + "Z"


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
        return [steps[before] for before in (0, *itertools.accumulate(sizes[:-1]))]
