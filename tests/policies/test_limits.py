"""Limits. If one fails, a class of thirty runs into a 429, or a program waits for nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

import llmlab
from llmlab import Limits, LLMAPIError, LLMInvalidRequestError, LLMRateLimitError, LLMTimeoutError, tool
from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError
from llmlab.policies import LimitWait
from llmlab.policies.rate_limit_queue import Queue, Service, Slot
from llmlab.policies.shared_queue import SharedQueue
from llmlab.providers import Provider
from tests.core import bodies
from tests.core.trying import NAMES, SHAPES, ask, provider
from tests.loopback import LoopbackServer
from tests.pairs import pairs

MINUTE = 60.0


def limited(limits: Limits, name: str = "openai", **options: Any) -> Provider:
    return llmlab.get_provider(name, policies=[limits], **options)


@contextmanager
def waits(limits: Limits) -> Iterator[list[LimitWait]]:
    """What is told of waits."""
    told: list[LimitWait] = []
    limits._on_wait = told.append
    yield told


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread is about to do."""
    for _ in range(2_000):
        if true():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come true")


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_who_is_over_the_limit_waits_and_is_answered(frozen: None, name: str, shape: str) -> None:
    limits = Limits(requests_per_minute=2)
    with waits(limits) as told:
        for number in range(3):
            begun = now()
            assert ask(limited(limits, name), shape, f"Hi {number}").content
    assert [round(wait.seconds) for wait in told] == [60]
    # A task has a clock of its own, which ends with it.
    assert now() - begun == pytest.approx(0.0 if "async" in shape else MINUTE)
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)


def test_it_says_how_long_before_it_waits(frozen: None, caplog: pytest.LogCaptureFixture) -> None:
    """A program that stands still without a word looks broken."""
    told: list[str] = []
    limits = Limits(requests_per_minute=1, in_flight=3, on_wait=lambda wait: told.append(str(wait)))
    llm = limited(limits)
    with caplog.at_level(logging.INFO, "llmlab"):
        llm.complete("Hi")
        llm.complete("Ho")
    said = "openai: waits 60.0 s"
    assert told == [said]
    assert repr(limits) == "Limits(requests_per_minute=1, in_flight=3, 0 on their way, 0 waiting)"
    assert said in [record.message for record in caplog.records]


@pytest.mark.parametrize(
    ("seconds", "ahead", "text"),
    [
        (12.34, 0, "x: waits 12.3 s"),
        (12.34, 1, "x: waits 12.3 s, 1 call is ahead"),
        (0.0, 2, "x: waits until another call is over, 2 calls are ahead"),
    ],
)
def test_a_wait_reads_like_a_sentence(seconds: float, ahead: int, text: str) -> None:
    assert str(LimitWait("x", "m", seconds, ahead)) == text


