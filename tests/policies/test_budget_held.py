"""A budget holds: whatever is asked at once, in whichever shape, whatever breaks, whoever gives up.

If one of these fails, a program that was promised a limit runs over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmlab
from llmlab import Budget, BudgetExceededError, LLMError
from llmlab.providers import Provider
from tests.core.trying import NAMES, SHAPES, ask
from tests.pairs import pairs

FAULTS = ("server_error", "overloaded", "cut_stream", "connect_refused", "malformed_json", "empty_stream", "timeout")


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


class Ask(NamedTuple):
    """One call.

    Args:
        name: the provider.
        shape: one of the four.
        limit: of its answer, in tokens.
        pieces: how many pieces of a stream are read; None reads all.
        turns: of the event loop, after which a task is cancelled; None lets it be.
    """

    name: str
    shape: str
    limit: int
    pieces: int | None
    turns: int | None


ASKS = st.lists(
    st.builds(
        Ask,
        st.sampled_from(NAMES),
        st.sampled_from(SHAPES),
        st.integers(16, 120),
        st.none() | st.integers(0, 4),
        st.none() | st.integers(0, 12),
    ),
    min_size=1,
    max_size=12,
)
BUDGETS = st.fixed_dictionaries(
    {},
    optional={
        "max_usd": st.sampled_from([0.0, 0.00005, 0.0002, 0.01]),
        "max_tokens": st.integers(0, 1_500),
        "max_calls": st.integers(0, 8),
    },
).filter(bool)


class Watched(Budget):
    """A budget that looks at itself after each step."""

    def _add(self, *args: Any, **options: Any) -> None:
        super()._add(*args, **options)
        for purse in self._accounts:
            assert purse.reserved >= 0
            assert purse.limit is None or purse.spent + purse.reserved <= purse.limit, "more was promised than there is"


def blocking(llm: Provider, ask: Ask) -> None:
    if ask.shape == "complete":
        llm.complete("Why is the sky blue?", max_tokens=ask.limit)
        return
    with llm.complete_stream("Why is the sky blue?", max_tokens=ask.limit) as stream:
        for number, _ in enumerate(stream):
            if number == ask.pieces:
                break


async def awaiting(llm: Provider, ask: Ask) -> None:
    if ask.shape == "complete_async":
        await llm.complete_async("Why is the sky blue?", max_tokens=ask.limit)
        return
    async with llm.complete_stream_async("Why is the sky blue?", max_tokens=ask.limit) as stream:
        number = 0
        async for _ in stream:
            if number == ask.pieces:
                break
            number += 1


async def cancelled(llm: Provider, ask: Ask) -> None:
    task = asyncio.ensure_future(awaiting(llm, ask))
    for _ in range(ask.turns if ask.turns is not None else 0):
        await asyncio.sleep(0)
    if ask.turns is not None:
        task.cancel()
    await task


def all_at_once(budget: Budget, asks: list[Ask]) -> list[object]:
    """Make all calls together, half of them in threads and half of them as tasks, and return how they ended."""
    made = {name: llmlab.get_provider(name, policies=[budget], max_retries=1, retry_delay=0) for name in NAMES}

    async def run() -> list[object]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(4) as threads:
            waiting: list[Any] = [
                cancelled(made[ask.name], ask)
                if "async" in ask.shape
                else loop.run_in_executor(threads, blocking, made[ask.name], ask)
                for ask in asks
            ]
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        for llm in made.values():
            await llm.aclose()
        return list(outcomes)

    return asyncio.run(run())


@pytest.mark.parametrize(("fault", "shape"), pairs(tuple(llmlab.faults.kinds()), SHAPES))
def test_no_fault_keeps_what_was_reserved(fault: str, shape: str) -> None:
    """Otherwise a bad hour of the service eats up the budget."""
    budget = Watched(max_usd=0.01, max_tokens=1_000, max_calls=2)
    llm = llmlab.get_provider("openai", policies=[budget], max_retries=1, retry_delay=0)
    with llmlab.faults(fault), suppress(LLMError):
        ask(llm, shape, max_tokens=100)
    assert [purse.reserved for purse in budget._accounts] == [0, 0, 0]
    assert (budget.spent_tokens == 0) == (budget.calls == 0)


@given(asks=ASKS, limits=BUDGETS, faults=st.lists(st.sampled_from(FAULTS), max_size=6))
def test_a_budget_is_never_exceeded(asks: list[Ask], limits: dict[str, Any], faults: list[str]) -> None:
    budget = Watched(**limits)
    with llmlab.faults(faults) if faults else nullcontext():
        outcomes = all_at_once(budget, asks)
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, (LLMError, asyncio.CancelledError)), repr(outcome)
    assert budget.calls_on_their_way == 0, "somebody still holds a reservation"
    assert [purse.reserved for purse in budget._accounts] == [0, 0, 0]
    assert budget.calls <= limits.get("max_calls", len(asks))
    assert budget.spent_tokens <= limits.get("max_tokens", 10**9)
    assert (budget.spent_usd or 0) <= limits.get("max_usd", 1)


@settings(max_examples=25)
@given(asks=ASKS, share=st.integers(1, 4))
def test_what_is_left_can_be_used(asks: list[Ask], share: int) -> None:
    """A budget that refuses more than it must would be obeyed by nobody."""
    unhurried = [ask._replace(pieces=None, turns=None) for ask in asks]
    budget = Watched(max_calls=len(asks) // share)
    outcomes = all_at_once(budget, unhurried)
    assert sum(outcome is None for outcome in outcomes) == len(asks) // share
    assert sum(isinstance(outcome, BudgetExceededError) for outcome in outcomes) == len(asks) - len(asks) // share
