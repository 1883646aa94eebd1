"""Statistics without tables. If one fails, chance is reported as a difference."""

from __future__ import annotations

import math
import random
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.toolkit.evaluation.statistics import group_difference, paired_difference, student_quantile, student_within

NUMBERS = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0]))
SCORES = st.sampled_from([0.0, 1.0])


def test_quantiles_are_those_of_the_tables() -> None:
    """Source: Abramowitz and Stegun, table 26.10."""
    table = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 10: 2.2281, 30: 2.0423, 120: 1.9799}
    for freedom, t in table.items():
        assert student_quantile(0.95, freedom) == pytest.approx(t, abs=1e-4), freedom
    assert student_quantile(0.95, 299) == pytest.approx(student_quantile(0.95, 300), abs=1e-4)
    assert student_within(2.5, 299) == pytest.approx(student_within(2.5, 300), abs=1e-4)


def test_probabilities_are_areas_under_the_density() -> None:
    steps, t = 20_000, 1.7
    for freedom in (1, 2, 5, 8, 24):
        scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
        middles = ((number + 0.5) * t / steps for number in range(steps))
        area = 2 * t / steps * sum(scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2) for x in middles)
        assert student_within(t, freedom) == pytest.approx(area, abs=1e-7), freedom


def test_pairs_are_compared_as_student_did() -> None:
    """Hours of sleep that ten patients gained, from the paper of 1908: mean 1.58, t = 4.06."""
    found = paired_difference([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert found == pytest.approx((1.58, 0.7001, 2.4599, 0.00283), abs=1e-4)


def test_groups_are_compared_as_welch_did() -> None:
    """Means 3 and 5, variances 2.5: t is -2 with 8 degrees of freedom."""
    found = group_difference([1, 2, 3, 4, 5], [3, 4, 5, 6, 7])
    assert found == pytest.approx((-2, -4.306, 0.306, 0.0805), abs=1e-3)
    # The few of the wide group decide: three degrees of freedom, not 42.
    narrow, wide = [10 + number % 2 / 10 for number in range(40)], [6.0, 14.0, 13.0, 15.0]
    found = group_difference(narrow, wide)
    assert found.high is not None
    assert found.high - found.mean == pytest.approx(student_quantile(0.95, 3) * stdev(wide) / 2, rel=1e-3)


def test_pairs_of_two_scores_are_compared_exactly() -> None:
    """Eight of eight against six of eight: the t test says 0.17, and the truth is a coin that fell twice alike."""
    found = paired_difference([1.0, 1.0, 0, 0, 0, 0, 0, 0])
    assert found == pytest.approx((0.25, 0.25 * (2 * 0.158114 - 1), 0.25, 0.5), abs=1e-5)
    # Clopper and Pearson: no win in ten, so at most 30.85 % wins.
    assert paired_difference([-2.0] * 10) == pytest.approx((-2, -2, 2 * (2 * 0.308497 - 1), 2 / 1024), abs=1e-5)
    assert paired_difference([1.0, -1.0]).p == 1.0


def test_groups_of_two_scores_are_compared_exactly() -> None:
    """Fisher's lady and her tea: three of four cups right. Newcombe's table II: 56 of 70 against 48 of 80."""
    assert group_difference([1, 1, 1, 0], [0, 0, 0, 1]).p == pytest.approx(0.485714, abs=1e-6)
    found = group_difference([1.0] * 56 + [0.0] * 14, [1.0] * 48 + [0.0] * 32)
    assert found[:3] == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    # All of ten thumbs up against all of ten down is not chance; three of each may be.
    assert group_difference([1.0] * 10, [0.0] * 10).p == pytest.approx(2 / 184_756)
    assert group_difference([1.0] * 3, [0.0] * 3).p == pytest.approx(0.1)
    assert group_difference([1.0] * 5000, [0.0] * 5000).p == pytest.approx(0.0)


def test_numbers_that_do_not_say_say_nothing() -> None:
    """Equal numbers look like certainty, and are not."""
    assert paired_difference([0.0, 0.0])[1:] == (None, None, None)
    for values in ([1.0], [2.0, 2.0, 2.0]):
        assert group_difference(values, values)[1:] == (None, None, None)
        assert (paired_difference(values).p or 0) >= 0.25
    assert group_difference([1.0], [2.0, 3.0])[1:] == (None, None, None)


@given(st.one_of(st.lists(NUMBERS, min_size=2, max_size=30), st.lists(SCORES, min_size=2, max_size=30)))
def test_the_interval_holds_the_mean_and_agrees_with_p(values: list[float]) -> None:
    mean, low, high, p = paired_difference(values)
    if low is None or high is None or p is None:
        return
    assert low - 1e-9 <= mean <= high + 1e-9
    assert 0 <= p <= 1
    if min(abs(low), abs(high)) / max(abs(mean), 1e-9) > 1e-6:
        assert (p < 0.05) == (low > 0 or high < 0)


@given(st.lists(NUMBERS, min_size=2, max_size=9), st.lists(NUMBERS, min_size=2, max_size=9))
def test_the_other_way_round_has_the_other_sign(first: list[float], second: list[float]) -> None:
    one, two = group_difference(first, second), group_difference(second, first)
    assert one.mean == pytest.approx(-two.mean, abs=1e-9)
    assert one.p == pytest.approx(two.p)
    if one.low is not None and two.high is not None:
        assert one.low == pytest.approx(-two.high, abs=1e-6)


def test_intervals_are_right_as_often_as_they_say() -> None:
    """Of 95 % intervals, 95 in 100 hold the truth, and those of two scores at least as many."""
    draw = random.Random(1)
    normal = [paired_difference([draw.gauss(1.0, 2.0) for _ in range(6)]) for _ in range(1500)]
    held = sum(one.low is not None and one.high is not None and one.low <= 1 <= one.high for one in normal)
    assert held / 1500 == pytest.approx(0.95, abs=0.02)
    groups = [[[float(draw.random() < p) for _ in range(30)] for p in (0.7, 0.7)] for _ in range(500)]
    surprising = sum((group_difference(*pair).p or 1) < 0.05 for pair in groups)
    assert surprising / 500 <= 0.05
