"""Which policies may stand around which. If one fails, a list that does the opposite of what it says is accepted."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import pytest

import llmlab
from llmlab import Budget, Cache, Limits, RetryPolicy
from llmlab.errors import ConfigurationError
from llmlab.policies import Policy, check_order
from llmlab.policies.base import _BAD_ORDER

OWN = RetryPolicy(7)
MAKERS: dict[str, Any] = {
    "cache": Cache,
    "budget": lambda: Budget(max_calls=1),
    "retry": RetryPolicy,
    "limits": Limits,
}


def of(kinds: tuple[str, ...]) -> list[Policy]:
    return [MAKERS[kind]() for kind in kinds]


def kinds(policies: tuple[Policy, ...]) -> list[str]:
    return [policy.kind for policy in policies]


@pytest.mark.parametrize(
    ("outer", "inner", "reason"),
    [
        ("retry", "cache", "put the cache before the retry"),
        ("limits", "cache", "put the cache before the limits"),
        ("retry", "budget", "put the budget before the retry"),
        ("limits", "budget", "put the budget before the limits"),
        ("limits", "retry", "put the limits after the retry"),
        ("retry", "retry", "three tries of three are nine"),
        ("cache", "cache", "is not in the inner one either"),
        ("limits", "limits", "two could wait for ever"),
    ],
)
def test_an_order_without_sense_is_refused_with_its_reason(outer: str, inner: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{outer} around {inner} makes no sense; .*{reason}"):
        check_order(of((outer, inner)), OWN)
    with pytest.raises(ConfigurationError, match=reason):
        llmlab.get_provider("ollama", policies=of((outer, inner)))


@pytest.mark.parametrize("between", ["cache", "budget", "retry", "limits"])
def test_what_stands_between_changes_nothing(between: str) -> None:
    with pytest.raises(ConfigurationError, match="makes no sense"):
        check_order(of(("limits", between, "cache")), OWN)


def test_every_reason_is_tried_above() -> None:
    """A rule that no test knows may be lost without a sound."""
    assert len(_BAD_ORDER) == 8


def test_the_usual_order_makes_sense_whatever_is_left_out() -> None:
    usual = ("cache", "budget", "retry", "limits")
    for left_out in ("none", *usual):
        chosen = tuple(kind for kind in usual if kind != left_out)
        assert kinds(check_order(of(chosen), OWN)) == list(usual if left_out in ("none", "retry") else chosen)


def test_the_retry_of_the_provider_stands_where_it_makes_sense() -> None:
    """Inside of the limits it would send more than they let pass."""
    for count in range(4):
        for chosen in permutations(("cache", "budget", "limits"), count):
            if not any(pair in _BAD_ORDER for pair in combinations(chosen, 2)):
                found = check_order(of(chosen), OWN)
                assert OWN in found
                assert not any((outer.kind, inner.kind) in _BAD_ORDER for outer, inner in combinations(found, 2))


def test_two_budgets_may_hold_one_call() -> None:
    """One for the user and one for all users."""
    assert kinds(check_order(of(("budget", "budget")), OWN)) == ["budget", "budget", "retry"]


@pytest.mark.parametrize("wrong", [Limits, "limits", None, 3], ids=repr)
def test_what_is_no_policy_is_refused(wrong: Any) -> None:
    """A class in the slot of an object is a likely slip."""
    with pytest.raises(ConfigurationError, match="is no policy: use"):
        check_order([wrong], OWN)
