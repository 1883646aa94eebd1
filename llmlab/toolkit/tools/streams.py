"""A run with tools while it happens, sync and async: the model's words as they come, and each call as it is done.

Both are iterators and context managers. After the end, or a `close`, `result` is the `ToolRun`, as far as it came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, Self, TypeAlias

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.errors import LLMStreamError
from llmlab.toolkit.tools.loop import Loop
from llmlab.toolkit.tools.steps import ToolRun, ToolStep
from llmlab.types.completion import Chunk

Event: TypeAlias = Chunk | ToolStep


class ToolStream(Closing):
    """A run with tools that is still going on. It begins with its first use.

    Args:
        loop: the run.
        events: drives it.
    """

    def __init__(self, loop: Loop, events: Generator[Event]) -> None:
        self._loop = loop
        self._events = events
        self._over = False

    def __iter__(self) -> Iterator[Event]:
        # A generator: when a loop over it is left, it is dropped, and its `finally` gives the connection back.
        try:
            yield from self._events
        finally:
            self.close()

    def __next__(self) -> Event:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    @property
    def result(self) -> ToolRun:
        """The whole run.

        Raises:
            LLMStreamError: while it is still going on.
        """
        return _result(self._loop, self._over)

    def close(self) -> None:
        """Stop, and give the connection back. `result` then holds what there was."""
        self._over = True
        self._events.close()


class AsyncToolStream(AsyncClosing):
    """The async twin of `ToolStream`, for `async for`, `async with` or `await`.

    Args:
        loop: the run.
        events: drives it.
    """

    def __init__(self, loop: Loop, events: AsyncGenerator[Event]) -> None:
        self._loop = loop
        self._events = events
        self._over = False

    async def __aiter__(self) -> AsyncIterator[Event]:
        try:
            async for event in self._events:
                yield event
        finally:
            await self.aclose()

    async def __anext__(self) -> Event:
        try:
            return await anext(self._events)
        except BaseException:
            await self.aclose()
            raise

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    @property
    def result(self) -> ToolRun:
        """The whole run.

        Raises:
            LLMStreamError: while it is still going on.
        """
        return _result(self._loop, self._over)

    async def aclose(self) -> None:
        """Stop, and give the connection back. `result` then holds what there was."""
        self._over = True
        await self._events.aclose()


def _result(loop: Loop, over: bool) -> ToolRun:
    if not over:
        raise LLMStreamError("the run is still going on: read the stream to its end, or close it, then ask for result")
    return loop.run