@pytest.mark.parametrize(
    ("name", "wrong"), pairs(["requests_per_minute", "tokens_per_minute", "in_flight"], [0, -1, 1.5, True, "60"])
)
def test_a_limit_is_a_whole_number_above_0(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a whole number above 0, not"):
        Limits(**{name: wrong})


def test_providers_share_one_limit(frozen: None) -> None:
    limits = Limits(requests_per_minute=2)
    with waits(limits) as told:
        for name in ("openai", "ollama", "anthropic"):
            limited(limits, name).complete("Hi")
    assert [wait.provider for wait in told] == ["anthropic"]


def test_each_retry_takes_its_turn(frozen: None) -> None:
    """Retries are what breaks a limit when a service is in trouble."""
    limits = Limits(requests_per_minute=1)
    with waits(limits) as told, llmlab.faults("server_error", times=1):
        limited(limits, retry_delay=1).complete("Hi")
    assert len(told) == 1
    assert 58 < told[0].seconds < 59


def test_a_kept_answer_takes_no_turn(frozen: None) -> None:
    limits = Limits(requests_per_minute=1)
    with waits(limits) as told:
        llm = llmlab.get_provider("openai", policies=[llmlab.Cache(), limits])
        assert [llm.complete("Hi").source for _ in range(3)] == ["simulated", "cached", "cached"]
    assert told == []


# Tokens


def test_tokens_are_estimated_before_and_corrected_after(frozen: None) -> None:
    """Most answers are much shorter than they may be; without the correction, most of a limit would lie idle."""
    limits = Limits(tokens_per_minute=1_000)
    llm = limited(limits, max_tokens=600)
    with waits(limits) as told:
        for number in range(4):
            used = llm.complete(f"Hi {number}").usage.total_tokens
            assert limits._shared.queue._used <= (number + 1) * (used + 5)
    assert told == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_that_never_fits_is_refused_at_once(frozen: None, shape: str) -> None:
    """It would wait for ever."""
    limits = Limits(tokens_per_minute=500)
    llm = limited(limits)
    with pytest.raises(
        LLMInvalidRequestError, match=r"could use 610 tokens \(10 of the prompt, 600 of the answer\).*500"
    ):
        ask(llm, shape, "Hi " * 2, max_tokens=600)
    with pytest.raises(LLMInvalidRequestError, match="shorter"):
        ask(limited(limits), shape, "word " * 1_000)
    assert (llm.get_request_count(), limits.calls_on_their_way, limits.calls_waiting) == (0, 0, 0)


def test_an_answer_without_a_limit_is_not_refused(frozen: None) -> None:
    """How long it will be, nobody knows; what it was counts all the same."""
    limits = Limits(tokens_per_minute=100)
    assert limited(limits).complete("Hi").content
    assert 0 < limits._shared.queue._used < 100


def test_pictures_tools_and_other_alphabets_count(frozen: None) -> None:
    @tool
    def weather(city: str) -> str:
        """Tell the weather in a city, which is named in English."""
        return city

    def estimated(prompt: Any, **options: Any) -> int:
        limits = Limits()
        request = llmlab.get_provider("openai").request(prompt, max_tokens=1, **options)
        return limits._tokens(type("Asked", (), {"request": request, "provider": "openai"})())

    plain = estimated("Hi")
    assert estimated("x" * 300) == pytest.approx(plain + 75, abs=2)
    assert estimated("天" * 100) == pytest.approx(plain + 100, abs=2)
    assert estimated("Hi", tools=[weather.definition]) > plain + 15
    question = {"role": "user", "content": "Hi"}
    called = {"role": "assistant", "tool_calls": [{"id": "1", "name": "weather", "arguments": {"city": "x" * 90}}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "sunny"}
    assert estimated([question, called, result]) > plain + 40


def test_what_was_refused_has_used_nothing(frozen: None) -> None:
    limits = Limits(tokens_per_minute=1_000)
    with llmlab.faults("server_error"), pytest.raises(LLMAPIError):
        limited(limits, max_retries=0, max_tokens=600).complete("Hi")
    assert limits._shared.queue._used == 0


def test_what_nobody_knows_counts_as_expected(frozen: None) -> None:
    """A call that timed out may have been answered all the same."""
    limits = Limits(tokens_per_minute=1_000)
    with llmlab.faults("timeout"), pytest.raises(LLMTimeoutError):
        limited(limits, max_retries=0, max_tokens=600).complete("Hi")
    assert limits._shared.queue._used > 600


# Calls in flight


def test_a_stream_keeps_its_place_until_it_is_over(frozen: None) -> None:
    limits = Limits(in_flight=2)
    llm = limited(limits)
    read, closed = llm.complete_stream("One"), llm.complete_stream("Two")
    with ThreadPoolExecutor(1) as threads, waits(limits) as told:
        third = threads.submit(llm.complete, "Three")
        until(lambda: limits.calls_waiting == 1)
        assert limits.calls_on_their_way == 2
        closed.close()
        assert third.result(10).content
    assert [(wait.seconds, wait.ahead) for wait in told] == [(0.0, 0)]
    list(read)
    assert limits.calls_on_their_way == 0


def test_a_stream_that_is_dropped_gives_its_place_back(frozen: None) -> None:
    limits = Limits(in_flight=1)
    llm = limited(limits)
    llm.complete_stream("One")
    gc.collect()
    assert limits.calls_on_their_way == 0


def test_a_stream_may_be_dropped_at_any_moment(frozen: None) -> None:
    """A finaliser runs where it likes, even while this thread changes the line; the slot must not be lost."""
    limits = Limits(in_flight=1)
    llm = limited(limits)
    stream = llm.complete_stream("One")

    def drop() -> None:
        stream.close()
        assert limits.calls_on_their_way == 1

    limits._shared.run(drop)
    assert limits.calls_on_their_way == 0


# Services that say how much they want


def test_a_service_that_asks_for_a_pause_gets_it_from_everybody(frozen: None) -> None:
    """Nine more threads that knock all the same prolong the trouble."""
    limits = Limits()
    with llmlab.faults("rate_limit", retry_after=30, times=1), pytest.raises(LLMRateLimitError):
        limited(limits, max_retries=0).complete("Hi")
    with waits(limits) as told:
        limited(limits, "anthropic").complete("Hi")
        limited(limits).complete("Ho")
    assert [(wait.provider, round(wait.seconds)) for wait in told] == [("openai", 30)]


def test_a_paused_service_holds_up_nobody_else(frozen: None) -> None:
    limits = Limits(requests_per_minute=10)

    async def run() -> list[str]:
        done: list[str] = []

        async def asked(name: str) -> None:
            async with limited(limits, name) as llm:
                await llm.complete_async("Hi again")
                done.append(name)

        with llmlab.faults("rate_limit", retry_after=30, times=1), pytest.raises(LLMRateLimitError):
            async with limited(limits, max_retries=0) as llm:
                await llm.complete_async("Hi")
        await asyncio.gather(asked("openai"), asked("anthropic"))
        return done

    with waits(limits) as told:
        assert asyncio.run(run())
    assert [(wait.provider, round(wait.seconds)) for wait in told] == [("openai", 30)]


def test_what_a_service_has_left_is_not_overdrawn(frozen: None, server: LoopbackServer) -> None:
    llmlab.stop()
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1.2s",
    }
    server.answer(bodies.CHAT, headers=headers)
    server.answer(bodies.CHAT)
    limits = Limits()
    with provider("openrouter", server.url, policies=[limits]) as llm, waits(limits) as told:
        llm.complete("Hi")
        with pytest.raises(LLMTimeoutError):
            llm.complete("Hi", deadline=0.01)
    assert [wait.seconds for wait in told] == [pytest.approx(0.02)]


def test_nobody_waits_for_the_end_of_a_day(frozen: None, server: LoopbackServer) -> None:
    """A call that waits nine hours in a queue looks like one that hangs."""
    llmlab.stop()
    server.answer({"error": {"message": "The quota per day is used up. Try again in 9h."}}, 429)
    server.answer(bodies.CHAT)
    limits = Limits()
    with provider("openrouter", server.url, policies=[limits]) as llm, waits(limits) as told:
        with pytest.raises(LLMRateLimitError, match="which ends at"):
            llm.complete("Hi")
        assert llm.complete("Hi").content == bodies.TEXT
    assert told == []


# Deadlines


@pytest.mark.parametrize("shape", SHAPES)
def test_who_cannot_start_in_time_is_told_so_at_once(frozen: None, shape: str) -> None:
    limits = Limits(requests_per_minute=1)
    ask(limited(limits), shape)
    with pytest.raises(LLMTimeoutError, match="the deadline of 30 s leaves no time to go on, after no attempt"):
        ask(limited(limits), shape, deadline=30)
    assert ask(limited(limits), shape, deadline=90).content
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_nobody_waits_past_the_deadline(frozen: None, shape: str) -> None:
    """When the others end, nobody knows; when the deadline is, everybody does."""
    limits = Limits(in_flight=1)
    held = limited(limits).complete_stream("One")
    with pytest.raises(LLMTimeoutError, match="the deadline of 30 s leaves no time"):
        ask(limited(limits), shape, deadline=30)
    held.close()
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)


