"""The cache. If one fails, a learner pays twice for one answer, or gets an answer to another question."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab import LLMAPIError, LLMStreamError, tool
from llmlab.errors import ConfigurationError
from llmlab.policies import Cache
from llmlab.providers import Provider
from tests.core import bodies
from tests.core.trying import NAMES, SHAPES, ask, provider
from tests.exchanges import exchange
from tests.loopback import LoopbackServer
from tests.pairs import pairs


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Cache]]:
    """Caches of both kinds, closed at the end."""
    made: list[Cache] = []

    def one(**options: Any) -> Cache:
        made.append(Cache(None if request.param == "memory" else tmp_path / "answers.db", **options))
        return made[-1]

    yield one
    for cache in made:
        cache.close()


def with_cache(cache: Cache, name: str = "openai", **options: Any) -> Provider:
    return llmlab.get_provider(name, policies=[cache], **options)


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_the_second_answer_is_the_first_one(make: Callable[..., Cache], name: str, shape: str) -> None:
    cache = make()
    first, second = (ask(with_cache(cache, name), shape, "Why is the sky blue?") for _ in range(2))
    assert (first.source, second.source) == ("simulated", "cached")
    assert (first.content, first.usage, first.id) == (second.content, second.usage, second.id)
    assert (cache.stats.hits, cache.stats.misses, cache.stats.saved_tokens) == (1, 1, first.usage.total_tokens)


def test_nothing_is_sent_for_a_kept_answer(make: Callable[..., Cache]) -> None:
    llm = with_cache(make())
    llm.complete("Hi")
    llm.complete("Hi")
    assert llm.get_request_count() == 1
    assert llm.get_last_response() is not None


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "Ho"},
        {"model": llmlab.models.known_models("openai")[0]},
        {"temperature": 1},
        {"max_tokens": 77},
        {"extra": {"user": "x"}},
    ],
    ids=repr,
)
def test_another_request_is_another_answer(make: Callable[..., Cache], other: dict[str, Any]) -> None:
    """An answer to a question that nobody asked would be worse than none."""
    llm = with_cache(make())
    llm.complete("Hi")
    assert llm.complete(**{"prompt": "Hi", **other}).source == "simulated"


def test_providers_do_not_share_answers(make: Callable[..., Cache]) -> None:
    cache = make()
    for name in NAMES:
        assert with_cache(cache, name).complete("Hi").source == "simulated"


def test_two_servers_with_one_model_do_not_share_answers(make: Callable[..., Cache]) -> None:
    """A comparison of two servers would compare one of them with itself."""
    cache = make()
    for port in (8001, 8002):
        llm = with_cache(cache, "local_gpt_oss", base_url=f"http://localhost:{port}")
        assert llm.complete("Hi").source == "simulated"


def test_a_stream_comes_back_in_its_pieces(make: Callable[..., Cache]) -> None:
    llm = with_cache(make())
    first, second = ([chunk.text for chunk in llm.complete_stream("Write a haiku")] for _ in range(2))
    assert first == second
    assert len(first) > 3


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_a_stream_keeps_its_pace_when_asked_to(make: Callable[..., Cache], shape: str) -> None:
    cache = make(pace=2)
    first, second = (ask(with_cache(cache), shape, "Write a haiku") for _ in range(2))
    assert second.latency == pytest.approx(2 * first.latency)
    assert second.time_to_first_token == pytest.approx(2 * (first.time_to_first_token or 0))


def test_a_stream_that_was_left_early_is_not_kept(make: Callable[..., Cache]) -> None:
    """Its beginning is not its answer."""
    llm = with_cache(make())
    with llm.complete_stream("Write a haiku") as stream:
        next(stream)
    again = llm.complete_stream("Write a haiku")
    list(again)
    assert again.result.source == "simulated"


def test_a_broken_stream_is_not_kept(make: Callable[..., Cache]) -> None:
    llm = with_cache(make())
    with llmlab.faults("cut_stream"), pytest.raises(LLMStreamError):
        list(llm.complete_stream("Write a haiku"))
    again = llm.complete_stream("Write a haiku")
    list(again)
    assert again.result.source == "simulated"


def test_errors_are_not_kept(make: Callable[..., Cache]) -> None:
    llm = with_cache(make(), max_retries=0)
    with llmlab.faults("server_error"), pytest.raises(LLMAPIError):
        llm.complete("Hi")
    assert llm.complete("Hi").source == "simulated"


def test_an_unfinished_answer_is_not_kept(server: LoopbackServer, make: Callable[..., Cache]) -> None:
    """It will be another one as soon as the service has finished it."""
    llmlab.stop()
    server.answer(exchange("openai-responses-queued").body)
    with provider("openai", server.url, policies=[make()]) as llm:
        assert [llm.complete("Hi").source for _ in range(2)] == ["live", "live"]


def test_an_answer_grows_old(make: Callable[..., Cache]) -> None:
    clock = [1000.0]
    llm = with_cache(make(ttl=60, clock=lambda: clock[0]))
    llm.complete("Hi")
    clock[0] += 59
    assert llm.complete("Hi").source == "cached"
    clock[0] += 2
    assert llm.complete("Hi").source == "simulated"
    assert llm.complete("Hi").source == "cached"


def test_the_least_recently_used_answer_goes_first(make: Callable[..., Cache]) -> None:
    cache = make(max_entries=2)
    llm = with_cache(cache)
    for prompt in ("one", "two", "one", "three"):
        llm.complete(prompt)
    assert cache.stats.entries == 2
    assert llm.complete("one").source == "cached"
    assert llm.complete("two").source == "simulated"


def test_calls_with_tools_are_kept_only_when_asked(make: Callable[..., Cache]) -> None:
    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return city

    for cache, source in ((make(), "simulated"), (make(tools=True), "cached")):
        cache.clear()
        llm = with_cache(cache)
        llm.complete("Hi", tools=[weather.definition])
        assert llm.complete("Hi", tools=[weather.definition]).source == source


def test_clear_forgets(make: Callable[..., Cache]) -> None:
    cache = make()
    llm = with_cache(cache)
    llm.complete("Hi")
    cache.clear()
    assert llm.complete("Hi").source == "simulated"


def test_identical_requests_of_tasks_are_sent_once(make: Callable[..., Cache]) -> None:
    cache = make()

    async def run() -> list[str]:
        async with with_cache(cache) as llm:
            answers = await asyncio.gather(*(llm.complete_async("Hi") for _ in range(8)))
            assert llm.get_request_count() == 1
        return [answer.source for answer in answers]

    assert sorted(asyncio.run(run())) == ["cached"] * 7 + ["simulated"]
    assert cache.stats.shared == 7


def test_identical_requests_of_threads_are_sent_once(server: LoopbackServer, make: Callable[..., Cache]) -> None:
    llmlab.stop()
    gate = threading.Event()
    server.answer(bodies.CHAT, delay=gate)
    cache = make()
    llm = provider("openrouter", server.url, policies=[cache])
    sources: list[str] = []
    threads = [threading.Thread(target=lambda: sources.append(llm.complete("Hi").source)) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    llm.close()
    assert sorted(sources) == ["cached"] * 3 + ["live"]
    assert len(server.seen) == 1


def test_who_waits_for_a_request_that_fails_asks_by_himself(make: Callable[..., Cache]) -> None:
    """One failure must not become the failure of all, nor hold up one after the other."""

    async def run() -> list[Any]:
        async with with_cache(make(), max_retries=0) as llm:
            with llmlab.faults("server_error", times=1):
                return await asyncio.gather(*(llm.complete_async("Hi") for _ in range(3)), return_exceptions=True)

    outcomes = asyncio.run(run())
    assert sum(isinstance(outcome, LLMAPIError) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, llmlab.Completion) for outcome in outcomes) == 2


def test_who_waits_for_a_request_that_is_cancelled_asks_by_himself(make: Callable[..., Cache]) -> None:
    async def run() -> str:
        async with with_cache(make()) as llm:
            first = asyncio.create_task(llm.complete_async("Hi"))
            await asyncio.sleep(0)
            second = asyncio.create_task(llm.complete_async("Hi"))
            await asyncio.sleep(0)
            first.cancel()
            return (await second).content

    assert asyncio.run(run())


def test_of_those_who_wait_for_a_request_that_is_cancelled_one_asks(make: Callable[..., Cache]) -> None:
    """One page that is closed must not send what all others wait for once for each of them."""
    cache = make()

    async def run() -> list[Any]:
        async with with_cache(cache) as llm:
            tasks = [asyncio.create_task(llm.complete_async("Hi")) for _ in range(5)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            answers = await asyncio.gather(*tasks[1:])
            assert llm.get_request_count() <= 2
            return [answer.source for answer in answers]

    assert sorted(asyncio.run(run())) == ["cached", "cached", "cached", "simulated"]
    assert not cache._in_flight


def test_who_stops_waiting_stops_nobody_else(make: Callable[..., Cache]) -> None:
    async def run() -> list[Any]:
        async with with_cache(make()) as llm:
            tasks = [asyncio.create_task(llm.complete_async("Hi")) for _ in range(3)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert isinstance(second, asyncio.CancelledError)
    assert first.content == third.content


def test_a_blocking_call_inside_a_loop_does_not_wait_for_that_loop(make: Callable[..., Cache]) -> None:
    """It would hold up for ever the very task that it waits for."""

    async def run() -> str:
        async with with_cache(make()) as llm:
            task = asyncio.create_task(llm.complete_async("Hi"))
            await asyncio.sleep(0)
            blocking = llm.complete("Hi")
            assert (await task).content == blocking.content
            return blocking.content

    assert asyncio.run(run())


@pytest.mark.parametrize(
    "wrong",
    [{"max_entries": 0}, {"ttl": 0}, {"pace": -1}, {"max_entries": 2.5}, {"ttl": "5"}, {"ttl": float("nan")}],
    ids=repr,
)
def test_numbers_without_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="a cache needs"):
        Cache(**wrong)
