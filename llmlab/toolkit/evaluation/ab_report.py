"""Which arm of an A/B test is better, and how sure that is. Where the data do not say, the report says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from llmlab._utils.charts import Picture, bar_chart, short
from llmlab.toolkit.evaluation.statistics import Sure, apart

ENOUGH = 10
"""Keys with a score that each arm needs before anything is said of it."""


@dataclass(frozen=True, slots=True)
class Arm:
    """How one arm fared.

    Args:
        name: of the arm.
        keys: how many were assigned to it.
        scored: how many of them have a score.
        mean: of the scores, each key counting once; None without one.
    """

    name: str
    keys: int
    scored: int
    mean: float | None


@dataclass(frozen=True, slots=True, repr=False)
class ABReport:
    """What an A/B test has found. Printing it says it in words.

    Args:
        name: of the test.
        arms: how each fared.
        best: the arm that is better than every other one; None if that is not shown.
        verdict: the same in a sentence.
        differences: of each pair of arms: by how much the first is above the second, and how sure that is.
    """

    name: str
    arms: tuple[Arm, ...]
    best: str | None
    verdict: str
    differences: Mapping[tuple[str, str], Sure]

    def picture(self) -> Picture:
        """Return a bar for each arm: the mean score."""
        return bar_chart(f"Mean score of {self.name}", {arm.name: arm.mean for arm in self.arms})

    def __repr__(self) -> str:
        lines = [self.verdict]
        for arm in self.arms:
            mean = "no score yet" if arm.mean is None else f"mean score {short(arm.mean)}"
            lines.append(f"{arm.name}: {arm.keys} keys, {arm.scored} scored, {mean}")
        for (first, second), sure in self.differences.items():
            if sure.low is not None and sure.high is not None and sure.p is not None:
                lines.append(
                    f"{first} - {second}: {short(sure.mean)}, with 95 % confidence from {short(sure.low)} to "
                    f"{short(sure.high)}; p {_below(sure.p)}"
                )
        return "\n".join(lines)


def report(
    name: str, keys: Mapping[str, int], scores: Mapping[str, Sequence[float]], *, lower_is_better: bool
) -> ABReport:
    """Return what the scores of a test say.

    Several arms are compared pair by pair (Welch's t test), and p is multiplied by the number of pairs, since with many
    pairs one will differ by chance (Bonferroni).

    Args:
        name: of the test.
        keys: how many keys each arm has.
        scores: of each arm, one for each key.
        lower_is_better: whether a low score is the good one.
    """
    arms = tuple(Arm(one, keys[one], len(scores[one]), fmean(scores[one]) if scores[one] else None) for one in keys)
    pairs = list(combinations(keys, 2))
    differences = {}
    for first, second in pairs:
        if scores[first] and scores[second]:
            sure = apart(scores[first], scores[second], 1 - 0.05 / len(pairs))
            differences[first, second] = sure._replace(p=None if sure.p is None else min(1.0, sure.p * len(pairs)))
    few = [arm for arm in arms if arm.scored < ENOUGH]
    if few:
        missing = ", ".join(f"{arm.name} has {arm.scored}" for arm in few)
        return ABReport(
            name, arms, None, f"Not enough data: each arm needs {ENOUGH} scored keys, {missing}.", differences
        )
    sign = -1 if lower_is_better else 1
    order = sorted(arms, key=lambda arm: -sign * (arm.mean or 0.0))
    best, second = order[0].name, order[1].name
    against = [differences[pair] for pair in pairs if best in pair]
    if all(sure.p is not None and sure.p < 0.05 for sure in against):
        p = max(sure.p or 0.0 for sure in against)
        return ABReport(name, arms, best, f"{best} is better (p {_below(p)}).", differences)
    ahead = f"{best} is ahead of {second}, which may be chance"
    level = f"{best} and {second} are level"
    verdict = f"No difference is shown yet: {level if order[0].mean == order[1].mean else ahead}."
    return ABReport(name, arms, None, verdict, differences)


def _below(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.001 else "< 0.001"
