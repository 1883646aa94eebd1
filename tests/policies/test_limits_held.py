"""Limits hold among threads and event loops, whatever breaks and whoever gives up.

If one of these fails, a service sees more than its share, or somebody waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmlab
from llmlab import Limits, LLMError
from llmlab._utils import clock
from llmlab.policies.rate_limit_queue import MINUTE, Queue, Slot
from llmlab.providers import Provider
from tests.core.trying import SHAPES

FAULTS = ("server_error", "rate_limit;retry_after=9", "cut_stream", "connect_refused", "malformed_json", "timeout")
SERVICES = ("openai", "anthropic")
ROUNDING = 1e-6


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


class Ask(NamedTuple):
    """One call.

    Args:
        name: the provider.
        shape: one of the four.
        loop: which event loop, where it is async.
        pieces: how many pieces of a stream are read; None reads all.
        turns: of the event loop, after which a task is cancelled; None lets it be.
        deadline: in seconds, or None.
    """

    name: str
    shape: str
    loop: int
    pieces: int | None
    turns: int | None
    deadline: float | None


ASKS = st.lists(
    st.builds(
        Ask,
        st.sampled_from(SERVICES),
        st.sampled_from(SHAPES),
        st.integers(0, 1),
        st.none() | st.integers(0, 3),
        st.none() | st.none() | st.integers(0, 12),
        st.sampled_from([None, None, 45.0, 500.0]),
    ),
    min_size=2,
    max_size=14,
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "requests_per_minute": st.integers(1, 4),
        "tokens_per_minute": st.integers(300, 1_000),
        "in_flight": st.integers(1, 3),
    },
)


class Watched(Queue):
    """A queue that remembers all starts, and never lets too many be on their way."""

    def __init__(self, limits: dict[str, int]) -> None:
        super().__init__(*(limits.get(name) for name in ("requests_per_minute", "tokens_per_minute", "in_flight")))
        self.all: list[Slot] = []

    def _start(self, slot: Slot, moment: float) -> None:
        super()._start(slot, moment)
        self.all.append(slot)
        assert self.in_flight <= self._most


def options(ask: Ask) -> dict[str, Any]:
    return {"max_tokens": 100, "deadline": ask.deadline}


def blocking(llm: Provider, ask: Ask) -> None:
    if ask.shape == "complete":
        llm.complete("Why is the sky blue?", **options(ask))
        return
    with llm.complete_stream("Why is the sky blue?", **options(ask)) as stream:
        for number, _ in enumerate(stream):
            if number == ask.pieces:
                break


async def awaiting(llm: Provider, ask: Ask) -> None:
    if ask.shape == "complete_async":
        await llm.complete_async("Why is the sky blue?", **options(ask))
        return
    async with llm.complete_stream_async("Why is the sky blue?", **options(ask)) as stream:
        number = 0
        async for _ in stream:
            if number == ask.pieces:
                break
            number += 1


async def cancelled(llm: Provider, ask: Ask) -> None:
    task = asyncio.ensure_future(awaiting(llm, ask))
    for _ in range(ask.turns or 0):
        await asyncio.sleep(0)
    if ask.turns is not None:
        task.cancel()
    await task


def in_a_loop(limits: Limits, asks: list[Ask]) -> list[object]:
    async def run() -> list[object]:
        made = {name: llmlab.get_provider(name, policies=[limits], max_retries=1) for name in SERVICES}
        outcomes = await asyncio.gather(*(cancelled(made[ask.name], ask) for ask in asks), return_exceptions=True)
        for llm in made.values():
            await llm.aclose()
        return list(outcomes)

    return asyncio.run(run())


def in_a_thread(limits: Limits, ask: Ask) -> list[object]:
    with llmlab.get_provider(ask.name, policies=[limits], max_retries=1) as llm:
        try:
            blocking(llm, ask)
        except LLMError as error:
            return [error]
    return [None]


def all_at_once(limits: Limits, asks: list[Ask]) -> list[object]:
    """Make all calls together, in two event loops and a thread for each of the rest; return how they ended."""
    with ThreadPoolExecutor(len(asks) + 2) as threads:
        running: list[Future[list[object]]] = [
            threads.submit(in_a_loop, limits, [ask for ask in asks if "async" in ask.shape and ask.loop == number])
            for number in (0, 1)
        ]
        running += [threads.submit(in_a_thread, limits, ask) for ask in asks if "async" not in ask.shape]
        return [outcome for one in running for outcome in one.result(60)]


@given(asks=ASKS, given_limits=LIMITS, faults=st.lists(st.sampled_from(FAULTS), max_size=5))
def test_a_limit_holds_and_nobody_is_left_behind(
    asks: list[Ask], given_limits: dict[str, int], faults: list[str]
) -> None:
    limits = Limits(**given_limits)
    queue = limits._shared.queue = Watched(given_limits)
    with llmlab.faults(faults) if faults else nullcontext():
        outcomes = all_at_once(limits, asks)
    assert len(outcomes) == len(asks)
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, (LLMError, asyncio.CancelledError)), repr(outcome)
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)
    # Who was cancelled before he went has left no start behind.
    went = sorted((slot.started, slot.tokens) for slot in queue.all if slot.started is not None)
    for end, _ in went:
        within = [tokens for moment, tokens in went if end - MINUTE + ROUNDING < moment <= end]
        assert len(within) <= queue._requests
        assert sum(within) <= queue._tokens
