"""llmlab.yaml decides about retries, limits, budgets and caches. If one fails, a limit is written down and not kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab import Budget, Cache, Limits, RetryPolicy
from llmlab.config.settings import load_settings
from llmlab.errors import BudgetExceededError, ConfigurationError
from llmlab.policies import Policy, from_settings


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    from_settings._shared.clear()
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()
    from_settings._shared.clear()


def written(**settings: str) -> None:
    lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    Path("llmlab.yaml").write_text(f"providers:\n  openai:\n{lines}", encoding="utf-8")


def policies(**options: Any) -> tuple[Policy, ...]:
    return tuple(llmlab.get_provider("openai", **options).policies)


def test_all_of_them_come_in_the_order_that_makes_sense() -> None:
    written(
        limits="{requests_per_minute: 60, tokens_per_minute: 90_000, in_flight: 4}",
        retry="{max_retries: 5, base_delay: 0.5, jitter: 0, max_wait: 30, total: 90, on: [rate_limit, timeout]}",
        cache="{ttl: 3600, max_entries: 50, pace: 1, tools: true}",
        budget="{max_usd: 5, max_tokens: 1000, max_calls: 9, allow_unpriced: true}",
    )
    cache, budget, retry, limits = policies()
    assert isinstance(cache, Cache)
    assert isinstance(budget, Budget)
    assert isinstance(limits, Limits)
    assert retry == RetryPolicy(5, 0.5, 0, 30, 90, ("rate_limit", "timeout"))
    assert (budget.remaining_usd, budget.remaining_tokens, budget.remaining_calls) == (5, 1000, 9)
    assert repr(limits).startswith("Limits(requests_per_minute=60, tokens_per_minute=90000, in_flight=4,")


def test_what_is_not_said_is_not_there() -> None:
    written(timeout="3")
    assert [policy.kind for policy in policies()] == ["retry"]


def test_an_empty_entry_takes_the_usual_values() -> None:
    written(cache="{}", limits="")
    assert [policy.kind for policy in policies()] == ["cache", "retry", "limits"]


def test_a_limit_is_one_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made anew with each provider, neither limit nor budget would hold anything."""
    written(budget="{max_calls: 1}", limits="{in_flight: 2}")
    first, second = policies(), policies()
    assert first[0] is second[0]
    assert first[-1] is second[-1]
    llmlab.get_provider("openai").complete("Hi")
    with pytest.raises(BudgetExceededError):
        llmlab.get_provider("openai").complete("Hi")
    written(budget="{max_calls: 2}")
    assert policies()[0] is not first[0]


def test_an_argument_in_the_code_wins() -> None:
    written(max_retries="7", retry_delay="3", retry="{base_delay: 0.5, total: 60}", limits="{in_flight: 2}")
    assert policies()[0] == RetryPolicy(7, 0.5, total=60)
    assert policies(max_retries=1, retry_delay=9.0)[0] == RetryPolicy(1, 9.0, total=60)
    own = Limits(in_flight=9)
    assert own in policies(policies=[own])
    assert len(policies(policies=[own])) == 2


def test_a_stand_in_has_its_own() -> None:
    Path("llmlab.yaml").write_text(
        "providers: {openai: {fallback: true, limits: {in_flight: 1}}, ollama: {limits: {in_flight: 2}}}"
    )
    llm = llmlab.get_provider("openai")
    assert isinstance(llm, llmlab.Failover)
    found = [target.provider.policies[-1] for target in llm.targets if target.provider]
    assert [repr(policy).split(",")[0] for policy in found] == ["Limits(in_flight=1", "Limits(in_flight=2"]


WRONG_SETTINGS: list[Any] = [
    (
        {"limits": "{request_per_minute: 3}"},
        "llmlab.yaml:3: unknown setting 'request_per_minute'; did you mean 'requests",
    ),
    ({"limits": "{in_flight: 0}"}, "in_flight must be a whole number above 0, not 0"),
    ({"limits": "3"}, "llmlab.yaml:3: expected names with values, got a single value"),
    (
        {"retry": "{on: [timeout, quota]}"},
        "on must be some of rate_limit, timeout, connection, server, stream, not a list",
    ),
    ({"retry": "{on: 3}"}, "on must be some of"),
    ({"retry": "{on: []}"}, "on must be some of"),
    ({"retry": "{on: [[timeout]]}"}, "on must be some of"),
    ({"retry": "{jitter: 2}"}, "jitter must be a number from 0 to 1"),
    ({"retry": "{timeout: 2}"}, "unknown setting 'timeout'"),
    ({"budget": "{max_usd: much}"}, "max_usd must be USD, 0 or more, not 'much'"),
    ({"budget": "{allow_unpriced: 1}"}, "allow_unpriced must be true or false"),
    ({"cache": "true"}, "expected names with values"),
    ({"cache": "{ttl: 0}"}, "ttl must be seconds, above 0"),
    ({"timeout": "[1, 2]"}, "timeout must be seconds, above 0, not a list"),
]


def test_what_is_wrong_is_said_with_its_place(subtests: pytest.Subtests) -> None:
    for settings, says in WRONG_SETTINGS:
        with subtests.test(settings=settings):
            written(**settings)
            with pytest.raises(ConfigurationError) as caught:
                load_settings()
            assert says in str(caught.value)


def test_one_error_needs_no_list() -> None:
    written(retry="{on: timeout}")
    assert policies()[0] == RetryPolicy(on="timeout")
