"""What a call cost. If one fails, somebody reads a wrong sum of money."""

from __future__ import annotations

import json
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from llmlab.models import SPECS
from llmlab.policies.ledger import Ledger
from tests.exchanges import ANSWERS
from tests.ledger.records import call, record

LISTED = [spec for spec in SPECS if spec.provider in ("openai", "anthropic", "openrouter") and "free" not in spec.model]
TOKENS = st.integers(0, 1_000_000)


@given(st.sampled_from(LISTED), TOKENS, TOKENS, TOKENS)
def test_a_price_is_the_one_of_the_price_list(spec: Any, fresh: int, cached: int, written: int) -> None:
    """The list is read once for each model; every sum must be what the list itself would say."""
    usage = Usage(input_tokens=fresh + cached, cache_read_tokens=cached, output_tokens=written)
    try:
        expected = calc_price(usage, model_ref=spec.model, provider_id=spec.provider).total_price
    except LookupError:
        expected = None
    sent = fresh if spec.provider == "anthropic" else fresh + cached
    tokens = {"input_tokens": sent, "cached_tokens": cached, "output_tokens": written}
    cost, source = record(provider=spec.provider, model=spec.model, **tokens).price()
    if expected is None or not (sent or written):
        assert (cost, source) == (None, "unpriced")
    else:
        assert (cost, source) == (pytest.approx(float(expected), abs=1e-11), "list")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cost": 0.25, "priced": "service"}, (0.25, "service")),
        ({"provider": "ollama", "model": "gpt-oss:20b"}, (0.0, "local")),
        ({"provider": "local_gpt_oss", "model": "gpt-oss:20b"}, (0.0, "local")),
        ({"provider": "openrouter", "model": "openrouter/free"}, (0.0, "list")),
        ({"model": "our-deployment", "asked_model": "gpt-6-luna"}, (0.00015, "list")),
        # An unknown price is not 0: a model that seems free is used until the bill comes.
        ({"provider": "mine"}, (None, "unpriced")),
        ({"model": "unknown"}, (None, "unpriced")),
        # A refused call is free; a call that was stopped half-way may be billed.
        ({"input_tokens": 0, "output_tokens": 0, "error": "LLMRateLimitError"}, (0.0, "failed")),
        ({"input_tokens": 0, "output_tokens": 0, "error": "LLMStreamError"}, (None, "unpriced")),
        ({"input_tokens": 0, "output_tokens": 0, "error": "cancelled"}, (None, "unpriced")),
        ({"input_tokens": 0, "output_tokens": 0}, (None, "unpriced")),
    ],
)
def test_a_cost_says_where_it_comes_from(fields: dict[str, Any], expected: tuple[float | None, str]) -> None:
    assert record(**fields).price() == expected


def test_only_live_calls_are_paid_and_unknown_prices_are_counted_apart() -> None:
    records = [record(), record(source="recorded"), record(source="cached", cost=0.0, priced="cached")]
    total = Ledger([*records, record(provider="mine")]).total()
    assert (total.cost, total.live_cost, total.unpriced) == (0.0003, 0.00015, 1)


def test_sums_have_no_dust_of_floats() -> None:
    assert Ledger([record(cost=0.1, priced="service")] * 3).total().cost == 0.3


def test_answers_are_counted_as_their_service_counts_them() -> None:
    """The cost that a service states is what its bill will say."""
    samples = [one for one in ANSWERS if not one.stream and "output_tokens" in one.expect]
    assert len(samples) > 5
    for sample in samples:
        assert sample.format
        ledger = Ledger()
        ledger.note(call(provider=sample.provider), sample.format.decode(json.loads(sample.body)), None)
        (row,) = ledger.frame().to_dict("records")
        for name in {"input_tokens", "output_tokens", "cost"} & {*sample.expect}:
            assert row[name] == sample.expect[name], sample.name
        assert row["priced"] == "service" if "cost" in sample.expect else row["priced"]
        assert row["cost"] >= 0 or row["priced"] == "unpriced", sample.name
