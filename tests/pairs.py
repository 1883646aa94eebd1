"""Pairs in place of cross products, for tests whose dimensions are independent of each other."""

from __future__ import annotations

from collections.abc import Collection
from itertools import cycle, islice
from typing import Any


def pairs(first: Collection[Any], second: Collection[Any]) -> list[tuple[Any, Any]]:
    """Return pairs in which each value of both stands at least once."""
    count = max(len(first), len(second))
    return list(zip(islice(cycle(first), count), islice(cycle(second), count), strict=True))
