"""A streamed answer that ends in more than a `Completion`, sync and async: in an answer that knows its sources, say.

Both are iterators and context managers. After the end, or a `close`, `result` is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Generic, Self, TypeAlias, TypeVar

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.errors import LLMStreamError
from llmlab.transport.streams import AsyncCompletionStream, CompletionStream
from llmlab.types.completion import Chunk, Completion

Result = TypeVar("Result")
Opened: TypeAlias = tuple[AsyncCompletionStream, Callable[[Completion], Result]]


class AnswerStream(Closing, Generic[Result]):
    """An answer that is still being written.

    Args:
        stream: the answer.
        finish: makes the result of the whole answer.
        closing: called when the stream is closed.
    """

    def __init__(
        self,
        stream: CompletionStream,
        finish: Callable[[Completion], Result],
        closing: Callable[[], object] | None = None,
    ) -> None:
        self._stream = stream
        self._finish = finish
        self._closing = closing

    def __iter__(self) -> Iterator[Chunk]:
        try:
            yield from self._stream
        finally:
            self.close()

    def __next__(self) -> Chunk:
        try:
            return next(self._stream)
        except BaseException:
            self.close()
            raise

    @property
    def result(self) -> Result:
        """The whole answer.

        Raises:
            LLMStreamError: while the stream is still open.
        """
        return self._finish(self._stream.result)

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        self._stream.close()
        if self._closing is not None:
            self._closing()


class AsyncAnswerStream(AsyncClosing, Generic[Result]):
    """The async twin of `AnswerStream`. It asks on its first use: `async for`, `async with` or `await`.

    Args:
        opening: asks, and returns the answer and what makes the result of it.
        closing: called when the stream is closed.
    """

    def __init__(
        self,
        opening: Callable[[], Awaitable[Opened[Result]]],
        closing: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._opening = opening
        self._closing = closing
        self._open: Opened[Result] | None = None

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        stream, _ = await self._opened()
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await self.aclose()

    async def __anext__(self) -> Chunk:
        try:
            return await anext((await self._opened())[0])
        except BaseException:
            await self.aclose()
            raise

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    def __await__(self) -> Generator[None, None, Self]:
        return self.__aenter__().__await__()

    @property
    def result(self) -> Result:
        """The whole answer.

        Raises:
            LLMStreamError: while the stream is still open.
        """
        if self._open is None:
            raise LLMStreamError("nothing was asked yet: read the stream to its end, then ask for result")
        stream, finish = self._open
        return finish(stream.result)

    async def aclose(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        if self._open is not None:
            await self._open[0].aclose()
        if self._closing is not None:
            await self._closing()

    async def _opened(self) -> Opened[Result]:
        if self._open is None:
            self._open = await self._opening()
        return self._open
