"""A run with tools in the four call types: sync and async, with whole answers or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from typing import Any, Self, TypeAlias

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.errors import LLMStreamError
from llmlab.providers import Provider
from llmlab.toolkit.tools.loop import AnyTool, Loop
from llmlab.toolkit.tools.steps import ToolRun, ToolStep
from llmlab.types.completion import Chunk
from llmlab.types.messages import Prompt

Event: TypeAlias = Chunk | ToolStep


class _Stream:
    def __init__(self, loop: Loop, events: Any) -> None:
        self._loop = loop
        self._events = events

    @property
    def result(self) -> ToolRun:
        """The whole run, or the run so far after `close`.

        Raises:
            LLMStreamError: while it is still going on.
        """
        if not self._loop.closed:
            raise LLMStreamError(
                "the run is still going on: read the stream to its end, or close it, then ask for result"
            )
        return self._loop.run


class ToolStream(_Stream, Closing):
    """A run with tools that is still going on. It begins with its first use."""

    def __iter__(self) -> Iterator[Event]:
        # A generator: when a loop over it is left, it is dropped, and its `finally` gives the connection back.
        try:
            yield from self._events
        finally:
            self.close()

    def __next__(self) -> Event:
        event: Event = next(self._events)
        return event

    def close(self) -> None:
        """Stop, and give the connection back."""
        self._loop.closed = True
        self._events.close()


class AsyncToolStream(_Stream, AsyncClosing):
    """The async twin of `ToolStream`, for `async for`, `async with` or `await`."""

    async def __aiter__(self) -> AsyncIterator[Event]:
        try:
            async for event in self._events:
                yield event
        finally:
            await self.aclose()

    async def __anext__(self) -> Event:
        event: Event = await anext(self._events)
        return event

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def aclose(self) -> None:
        """Stop, and give the connection back."""
        self._loop.closed = True
        await self._events.aclose()


def run_tools(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolRun:
    """Send a prompt, call the tools that the model wants, and go on until the model has its answer.

    Arguments are checked. If they are wrong, or a tool raises an exception, the model gets an error in words and can
    try again. A `tool_choice` that forces a call holds for the first round.

    Args:
        provider: the provider that answers.
        messages: a prompt, as in `complete`.
        tools: functions with `@tool`, or plain typed and documented functions.
        max_rounds: how many rounds of tool calls are allowed.
        options: as in `complete`, without `tools`. A `deadline` holds for the whole run; a tool at work is left
            then, and goes on in its thread.

    Raises:
        ToolError: the model called an unknown tool, or still calls tools after `max_rounds`.
        LLMError: an error of a request. The error's `run` holds the run so far.
    """
    loop = Loop(provider, messages, tools, max_rounds, options)
    for _ in _run(loop, stream=False):
        pass
    return loop.run


async def run_tools_async(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolRun:
    """The async twin of `run_tools`. The calls of one round run at the same time, sync tools in threads."""
    loop = Loop(provider, messages, tools, max_rounds, options)
    async for _ in _run_async(loop, stream=False):
        pass
    return loop.run


def run_tools_stream(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolStream:
    """Run tools and yield what happens: a `Chunk` of text, or a `ToolStep` that is done.

    Takes what `run_tools` takes; after the end, `.result` is the `ToolRun`.
    """
    loop = Loop(provider, messages, tools, max_rounds, options)
    return ToolStream(loop, _run(loop, stream=True))


def run_tools_stream_async(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> AsyncToolStream:
    """The async twin of `run_tools_stream`. Calls of one round run at the same time; the first to end comes first."""
    loop = Loop(provider, messages, tools, max_rounds, options)
    return AsyncToolStream(loop, _run_async(loop, stream=True))


def _run(loop: Loop, *, stream: bool) -> Generator[Event]:
    with loop.running():
        while not loop.has_answer:
            messages, options = loop.next_request()
            if stream:
                with loop.provider.complete_stream(messages, **options) as chunks:
                    yield from chunks
                answer = chunks.result
            else:
                answer = loop.provider.complete(messages, **options)
            for job in loop.receive(answer):
                yield loop.perform(job)


async def _run_async(loop: Loop, *, stream: bool) -> AsyncGenerator[Event]:
    with loop.running():
        while not loop.has_answer:
            messages, options = loop.next_request()
            if stream:
                async with loop.provider.complete_stream_async(messages, **options) as chunks:
                    async for chunk in chunks:
                        yield chunk
                answer = chunks.result
            else:
                answer = await loop.provider.complete_async(messages, **options)
            tasks = [asyncio.create_task(loop.perform_async(job)) for job in loop.receive(answer)]
            try:
                for first in asyncio.as_completed(tasks):
                    yield await first
            finally:
                # A stream that is left, or a run that is cancelled, leaves no tool running.
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
