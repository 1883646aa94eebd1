"""Budgets. If one fails, a program spends more than its owner said, or stops while there is money left."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import llmlab
from llmlab import Budget, BudgetExceededError, Cache, ModelSpec
from llmlab.errors import ConfigurationError, LLMAPIError
from llmlab.models import MODELS, Prices, price_of
from llmlab.providers import Provider
from llmlab.types.completion import Completion
from tests.core.trying import NAMES, SHAPES, ask
from tests.pairs import pairs

PAID = ("openai", "anthropic")
SKY = "Why is the sky blue?"


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


def with_budget(budget: Budget, name: str = "openai", **options: Any) -> Provider:
    return llmlab.get_provider(name, policies=[budget], **options)


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_what_a_call_used_is_spent_and_the_rest_given_back(name: str, shape: str) -> None:
    budget = Budget(max_usd=1, max_tokens=10_000, max_calls=5)
    usage = ask(with_budget(budget, name), shape, SKY, max_tokens=200).usage
    cost = price_of(usage.input_tokens, usage.output_tokens, MODELS[name], name)
    assert budget.spent_usd == pytest.approx(cost)
    assert (budget.spent_tokens, budget.calls) == (usage.total_tokens, 1)
    assert budget.remaining_usd == pytest.approx(1 - (cost or 0))
    assert (budget.remaining_tokens, budget.remaining_calls) == (10_000 - usage.total_tokens, 4)
    assert budget.calls_on_their_way == 0


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_a_call_that_could_use_too_much_is_not_sent(name: str, shape: str) -> None:
    """Afterwards is too late: the tokens are written."""
    llm = with_budget(Budget(max_tokens=250), name)
    with pytest.raises(BudgetExceededError, match=r"this call could use 384 tokens \(98 tokens in, 286 out\)"):
        ask(llm, shape, "Hi", max_tokens=286)
    assert llm.get_request_count() == 0


@pytest.mark.parametrize("name", PAID)
def test_the_refusal_names_a_limit_that_fits(name: str) -> None:
    budget = Budget(max_usd=0.0001)
    llm = with_budget(budget, name)
    with pytest.raises(BudgetExceededError) as caught:
        llm.complete("Hi", max_tokens=4_000)
    assert caught.value.provider == name
    assert caught.value.message == (
        "this call could use $0.002 (98 tokens in, 4,000 out), and the budget has $0.0001 left: $0.00 of $0.0001 are "
        "spent. Limit the answer: max_tokens=180 fits. Or give it more: Budget(max_usd=…)."
    )
    assert llm.complete("Hi", max_tokens=180).content


def test_without_a_limit_an_answer_is_as_long_as_the_model_can_write() -> None:
    with pytest.raises(BudgetExceededError, match=r"could use \$0.064 \(98 tokens in, 128,000 out\)"):
        with_budget(Budget(max_usd=0.05)).complete("Hi")
    # Anthropic's wire demands a limit, so there is one where the caller set none.
    with pytest.raises(BudgetExceededError, match="98 tokens in, 4,096 out"):
        with_budget(Budget(max_usd=0.0005), "anthropic").complete("Hi")


def test_nothing_fits_any_more() -> None:
    with pytest.raises(BudgetExceededError, match=r"are spent\. Give it more: Budget\(max_tokens=…\)\.$"):
        with_budget(Budget(max_tokens=50)).complete("Hi", max_tokens=20)


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_are_counted(shape: str) -> None:
    budget = Budget(max_calls=2)
    for _ in range(2):
        ask(with_budget(budget), shape)
    with pytest.raises(BudgetExceededError, match=r"the budget is used up: 2 of 2 calls are spent\. Give it more"):
        ask(with_budget(budget), shape)
    assert (budget.spent_usd, budget.remaining_usd, budget.remaining_tokens) == (None, None, None)


def test_one_budget_for_several_providers() -> None:
    budget = Budget(max_calls=2)
    with_budget(budget, "openai").complete("Hi")
    with_budget(budget, "ollama").complete("Hi")
    with pytest.raises(BudgetExceededError):
        with_budget(budget, "anthropic").complete("Hi")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_failed_call_gives_everything_back(shape: str) -> None:
    budget = Budget(max_usd=1, max_tokens=1_000, max_calls=1)
    with llmlab.faults("server_error"), pytest.raises(LLMAPIError):
        ask(with_budget(budget, max_retries=0), shape, max_tokens=100)
    assert (budget.spent_usd, budget.spent_tokens, budget.calls, budget.calls_on_their_way) == (0, 0, 0, 0)
    assert budget.remaining_tokens == 1_000


def test_retries_reserve_once() -> None:
    budget = Budget(max_tokens=300, max_calls=1)
    with llmlab.faults(["server_error", "overloaded"]):
        usage = with_budget(budget, retry_delay=0).complete("Hi", max_tokens=100).usage
    assert (budget.spent_tokens, budget.calls) == (usage.total_tokens, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_was_left_costs_what_came(name: str) -> None:
    """Most services say what it cost in the last event, which was not read; the tokens were written all the same."""
    budget = Budget(max_usd=1, max_tokens=2_000)
    with with_budget(budget, name).complete_stream(SKY, max_tokens=500) as stream:
        came = sum(len((chunk.text + chunk.reasoning).encode()) for chunk in (next(stream) for _ in range(5)))
        assert budget.calls_on_their_way == 1
        assert (budget.remaining_tokens or 0) < 1_500
    assert budget.calls_on_their_way == 0
    assert came <= budget.spent_tokens <= 64 + 32 + len(SKY) + came


def test_an_async_stream_that_was_dropped_costs_what_came() -> None:
    """Tasks that are cancelled often leave streams behind, and a loop of them would cost nothing."""
    budget = Budget(max_usd=1, max_tokens=2_000)

    async def run() -> None:
        async with with_budget(budget, "anthropic") as llm:
            stream = await llm.complete_stream_async(SKY, max_tokens=500)
            await anext(stream)
            assert budget.calls_on_their_way == 1

    asyncio.run(run())
    gc.collect()
    assert (budget.calls, budget.calls_on_their_way) == (1, 0)
    assert budget.spent_tokens > 0


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_a_stream_that_broke_costs_what_came(shape: str) -> None:
    budget = Budget(max_usd=1, max_tokens=2_000)
    with llmlab.faults("cut_stream"), pytest.raises(llmlab.LLMStreamError) as caught:
        ask(with_budget(budget), shape, SKY, max_tokens=500)
    assert budget.spent_tokens >= len(caught.value.partial or "") > 0
    assert (budget.calls, budget.calls_on_their_way) == (1, 0)


def test_a_cancelled_call_gives_everything_back() -> None:
    budget = Budget(max_tokens=1_000)

    async def run() -> None:
        async with with_budget(budget) as llm:
            task = asyncio.create_task(llm.complete_async("Hi", max_tokens=100))
            await asyncio.sleep(0)
            assert budget.calls_on_their_way == 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert (budget.remaining_tokens, budget.calls_on_their_way) == (1_000, 0)


def test_a_stream_that_is_dropped_unread_gives_its_place_back() -> None:
    budget = Budget(max_calls=1)
    with_budget(budget).complete_stream("Hi")
    assert budget.calls_on_their_way == 0


def test_calls_on_their_way_count_as_if_they_were_dear() -> None:
    """Ten calls that start at once would otherwise all see an untouched budget."""
    budget = Budget(max_tokens=500)

    async def run() -> list[Any]:
        async with with_budget(budget) as llm:
            calls = (llm.complete_async("Hi", max_tokens=100) for _ in range(4))
            return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(run())
    refused = [one for one in outcomes if isinstance(one, BudgetExceededError)]
    assert [isinstance(one, Completion) for one in outcomes] == [True, True, False, False]
    assert "are spent and 396 reserved by 2 in flight." in refused[0].message


def test_what_nobody_knows_the_price_of_is_refused() -> None:
    """Counted as 0, it would be a hole in the budget."""
    llm = with_budget(Budget(max_usd=1), "openrouter", model="openrouter/auto")
    with pytest.raises(BudgetExceededError, match=r"openrouter/auto of openrouter is unpriced, so no budget"):
        llm.complete("Hi", max_tokens=10)
    assert llm.get_request_count() == 0


def test_what_is_allowed_unpriced_is_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmlab.policies.budget.rates", lambda model, provider: ())
    budget = Budget(max_usd=1, allow_unpriced=True)
    with_budget(budget).complete("Hi")
    assert (budget.spent_usd, budget.calls) == (0, 1)
    assert repr(budget) == "Budget($0.00 of $1.00, 1 of the calls unpriced)"
    with_budget(budget, "openrouter", model="openai/gpt-6-luna").complete("Hi")
    assert (budget.spent_usd or 0) > 0, "OpenRouter says itself what it cost"
    assert repr(budget).endswith(", 1 of the calls unpriced)")


def test_a_price_that_somebody_says_is_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmlab.models import registry

    monkeypatch.setattr(registry, "_registry", registry.Registry())
    llmlab.register_spec(ModelSpec("gpt-6-luna", "openai", prices=Prices(1_000, 1_000)))
    budget = Budget(max_usd=1)
    usage = with_budget(budget).complete("Hi", max_tokens=100).usage
    assert budget.spent_usd == pytest.approx(usage.total_tokens / 1_000)


def test_local_models_cost_nothing_and_say_so() -> None:
    budget = Budget(max_usd=0)
    with_budget(budget, "ollama").complete("Hi")
    assert (budget.spent_usd, budget.calls) == (0, 1)
    assert repr(budget) == "Budget($0.00 of $0.00, 1 of the calls local)"
    assert budget._repr_markdown_().endswith("\n1 of the calls local\n")


def test_what_the_service_says_it_cost_goes_before_the_list() -> None:
    budget = Budget(max_usd=1)
    llm = with_budget(budget, "openrouter", model="openai/gpt-6-luna")
    assert budget.spent_usd == 0
    cost = llm.complete(SKY, max_tokens=100).usage.cost
    assert cost is not None
    assert budget.spent_usd == pytest.approx(cost)


@pytest.mark.parametrize("outer", [True, False], ids=["cache outside", "budget outside"])
def test_kept_answers_cost_nothing(outer: bool) -> None:
    budget, cache = Budget(max_usd=1, max_calls=9), Cache()
    llm = llmlab.get_provider("openai", policies=[cache, budget] if outer else [budget, cache])
    llm.complete("Hi")
    spent = budget.spent_usd
    assert llm.complete("Hi").source == "cached"
    assert (budget.spent_usd, budget.calls, budget.calls_on_their_way) == (spent, 1, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Budget(),
        lambda: Budget(max_usd=-1),
        lambda: Budget(max_tokens=-1),
        lambda: Budget(max_usd=math.nan),
        lambda: Budget(max_usd=math.inf),
        lambda: Budget(max_usd="5"),  # type: ignore[arg-type]
        lambda: Budget(max_calls=True),
    ],
)
def test_limits_without_sense_are_refused(make: Callable[[], Budget]) -> None:
    with pytest.raises(ConfigurationError, match="a budget needs max_usd, max_tokens or max_calls"):
        make()


def test_a_budget_is_a_table() -> None:
    budget = Budget(max_usd=0.5, max_calls=10)
    usage = with_budget(budget).complete("Hi", max_tokens=100).usage
    assert budget._repr_markdown_().splitlines()[0] == "| budget | spent | on the way | left | limit |"
    assert f"| tokens | {usage.total_tokens} | 0 | no limit | no limit |" in budget._repr_markdown_()
    assert r" | \$0.50 |" in budget._repr_markdown_(), "between two bare dollar signs stands a formula"
    assert repr(budget).endswith(" of $0.50, 1 of 10 calls)")