# Threads and tasks


def test_a_blocking_call_beside_waiting_tasks_does_not_hang(frozen: None) -> None:
    """In a notebook, tasks wait in the background while a cell blocks their event loop."""
    limits = Limits(requests_per_minute=1)

    async def run() -> list[Any]:
        llm = limited(limits)
        tasks = [asyncio.create_task(llm.complete_async(f"Task {number}")) for number in range(3)]
        await asyncio.sleep(0)
        llm.complete("Blocking")
        answers = await asyncio.gather(*tasks)
        await llm.aclose()
        return answers

    assert all(answer.content for answer in asyncio.run(run()))


def test_who_is_cancelled_while_waiting_holds_up_nobody(frozen: None) -> None:
    limits = Limits(in_flight=1)

    async def run() -> str:
        async with limited(limits) as llm:
            held = await llm.complete_stream_async("One")
            second, third = (asyncio.create_task(llm.complete_async(text)) for text in ("Two", "Three"))
            while limits.calls_waiting < 2:
                await asyncio.sleep(0)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            assert limits.calls_waiting == 1
            await held.aclose()
            return (await third).content

    assert asyncio.run(run())
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)


def test_who_is_cancelled_when_his_turn_has_come_gives_it_to_the_next(frozen: None) -> None:
    """The turn comes from another thread; the cancellation is there before the task has seen it."""
    limits = Limits(requests_per_minute=5, in_flight=1)

    async def run() -> str:
        async with limited(limits) as llm:
            held = await llm.complete_stream_async("One")
            second, third = (asyncio.create_task(llm.complete_async(text)) for text in ("Two", "Three"))
            while limits.calls_waiting < 2:
                await asyncio.sleep(0)
            await held.aclose()
            second.cancel()
            assert isinstance((await asyncio.gather(second, return_exceptions=True))[0], asyncio.CancelledError)
            return (await third).content

    assert asyncio.run(run())
    queue = limits._shared.queue
    assert (queue.in_flight, queue.waiting, len(queue._window)) == (0, 0, 2)


