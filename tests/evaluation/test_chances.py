"""Statistics without tables. If one fails, a difference is called sure that is chance."""

from __future__ import annotations

import math
import random
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.toolkit.evaluation.statistics import apart, paired, quantile, within

NUMBERS = st.floats(-1e3, 1e3)


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (10, 2.2281), (30, 2.0423), (120, 1.9799)],
)
def test_the_quantiles_are_those_of_the_tables(freedom: int, t: float) -> None:
    """Abramowitz and Stegun, table 26.10."""
    assert quantile(0.95, freedom) == pytest.approx(t, abs=1e-4)


def test_where_exact_and_approximate_meet_nothing_jumps() -> None:
    assert quantile(0.95, 299) == pytest.approx(quantile(0.95, 300), abs=1e-4)
    assert within(2.5, 299) == pytest.approx(within(2.5, 300), abs=1e-4)


def test_student_s_own_example() -> None:
    """Hours of sleep gained by ten patients, from the paper of 1908: mean 1.58, t = 4.06."""
    found = paired([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.00283, abs=1e-5)
    assert (found.low, found.high) == (pytest.approx(0.7001, abs=1e-4), pytest.approx(2.4599, abs=1e-4))


def test_two_groups() -> None:
    """Means 3 and 5, variances 2.5: t is -2 with 8 degrees of freedom."""
    found = apart([1, 2, 3, 4, 5], [3, 4, 5, 6, 7])
    assert found.p == pytest.approx(0.0805, abs=1e-4)
    assert (found.low, found.high) == (pytest.approx(-4.306, abs=1e-3), pytest.approx(0.306, abs=1e-3))


def test_a_group_with_a_wide_spread_makes_it_less_sure() -> None:
    """Pooling the two spreads would call this sure: the few of the wide group decide."""
    narrow, wide = [10 + number % 2 / 10 for number in range(40)], [6.0, 14.0, 13.0, 15.0]
    found = apart(narrow, wide)
    # Three degrees of freedom, those of the wide group, and not 42.
    assert found.high is not None
    assert found.high - found.mean == pytest.approx(quantile(0.95, 3) * stdev(wide) / 2, rel=1e-3)


@pytest.mark.parametrize("freedom", [1, 2, 5, 8, 24])
def test_probabilities_are_areas_under_the_density(freedom: int) -> None:
    scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
    steps, t = 20_000, 1.7
    middles = ((number + 0.5) * t / steps for number in range(steps))
    area = 2 * t / steps * sum(scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2) for x in middles)
    assert within(t, freedom) == pytest.approx(area, abs=1e-7)


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [0.0, 0.0]])
def test_numbers_that_do_not_say_say_nothing(values: list[float]) -> None:
    """Three equal differences look like certainty, and are none."""
    assert paired(values)[1:] == (None, None, None)
    assert apart(values, values)[1:] == (None, None, None)


@given(st.lists(NUMBERS, min_size=2, max_size=30))
def test_the_interval_holds_the_mean_and_agrees_with_p(values: list[float]) -> None:
    mean, low, high, p = paired(values)
    if low is None or high is None or p is None:
        return
    assert low <= mean <= high
    assert 0 <= p <= 1
    margin = min(abs(low), abs(high)) / max(abs(mean), 1e-9)
    if margin > 1e-6:
        assert (p < 0.05) == (low > 0 or high < 0)


@given(st.lists(NUMBERS, min_size=2, max_size=9), st.lists(NUMBERS, min_size=2, max_size=9))
def test_the_other_way_round_is_the_same_with_another_sign(first: list[float], second: list[float]) -> None:
    one, two = apart(first, second), apart(second, first)
    assert one.mean == pytest.approx(-two.mean, abs=1e-9)
    assert one.p == pytest.approx(two.p)
    if one.low is not None and two.high is not None:
        assert one.low == pytest.approx(-two.high, abs=1e-6)


def test_the_interval_is_right_as_often_as_it_says() -> None:
    """Of 95 % intervals, 95 in 100 hold the truth."""
    draw = random.Random(1)
    held = 0
    for _ in range(1500):
        found = paired([draw.gauss(1.0, 2.0) for _ in range(6)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.0 <= found.high
    assert math.isclose(held / 1500, 0.95, abs_tol=0.02)


def test_two_groups_that_are_all_alike_differ_surely_where_they_are_large() -> None:
    """All of ten thumbs up against all of ten thumbs down is no chance; three of each may be."""
    assert apart([1.0] * 10, [0.0] * 10) == (1.0, None, None, pytest.approx(2 / 184_756))
    assert apart([1.0] * 3, [0.0] * 3).p == pytest.approx(0.1)
    assert apart([1.0] * 5000, [0.0] * 5000).p == 0.0
