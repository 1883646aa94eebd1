"""The two stream objects: an answer that is still being written, sync and async.

Both are iterators and context managers. Leaving the loop early gives the connection back. After the end, or a `close`,
`result` is the whole `Completion`, or what had arrived of it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Protocol, Self

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.errors import LLMConnectionError, LLMError, LLMStreamError
from llmlab.formats.base import StreamDecoder
from llmlab.transport.driver import OpenStream
from llmlab.types.completion import Chunk, Completion
from llmlab.types.structured_output import partial_object

_log = logging.getLogger("llmlab")


class StreamState:
    """What a stream has given so far. Shared by both stream objects and by the flow that opens them.

    Args:
        opened: the open stream.
        decoder: reads its events.
        provider: who answers, for errors.
        ending: makes the whole answer, and lets the policies know that the call is over.
    """

    def __init__(self, opened: OpenStream, decoder: StreamDecoder, provider: str, ending: Ending) -> None:
        self.opened = opened
        self.decoder = decoder
        self.provider = provider
        self.ending = ending
        self.events: list[dict[str, Any]] = []
        self.times: list[tuple[int, float]] = []
        """How many events arrived together, and how many seconds after the request."""
        self.pieces = 0
        self.first_token: float | None = None
        self._first: Chunk | None = None
        self._waiting: deque[dict[str, Any]] = deque()

    def arrived(self, events: list[dict[str, Any]]) -> None:
        """Take events that came in. They are decoded when somebody asks for the next piece."""
        self._waiting.extend(events)
        self.times.append((len(events), self.opened.wire.elapsed()))

    def next_piece(self) -> Chunk | None:
        """Decode what has arrived, up to the next piece of the answer. None if more must arrive first."""
        if self._first is not None:
            chunk, self._first = self._first, None
            return chunk
        waiting, feed = self._waiting, self.decoder.feed
        while waiting:
            event = waiting.popleft()
            self.events.append(event)
            if (found := feed(event)) is not None:
                self.pieces += 1
                return found
        return None

    def read_first(self, events: list[dict[str, Any]]) -> bool:
        """Decode events before anybody reads, up to the first piece. Returns whether it was among them."""
        self.arrived(events)
        self._first = self.next_piece()
        if self._first is not None:
            self.first_token = self.opened.wire.elapsed()
        return self._first is not None

    def check_end(self) -> None:
        """Refuse a stream that stopped without its end.

        Raises:
            LLMStreamError: says how much had arrived.
        """
        if not self.decoder.finished:
            raise LLMStreamError(
                f"the stream ended early after {self.pieces} pieces"
                if self.events
                else "the stream ended before its first event"
            )

    def broken(self, error: LLMError) -> LLMStreamError:
        """Return the error for a stream that broke, with all that had arrived."""
        partial, headers = self.decoder.completion(), self.opened.wire.headers
        reason = error.message.rstrip(". ")
        if isinstance(error, LLMConnectionError):
            # What the transport says of addresses and servers is about connecting, and this line was up.
            reason = f"the stream ended early after {self.pieces} pieces: {error.__cause__ or reason}"
        return LLMStreamError(
            f"{reason}. error.partial holds what arrived; send the request again for a whole answer.",
            provider=self.provider,
            status_code=error.status_code,
            request_id=error.request_id or headers.get("x-request-id") or headers.get("request-id"),
            code=error.code,
            partial=partial.content,
            usage=partial.usage,
        )


class Ending(Protocol):
    """What is done at the end of a stream."""

    def check_time(self) -> None:
        """Refuse to go on after the deadline.

        Raises:
            LLMTimeoutError: says so.
        """
        ...

    def finished(self, state: StreamState) -> Completion:
        """Return what has arrived as the answer, and end the call."""
        ...

    def formed(self, state: StreamState, answer: Completion) -> Completion:
        """Return the answer with its object, where one was asked for and the stream came to its end.

        Raises:
            StructuredOutputError: says why it is no such object.
        """
        ...

    def failed(self, state: StreamState, error: LLMStreamError) -> None:
        """End the call with an error."""
        ...

    def abandoned(self, state: StreamState) -> None:
        """End the call of a stream that was dropped without being closed."""
        ...


class CompletionStream(Closing):
    """An answer that is still being written.

    Args:
        state: the stream, read up to its first piece.
    """

    def __init__(self, state: StreamState) -> None:
        self._state = state
        self._result: Completion | None = None
        self._reader: Iterator[Chunk] | None = None

    def __iter__(self) -> Iterator[Chunk]:
        # A generator: when a loop over it is left, it is dropped, and its `finally` gives the connection back.
        state = self._state
        try:
            while self._result is None:
                if (chunk := state.next_piece()) is not None:
                    yield chunk
                elif (events := next(state.opened.events, None)) is not None:  # type: ignore[arg-type]
                    state.arrived(events)
                    state.ending.check_time()
                else:
                    state.check_end()
                    break
        except LLMError as error:
            raise _failure(state, error) from error
        finally:
            self.close()

    def __next__(self) -> Chunk:
        if self._reader is None:
            self._reader = iter(self)
        return next(self._reader)

    def __del__(self) -> None:
        # A stream that was never read still holds a connection.
        self.close()

    @property
    def result(self) -> Completion:
        """The whole answer.

        Raises:
            LLMStreamError: while the stream is still open.
            StructuredOutputError: if it has not the form that was asked for. What was shown is not asked for again.
        """
        return self._state.ending.formed(self._state, _result(self._result))

    @property
    def partial(self) -> Any:
        """The object as far as it has been written, a dict; None before it begins, or if there is none."""
        return partial_object(self._state.decoder.completion().content)

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        if self._result is None:
            self._result = self._state.ending.finished(self._state)
            self._state.opened.close()


class AsyncCompletionStream(AsyncClosing):
    """The async twin of `CompletionStream`. It is opened by its first use: `async for`, `async with` or `await`.

    Args:
        opening: opens the stream and reads up to its first piece.
    """

    def __init__(self, opening: Callable[[], Awaitable[StreamState]]) -> None:
        self._opening = opening
        self._state: StreamState | None = None
        self._result: Completion | None = None
        self._reader: AsyncIterator[Chunk] | None = None

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        state = await self._opened()
        try:
            while self._result is None:
                if (chunk := state.next_piece()) is not None:
                    yield chunk
                elif (events := await anext(state.opened.events, None)) is not None:  # type: ignore[arg-type]
                    state.arrived(events)
                    state.ending.check_time()
                else:
                    state.check_end()
                    break
        except LLMError as error:
            raise _failure(state, error) from error
        finally:
            await self.aclose()

    async def __anext__(self) -> Chunk:
        if self._reader is None:
            self._reader = aiter(self)
        return await anext(self._reader)

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    def __del__(self) -> None:
        # Its connection cannot be awaited here, but its place in a line can be given to the next one.
        if self._result is None and self._state is not None:
            self._state.ending.abandoned(self._state)

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    @property
    def result(self) -> Completion:
        """The whole answer.

        Raises:
            LLMStreamError: while the stream is still open.
            StructuredOutputError: if it has not the form that was asked for. What was shown is not asked for again.
        """
        answer = _result(self._result)
        return answer if self._state is None else self._state.ending.formed(self._state, answer)

    @property
    def partial(self) -> Any:
        """The object as far as it has been written, a dict; None before it begins, or if there is none."""
        return None if self._state is None else partial_object(self._state.decoder.completion().content)

    async def aclose(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        if self._result is None and self._state is not None:
            self._result = self._state.ending.finished(self._state)
            await self._state.opened.aclose()

    async def _opened(self) -> StreamState:
        if self._state is None:
            self._state = await self._opening()
        return self._state


def _failure(state: StreamState, error: LLMError) -> LLMStreamError:
    failure = state.broken(error)
    _log.error("%s failed: %s: %s", state.provider, type(failure).__name__, failure)
    state.ending.failed(state, failure)
    return failure


def _result(result: Completion | None) -> Completion:
    if result is None:
        raise LLMStreamError(
            "the answer is still being written: read the stream to its end, or close it, then ask for result"
        )
    return result