def test_a_callback_that_fails_leaves_no_place_behind(frozen: None) -> None:
    def fail(wait: LimitWait) -> None:
        raise ValueError("the dashboard is down")

    limits = Limits(requests_per_minute=1, on_wait=fail)
    llm = limited(limits)
    llm.complete("Hi")
    with pytest.raises(ValueError, match="dashboard"):
        llm.complete("Ho")
    assert (limits.calls_on_their_way, limits.calls_waiting) == (0, 0)


def test_the_watcher_goes_when_nobody_waits(frozen: None) -> None:
    limits = Limits(requests_per_minute=1)
    llm = limited(limits)
    for number in range(3):
        llm.complete(f"Hi {number}")
    until(lambda: not any(thread.name == "llmlab-limits" for thread in threading.enumerate()))


def test_who_has_less_time_wakes_the_watcher() -> None:
    """It may be asleep until another's moment, a minute away. Else a deadline of a second ends after that minute."""
    shared, service = SharedQueue(Queue(None, None, 1)), Service()

    def acquire(seconds: float) -> Slot:
        slot = Slot(service, 1, deadline=now() + seconds)
        shared.run(lambda: shared.queue.acquire(slot, shared.time()))
        return slot

    acquire(600)
    patient = acquire(600)
    while not shared._changed._waiters:  # type: ignore[attr-defined]
        time.sleep(0.001)
    hurried = acquire(0.01)
    assert hurried.turn
    hurried.turn.result(20)
    assert hurried.started is None
    assert shared.queue.waiting == 1
    shared.run(shared.queue.leave, patient)
