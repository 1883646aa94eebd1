"""Calls at the same time, and streams that are left. If one fails, a run waits for ever, or leaves a tool running."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llmlab import Chunk, get_provider, run_tools_async, run_tools_stream, run_tools_stream_async, tool
from llmlab.errors import LLMStreamError
from llmlab.toolkit.tools import ToolRun, ToolStep
from llmlab.types.messages import Role
from tests.tools.running import add, run


@pytest.mark.parametrize("shape", ["run_tools_async", "run_tools_stream_async"])
def test_calls_of_a_round_run_at_the_same_time(shape: str, lab: None) -> None:
    """One after the other, the first would wait for the second for ever. A sync tool must not block the others."""
    both, together, threads = asyncio.Barrier(2), threading.Barrier(2, timeout=30), []

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        await both.wait()
        return "sunny"

    @tool(name="weather")
    def in_threads(city: str) -> str:
        """Get the current weather in a city."""
        together.wait()
        threads.append(threading.current_thread() is threading.main_thread())
        return "sunny"

    for each in (weather, in_threads):
        done, _ = run(get_provider("openai"), shape, "What is the weather in Paris and London?", [each])
        assert [step.result for step in done.steps] == ["sunny", "sunny"]
    assert threads == [False, False]


def test_results_keep_the_order_of_the_calls(lab: None) -> None:
    """Some services assign results to calls by their order."""
    london = asyncio.Event()

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        if city == "Paris":
            await london.wait()
        london.set()
        return city

    made = get_provider("ollama")
    done, events = run(made, "run_tools_stream_async", "What is the weather in Paris and London?", [weather])
    assert [event.result for event in events if isinstance(event, ToolStep)] == ["London", "Paris"]
    assert [step.result for step in done.steps] == ["Paris", "London"]
    assert [message.content for message in done.messages if message.role is Role.TOOL] == ["Paris", "London"]


def test_a_stream_that_is_left_keeps_its_steps(lab: None) -> None:
    stream = run_tools_stream(get_provider("openai"), "What is 2 + 3?", [add])
    with pytest.raises(LLMStreamError, match="still going on"):
        _ = stream.result
    assert isinstance(next(stream), ToolStep)
    assert isinstance(next(stream), Chunk)
    for _ in stream:
        break
    assert len(stream.result.steps) == 1
    assert stream.result.messages[-1].role is Role.TOOL
    with pytest.raises(StopIteration):
        next(stream)


def test_an_async_stream_that_is_left_leaves_no_tool_running(lab: None) -> None:
    stopped: list[str] = []

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        if city == "London":
            return "rain"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(city)
            raise
        return ""

    async def left() -> ToolRun:
        made = get_provider("openai")
        async with made:
            stream = await run_tools_stream_async(made, "What is the weather in Paris and London?", [weather])
            assert isinstance(await anext(stream), ToolStep)
            await stream.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
        return stream.result

    so_far = asyncio.run(left())
    assert stopped == ["Paris"]
    assert [step.result for step in so_far.steps] == ["rain"]
    assert len(so_far.messages) == 1


def test_a_run_that_is_cancelled_cancels_its_tools(lab: None) -> None:
    stopped: list[str] = []

    async def cancelled() -> None:
        begun = asyncio.Event()

        @tool
        async def weather(city: str) -> str:
            """Get the current weather in a city."""
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stopped.append(city)
                raise
            return ""

        async with get_provider("openai") as made:
            task = asyncio.create_task(run_tools_async(made, "What is the weather in Paris?", [weather]))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert stopped == ["Paris"]
