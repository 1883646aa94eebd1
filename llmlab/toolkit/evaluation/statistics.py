"""How sure a difference is: Student's t for pairs, Welch's for two groups. Exact for whole degrees of freedom.

Sources: Student, "The probable error of a mean", Biometrika 6 (1908); Welch, "The generalization of Student's problem
when several different population variances are involved", Biometrika 34 (1947); Abramowitz and Stegun, "Handbook of
Mathematical Functions" (1964), 26.7.3, 26.7.4 and, for many degrees of freedom, 26.7.8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

_MANY = 300
"""Degrees of freedom from which the normal approximation is right to five digits."""


class Sure(NamedTuple):
    """A difference, and how sure it is.

    Args:
        mean: the difference.
        low, high: where it truly is, with the confidence asked for; None where the numbers do not say.
        p: how probable a difference of this size or more is by chance alone; None where the numbers do not say.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def paired(differences: Sequence[float], confidence: float = 0.95) -> Sure:
    """Return the mean of differences of pairs, and how sure it is. One pair, or pairs all alike, do not say.

    Raises:
        ValueError: without any difference.
    """
    spread = stdev(differences) if len(differences) > 1 else 0.0
    return _sure(fmean(differences), spread / math.sqrt(len(differences)), len(differences) - 1, confidence)


def apart(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Sure:
    """Return by how much the mean of the first group is above that of the second, and how sure that is.

    Raises:
        ValueError: for an empty group.
    """
    mean = fmean(first) - fmean(second)
    if min(len(first), len(second)) < 2:
        return Sure(mean)
    one, two = stdev(first) ** 2 / len(first), stdev(second) ** 2 / len(second)
    if one + two == 0:
        # Nothing to estimate a spread from. But of all ways to deal these values out, at most two are so far apart.
        return Sure(mean, p=2 / math.comb(len(first) + len(second), len(first)) if mean else None)
    # Rounded down, which claims too little rather than too much.
    parts = ((one / (one + two)) ** 2 / (len(first) - 1), (two / (one + two)) ** 2 / (len(second) - 1))
    freedom = int(1 / (parts[0] + parts[1]))
    return _sure(mean, math.sqrt(one + two), max(1, freedom), confidence)


def within(t: float, freedom: int) -> float:
    """Return the probability that Student's t lies within -t and t."""
    if freedom >= _MANY:
        z = t * (1 - 1 / (4 * freedom)) / math.sqrt(1 + t * t / (2 * freedom))
        return 2 * NormalDist().cdf(z) - 1
    angle = math.atan(t / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= square * (step - 1) / step
        total += term
    share = math.sin(angle) * total
    return 2 / math.pi * (angle + share) if odd else share


def quantile(confidence: float, freedom: int) -> float:
    """Return the t within which Student's t lies with that probability."""
    low, high = 0.0, 1.0
    while within(high, freedom) < confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < confidence else (low, middle)
    return high


def _sure(mean: float, error: float, freedom: int, confidence: float) -> Sure:
    if freedom < 1 or error <= abs(mean) * 1e-12:
        return Sure(mean)
    margin = quantile(confidence, freedom) * error
    return Sure(mean, mean - margin, mean + margin, max(0.0, 1 - within(abs(mean) / error, freedom)))
