"""Which arm of an A/B test is better, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from llmlab._utils.charts import Picture, bar_chart, short
from llmlab.toolkit.evaluation.statistics import Difference, group_difference

_ENOUGH = 10
"""Scored keys that each arm needs for a verdict."""


@dataclass(frozen=True, slots=True)
class Arm:
    """The result of one arm.

    Args:
        name: of the arm.
        keys: number of keys.
        scored: keys with a score.
        mean: of the scores, one for each key; None without scores.
    """

    name: str
    keys: int
    scored: int
    mean: float | None


@dataclass(frozen=True, slots=True, repr=False)
class ABReport:
    """The result of an A/B test; `print` shows it in words.

    Args:
        name: of the test.
        arms: the result of each.
        best: the arm that is better than every other; None if no difference is shown.
        verdict: the same in a sentence.
        differences: for each pair of arms, the first minus the second, and how sure that is.
    """

    name: str
    arms: tuple[Arm, ...]
    best: str | None
    verdict: str
    differences: Mapping[tuple[str, str], Difference]

    def picture(self) -> Picture:
        """Return a bar for each arm: the mean score."""
        return bar_chart(f"Mean score of {self.name}", {arm.name: arm.mean for arm in self.arms})

    def __repr__(self) -> str:
        lines = [self.verdict]
        for arm in self.arms:
            mean = "no score yet" if arm.mean is None else f"mean score {short(arm.mean)}"
            lines.append(f"{arm.name}: {arm.keys} keys, {arm.scored} scored, {mean}")
        for (first, second), one in self.differences.items():
            if one.low is not None and one.high is not None and one.p is not None:
                lines.append(
                    f"{first} - {second}: {short(one.mean)}, with 95 % confidence from {short(one.low)} to "
                    f"{short(one.high)}; p {_below(one.p)}"
                )
        return "\n".join(lines)


def report(
    name: str, keys: Mapping[str, int], scores: Mapping[str, Sequence[float]], *, lower_is_better: bool
) -> ABReport:
    """Return the result of a test.

    The arms are compared pair by pair. With many pairs one will differ by chance, so p is multiplied by the number of
    pairs (Bonferroni).

    Args:
        name: of the test.
        keys: number of keys of each arm.
        scores: of each arm, one for each scored key.
        lower_is_better: whether a low score is good.
    """
    arms = tuple(Arm(one, keys[one], len(scores[one]), fmean(scores[one]) if scores[one] else None) for one in keys)
    pairs = list(combinations(keys, 2))
    differences = {}
    for first, second in pairs:
        if scores[first] and scores[second]:
            found = group_difference(scores[first], scores[second], 1 - 0.05 / len(pairs))
            differences[first, second] = found._replace(p=None if found.p is None else min(1.0, found.p * len(pairs)))
    best, verdict = _verdict(arms, differences, lower_is_better)
    return ABReport(name, arms, best, verdict, differences)


def _verdict(
    arms: Sequence[Arm], differences: Mapping[tuple[str, str], Difference], lower_is_better: bool
) -> tuple[str | None, str]:
    """Return the best arm, if there is one, and the sentence about it."""
    if few := [f"{arm.name} has {arm.scored}" for arm in arms if arm.scored < _ENOUGH]:
        return None, f"Not enough data: each arm needs {_ENOUGH} scored keys, {', '.join(few)}."
    best, second, *_ = sorted(arms, key=lambda arm: arm.mean or 0.0, reverse=not lower_is_better)
    p = max(1.0 if one.p is None else one.p for pair, one in differences.items() if best.name in pair)
    if p < 0.05:
        return best.name, f"{best.name} is better (p {_below(p)})."
    if best.mean == second.mean:
        return None, f"No difference is shown yet: {best.name} and {second.name} are level."
    return None, f"No difference is shown yet: {best.name} is ahead of {second.name}, which may be chance."


def _below(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.001 else "< 0.001"
