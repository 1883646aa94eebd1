"""Streams that close the provider that was created for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, nullcontext
from typing import TypeAlias

from llmlab.providers import Provider
from llmlab.transport.driver import Flow, run
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream, StreamState

Opened: TypeAlias = Provider | nullcontext[Provider]
"""A provider that is closed after the call, or one that stays open."""


class ResponseStream(CompletionStream):
    """An answer that is still being written. Its end calls `at_end`."""

    def __init__(self, state: StreamState, at_end: Callable[[], None]) -> None:
        super().__init__(state)
        self._at_end = at_end

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        super().close()
        self._at_end()


class AsyncResponseStream(AsyncCompletionStream):
    """The async twin of `ResponseStream`."""

    def __init__(self, opening: Callable[[], Flow[StreamState]], at_end: Callable[[], Awaitable[None]]) -> None:
        super().__init__(opening)
        self._at_end = at_end

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await super().aclose()
        await self._at_end()


def open_stream(opened: Opened, flow: Callable[[Provider], Flow[StreamState]]) -> ResponseStream:
    """Return a stream, read up to its first chunk.

    Args:
        opened: the provider.
        flow: returns the flow that opens the stream.
    """
    with ExitStack() as stack:
        state = run(flow(stack.enter_context(opened)))
        return ResponseStream(state, stack.pop_all().close)


async def open_stream_async(opened: Opened, flow: Callable[[Provider], Flow[StreamState]]) -> AsyncResponseStream:
    """The async twin of `open_stream`."""
    async with AsyncExitStack() as stack:
        llm, at_end = await stack.enter_async_context(opened), AsyncExitStack()
        stream = await AsyncResponseStream(lambda: flow(llm), at_end.aclose)
        at_end.push_async_exit(stack.pop_all())
        return stream
