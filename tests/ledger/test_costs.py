"""What a call cost. If one fails, somebody is told a wrong sum of money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.models import SPECS
from llmlab.policies.ledger.costs import priced
from llmlab.policies.ledger.summary import total
from llmlab.policies.ledger.view import Ledger
from tests.exchanges import ANSWERS, Exchange
from tests.ledger.making import call, entry

LISTED = [spec for spec in SPECS if spec.provider in ("openai", "anthropic", "openrouter") and "free" not in spec.model]
TOKENS = st.integers(0, 1_000_000)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(LISTED), TOKENS, TOKENS, TOKENS)
def test_price_is_that_of_the_list(spec: Any, fresh: int, cached: int, written: int) -> None:
    """Prices are read from the list once a model; every sum must be what the list itself would say."""
    usage = Usage(input_tokens=fresh + cached, cache_read_tokens=cached, output_tokens=written)
    try:
        expected = calc_price(usage, model_ref=spec.model, provider_id=spec.provider).total_price
    except LookupError:
        expected = None
    sent = fresh if spec.provider == "anthropic" else fresh + cached
    line = entry(
        provider=spec.provider,
        model=spec.model,
        asked_model=spec.model,
        input_tokens=sent,
        cached_tokens=cached,
        output_tokens=written,
    )
    cost, source = priced(line)
    if expected is None or not (sent or written):
        assert (cost, source) == (None, "unpriced")
    else:
        assert cost == pytest.approx(float(expected), abs=1e-11)
        assert source == "list"


def test_what_the_service_says_counts_before_the_list() -> None:
    assert priced(entry(cost=0.25, priced="service")) == (0.25, "service")


@pytest.mark.parametrize("provider", ["ollama", "local_gpt_oss"])
def test_own_machine_sends_no_bill(provider: str) -> None:
    assert priced(entry(provider=provider, model="gpt-oss:20b")) == (0.0, "local")


def test_router_that_asks_free_models_only_costs_nothing() -> None:
    assert priced(entry(provider="openrouter", model="openrouter/free")) == (0.0, "list")


def test_answer_under_another_name_has_the_price_of_the_model_that_was_asked_for() -> None:
    assert priced(entry(model="a-deployment-of-ours")) == priced(entry())


@pytest.mark.parametrize("fields", [{"provider": "mine"}, {"model": "nobody-knows", "asked_model": "nobody-knows"}])
def test_unknown_price_is_unknown_and_never_nothing(fields: dict[str, Any]) -> None:
    """A model that seems free is used until the bill comes."""
    line = entry(**fields)
    assert priced(line) == (None, "unpriced")
    sums = total([line, entry()])
    assert (sums.unpriced, sums.cost) == (1, priced(entry())[0])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("LLMRateLimitError", (0.0, "failed")),
        ("LLMStreamError", (None, "unpriced")),
        ("cancelled", (None, "unpriced")),
        ("", (None, "unpriced")),
    ],
)
def test_without_tokens_only_a_refused_call_is_free(error: str, expected: tuple[float | None, str]) -> None:
    """What was given up half-way was written all the same, and is paid."""
    assert priced(entry(input_tokens=0, output_tokens=0, error=error)) == expected


def test_only_live_calls_are_paid() -> None:
    cost = priced(entry())[0]
    assert cost
    sums = total([entry(), entry(source="recorded"), entry(source="cached", cost=0.0, priced="cached")])
    assert (sums.cost, sums.live_cost) == (pytest.approx(2 * cost), cost)


def test_sums_are_shown_without_the_dust_of_floats() -> None:
    sums = total([entry(cost=0.1, priced="service")] * 3)
    assert Decimal(str(sums.cost)) == Decimal("0.3")


PLAIN = [sample for sample in ANSWERS if not sample.stream and "output_tokens" in sample.expect]


@pytest.mark.parametrize("sample", PLAIN, ids=lambda sample: sample.name)
def test_answers_are_counted_as_the_service_counted_them(sample: Exchange) -> None:
    """What a service says that it cost is what its bill will say."""
    assert sample.format
    ledger = Ledger()
    ledger.note(call(provider=sample.provider), sample.format.decode(json.loads(sample.body)), None)
    (row,) = ledger.frame().to_dict("records")
    assert (row["input_tokens"], row["output_tokens"]) == (
        sample.expect.get("input_tokens", 0),
        sample.expect["output_tokens"],
    )
    if "cost" in sample.expect:
        assert (row["cost"], row["priced"]) == (sample.expect["cost"], "service")
    assert row["cost"] >= 0 or row["priced"] == "unpriced"
