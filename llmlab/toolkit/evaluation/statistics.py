"""How sure a difference is: exact tests if there are only two scores, such as 0 and 1, else Student's and Welch's t.

Sources: Student, "The probable error of a mean", Biometrika 6 (1908); Welch, "The generalization of Student's problem",
Biometrika 34 (1947); McNemar, "Note on the sampling error", Psychometrika 12 (1947); Clopper and Pearson, "The use of
confidence or fiducial limits", Biometrika 26 (1934); Fisher, "The logic of inductive inference", JRSS 98 (1935);
Newcombe, "Interval estimation for the difference", Statistics in Medicine 17 (1998), method 10; Abramowitz and Stegun,
"Handbook of Mathematical Functions" (1964), 26.7.3, 26.7.4 and, for many degrees of freedom, 26.7.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

_MANY = 300
"""Degrees of freedom from which the normal approximation has five correct digits."""


class Difference(NamedTuple):
    """A difference, and how sure it is.

    Args:
        mean: the difference.
        low, high: limits of the true difference, at the given confidence; None if the numbers do not say.
        p: probability of a difference of this size or more by chance alone; None if the numbers do not say.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def paired_difference(differences: Sequence[float], confidence: float = 0.95) -> Difference:
    """Return the mean of differences of pairs, and how sure it is. Pairs without any difference do not say.

    Differences of one size, as scores of 0 and 1 have, are wins and losses: McNemar's exact test.
    """
    count, mean = len(differences), fmean(differences)
    sizes = [abs(one) for one in differences if one]
    if not sizes:
        return Difference(mean)
    if math.isclose(min(sizes), max(sizes), rel_tol=1e-9):
        wins, scale = sum(one > 0 for one in differences), sizes[0] * len(sizes) / count
        low, high = _share_limits(wins, len(sizes), confidence)
        p = min(1.0, 2 * _at_most(min(wins, len(sizes) - wins), len(sizes), 0.5))
        return Difference(mean, scale * (2 * low - 1), scale * (2 * high - 1), p)
    return _student(mean, stdev(differences) / math.sqrt(count), count - 1, confidence)


def group_difference(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Difference:
    """Return the mean of the first group minus that of the second, and how sure it is.

    Two scores, such as 0 and 1: Fisher's exact test and Newcombe's interval. Else Welch's t.
    """
    mean, values = fmean(first) - fmean(second), {*first, *second}
    if len(values) == 1 or min(len(first), len(second)) < 2:
        return Difference(mean)
    if len(values) == 2:
        bottom, top = sorted(values)
        wins = first.count(top), second.count(top)
        low, high = _newcombe(*wins, len(first), len(second), confidence)
        return Difference(mean, low * (top - bottom), high * (top - bottom), _fisher(*wins, len(first), len(second)))
    one, two = stdev(first) ** 2 / len(first), stdev(second) ** 2 / len(second)
    if one + two == 0:
        return Difference(mean)
    # Rounded down, which claims too little rather than too much.
    parts = ((one / (one + two)) ** 2 / (len(first) - 1), (two / (one + two)) ** 2 / (len(second) - 1))
    return _student(mean, math.sqrt(one + two), max(1, int(1 / sum(parts))), confidence)


def student_within(t: float, freedom: int) -> float:
    """Return the probability that Student's t lies between -t and t."""
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


def student_quantile(confidence: float, freedom: int) -> float:
    """Return the t for which Student's t lies between -t and t with that probability."""
    high = 1.0
    while student_within(high, freedom) < confidence:
        high *= 2
    return _solve(lambda t: student_within(t, freedom) < confidence, high)


def _student(mean: float, error: float, freedom: int, confidence: float) -> Difference:
    if error <= abs(mean) * 1e-12:
        return Difference(mean)
    margin = student_quantile(confidence, freedom) * error
    return Difference(mean, mean - margin, mean + margin, max(0.0, 1 - student_within(abs(mean) / error, freedom)))


def _at_most(wins: int, count: int, share: float) -> float:
    """Return the probability of at most so many wins (binomial distribution)."""
    if share in (0.0, 1.0):
        return float(share == 0.0 or wins == count)
    log, other = math.log(share), math.log1p(-share)
    return min(1.0, sum(math.exp(_log_comb(count, k) + k * log + (count - k) * other) for k in range(wins + 1)))


def _share_limits(wins: int, count: int, confidence: float) -> tuple[float, float]:
    """Return the limits of the true share of wins (Clopper and Pearson)."""
    tail = (1 - confidence) / 2
    low = _solve(lambda share: 1 - _at_most(wins - 1, count, share) < tail) if wins else 0.0
    high = _solve(lambda share: _at_most(wins, count, share) > tail) if wins < count else 1.0
    return low, high


def _fisher(wins: int, others: int, count: int, other_count: int) -> float:
    """Return the probability of all tables with the same sums that are no more probable than this one."""
    total = wins + others

    def log_p(one: int) -> float:
        return _log_comb(count, one) + _log_comb(other_count, total - one) - _log_comb(count + other_count, total)

    limit = log_p(wins) + 1e-7
    tables = map(log_p, range(max(0, total - other_count), min(count, total) + 1))
    return min(1.0, sum(math.exp(one) for one in tables if one <= limit))


def _newcombe(wins: int, others: int, count: int, other_count: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    one, two = wins / count, others / other_count
    (one_low, one_high), (two_low, two_high) = _wilson(one, count, z), _wilson(two, other_count, z)
    return one - two - math.hypot(one - one_low, two_high - two), one - two + math.hypot(one_high - one, two - two_low)


def _wilson(share: float, count: int, z: float) -> tuple[float, float]:
    middle = share + z * z / (2 * count)
    margin = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - margin) / (1 + z * z / count), (middle + margin) / (1 + z * z / count)


def _log_comb(count: int, k: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)


def _solve(below: Callable[[float], bool], high: float = 1.0) -> float:
    """Return the number between 0 and `high` where `below` changes from true to false."""
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
