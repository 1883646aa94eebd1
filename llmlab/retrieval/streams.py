"""A streamed answer that knows its sources, sync and async.

Both are iterators and context managers. After the end, or a `close`, `result` is the `Completion` with its sources.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import Self, TypeAlias

from llmlab.completion import Chunk, Completion
from llmlab.errors import LLMStreamError
from llmlab.retrieval.asking import Found, sourced
from llmlab.streams import AsyncCompletionStream, CompletionStream

Opened: TypeAlias = tuple[AsyncCompletionStream, Found]


class AnswerStream:
    """An answer from files that is still being written.

    Args:
        stream: the answer.
        found: what the model was given to read; None where its service searches by itself.
    """

    def __init__(self, stream: CompletionStream, found: Found) -> None:
        self._stream = stream
        self._found = found

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._stream)

    def __next__(self) -> Chunk:
        return next(self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def result(self) -> Completion:
        """The whole answer, with its sources.

        Raises:
            LLMStreamError: while the stream is still open.
        """
        return sourced(self._stream.result, self._found)

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        self._stream.close()


class AsyncAnswerStream:
    """The async twin of `AnswerStream`. It searches and asks on its first use: `async for`, `async with` or `await`.

    Args:
        opening: searches and asks.
    """

    def __init__(self, opening: Callable[[], Awaitable[Opened]]) -> None:
        self._opening = opening
        self._open: Opened | None = None

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        stream, _ = await self._opened()
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await self.aclose()

    async def __anext__(self) -> Chunk:
        return await anext((await self._opened())[0])

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __await__(self) -> Generator[None, None, Self]:
        return self.__aenter__().__await__()

    @property
    def result(self) -> Completion:
        """The whole answer, with its sources.

        Raises:
            LLMStreamError: while the stream is still open.
        """
        if self._open is None:
            raise LLMStreamError("nothing was asked yet: read the stream to its end, then ask for result")
        stream, found = self._open
        return sourced(stream.result, found)

    async def aclose(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        if self._open is not None:
            await self._open[0].aclose()

    async def _opened(self) -> Opened:
        if self._open is None:
            self._open = await self._opening()
        return self._open
