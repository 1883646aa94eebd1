"""The two stream objects: an answer that is still being written, sync and async.

Both are iterators and context managers. Leaving the loop early gives the connection back. After the end, or a `close`,
`result` is the whole `Completion`, or what had arrived of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, Self, cast

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab._utils.text import shorten
from llmlab.errors import LLMConnectionError, LLMError, LLMStreamError, LLMStreamTimeoutError, StructuredOutputError
from llmlab.formats.base import StreamDecoder
from llmlab.transport.driver import Flow, OpenStream, run, run_async
from llmlab.types.completion import Chunk, Completion, Source
from llmlab.types.options import ResponseFormat
from llmlab.types.structured_output import partial_object, with_parsed


class StreamObserver(Protocol):
    """The call that a stream answers. `remaining` raises an `LLMTimeoutError` after the deadline."""

    def remaining(self) -> float | None: ...
    def in_time(self, error: LLMError) -> LLMError: ...
    def at_end(self, callback: Callable[[Completion | None, LLMError | None], None]) -> None: ...
    def end(self, completion: Completion, error: LLMError | None = None, *, finished: bool = True) -> None: ...


class StreamState:
    """What a stream has given so far. Shared by both stream objects and by the flow that opens them."""

    def __init__(
        self,
        opened: OpenStream,
        decoder: StreamDecoder,
        provider: str,
        observer: StreamObserver,
        response_format: ResponseFormat | None = None,
    ) -> None:
        self.opened = opened
        self.decoder = decoder
        self.provider = provider
        self.observer = observer
        self.response_format = response_format
        self.model = ""
        """The model of the request, for events that name none."""
        self.details: dict[str, Any] = {}
        """Further fields of the answer, from the room that opened the stream."""
        self.events: list[dict[str, Any]] = []
        self.group_sizes: list[int] = []
        """How many events arrived together."""
        self.group_times: list[float] = []
        """When they arrived, in seconds after the request."""
        self.first_token: float | None = None
        self.closed = False
        self._chunks = 0
        self._first: Chunk | None = None
        self._elapsed = opened.wire.elapsed
        self._waiting: deque[dict[str, Any]] = deque()

    def feed(self, events: list[dict[str, Any]]) -> None:
        """Take events that arrived. They are decoded when the reader wants the next chunk."""
        self._waiting.extend(events)
        self.group_sizes.append(len(events))
        self.group_times.append(self._elapsed())

    def chunks(self) -> Iterator[Chunk]:
        """Decode what has arrived, chunk by chunk."""
        if self._first is not None:
            chunk, self._first = self._first, None
            yield chunk
        waiting, keep, decode = self._waiting, self.events.append, self.decoder.feed
        while waiting:
            event = waiting.popleft()
            keep(event)
            if (found := decode(event)) is not None:
                self._chunks += 1
                yield found
            elif self.ended:
                waiting.clear()

    def prime(self, events: list[dict[str, Any]] | None) -> bool:
        """Decode events up to the first chunk; None is the end. Returns whether the reader can begin.

        Raises:
            LLMStreamError: the stream ended without an answer.
        """
        if events is None:
            self.check_end()
            return True
        self.feed(events)
        self._first = next(self.chunks(), None)
        if self._first is not None:
            self.first_token = self._elapsed()
        return self._first is not None or self.decoder.finished

    def check_end(self) -> None:
        """Raise an `LLMStreamError` if the stream stopped before its end."""
        if not self.decoder.finished:
            early = f"early after {self._chunks} chunks" if self.events else "before its first event"
            last = f"; its last event is {shorten(self.events[-1], 80)}" if self.events and not self._chunks else ""
            raise LLMStreamError(f"the stream ended {early}{last}")

    @property
    def ended(self) -> bool:
        """Whether the end marker has come. A decoder of somebody else may know none."""
        return getattr(self.decoder, "ended", False)

    def is_harmless(self, error: LLMError) -> bool:
        """Return whether an error comes after the answer: the line broke, but the model had finished."""
        return self.decoder.finished and isinstance(error, LLMConnectionError)

    def broken(self, error: LLMError) -> LLMStreamError:
        """Return the error for a stream that broke, with all that had arrived."""
        partial, headers = self.decoder.completion(), self.opened.wire.headers
        reason, kind = error.message.rstrip(". "), LLMStreamError
        if error.code == "deadline":
            kind = LLMStreamTimeoutError
        elif isinstance(error, LLMConnectionError):
            # The transport's advice about addresses and servers does not help: the connection was open.
            reason = f"the stream ended early after {self._chunks} chunks: {error.__cause__ or reason}"
        return kind(
            f"{reason}. error.partial holds what arrived; send the request again for a whole answer.",
            provider=self.provider,
            status_code=error.status_code,
            request_id=error.request_id or headers.get("x-request-id") or headers.get("request-id"),
            code=error.code,
            partial=partial.content,
            usage=partial.usage,
        )

    def snapshot(self) -> Completion:
        """Return what has arrived so far as a `Completion`."""
        answer = self.decoder.completion()
        return replace(
            answer,
            provider=self.provider,
            model=answer.model or self.model,
            raw_response=self.events,
            # The tape, where it is on, names the source in a header.
            source=cast("Source", self.opened.wire.headers.get("x-llmlab-source", "live")),
            latency=self._elapsed(),
            time_to_first_token=self.first_token,
            **self.details,
        )

    def fail(self, error: LLMError) -> LLMStreamError:
        """Tell the observer that the stream broke, and return the error for its reader."""
        failure = self.broken(self.observer.in_time(error))
        self.end(failure)
        return failure

    def end(self, error: LLMStreamError | None = None) -> Completion:
        """Tell the observer that the stream is over, and return what arrived."""
        answer, finished = self.snapshot(), self.decoder.finished
        self.closed = True
        self._waiting.clear()
        if finished and error is None:
            # An answer of another form is an error, but for the reader who wants the result.
            with suppress(StructuredOutputError):
                answer = with_parsed(answer, self.response_format)
        self.observer.end(answer, error, finished=finished)
        return answer


class _Stream:
    """What both stream objects share."""

    _state: StreamState | None = None
    _result: Completion | None = None

    @property
    def result(self) -> Completion:
        """The whole answer.

        Raises:
            LLMStreamError: while the stream is still open.
            StructuredOutputError: if it does not match `response_format`. A stream is not requested again.
        """
        if self._result is None:
            raise LLMStreamError(
                "the answer is still being written: read the stream to its end, or close it, then ask for result"
            )
        if self._state and self._state.decoder.finished and self._result.parsed is None:
            return with_parsed(self._result, self._state.response_format)
        return self._result

    @property
    def partial(self) -> Any:
        """The object as far as it has been written, a dict; None before it begins, or if there is none."""
        return None if self._state is None else partial_object(self._state.decoder.completion().content)


class CompletionStream(_Stream, Closing):
    """An answer that is still being written.

    Args:
        state: the stream, read up to its first chunk.
    """

    _state: StreamState

    def __init__(self, state: StreamState) -> None:
        self._state = state
        self._reader: Iterator[Chunk] | None = None

    def __iter__(self) -> Iterator[Chunk]:
        # A generator: when a loop over it is left, it is dropped, and its `finally` gives the connection back.
        try:
            yield from _read(self._state)
        finally:
            try:
                self.close()
            finally:
                # Ctrl-C may have come while it was closing.
                self.close()

    def __next__(self) -> Chunk:
        if self._reader is None:
            # It does not hold this object, which is thus closed as soon as nobody else does.
            self._reader = _read(self._state)
        try:
            return next(self._reader)
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        # A stream that was never read still holds a connection.
        if "_state" in vars(self):
            self.close()

    def close(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        try:
            if self._result is None:
                self._result = self._state.end()
        finally:
            self._state.opened.close(whole=self._state.ended)


def _read(state: StreamState) -> Iterator[Chunk]:
    """Read a stream to its end, unless it is closed before."""
    try:
        while True:
            yield from state.chunks()
            if state.closed or state.ended:
                return
            if (events := next(state.opened.events, None)) is None:
                state.check_end()
                return
            state.feed(events)
            state.observer.remaining()
    except LLMError as error:
        if not state.is_harmless(error):
            raise state.fail(error) from error


def open_stream(flow: Flow[StreamState]) -> CompletionStream:
    """Run a flow that opens a stream, and return the stream for its reader."""
    state: StreamState | None = None
    try:
        state = run(flow)
        return CompletionStream(state)
    except BaseException:
        if state is not None:
            state.opened.close()
        raise


class AsyncCompletionStream(_Stream, AsyncClosing):
    """The async twin of `CompletionStream`. It is opened by its first use: `async for`, `async with` or `await`.

    Args:
        opening: returns the flow that opens the stream and reads up to its first chunk.
    """

    def __init__(self, opening: Callable[[], Flow[StreamState]]) -> None:
        self._opening = opening
        self._reader: AsyncIterator[Chunk] | None = None

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        state = await self._opened()
        try:
            while True:
                for chunk in state.chunks():
                    yield chunk
                if self._result is not None or state.ended:
                    return
                if (events := await anext(state.opened.events, None)) is None:
                    state.check_end()
                    return
                state.feed(events)
                state.observer.remaining()
        except LLMError as error:
            if not state.is_harmless(error):
                raise state.fail(error) from error
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
        # Its connection cannot be awaited here, but the call can end, so that others need not wait for it.
        if self._result is None and self._state is not None:
            self._state.end()

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def aclose(self) -> None:
        """Stop reading and give the connection back. `result` then holds what had arrived."""
        if self._result is None and self._state is not None:
            self._result = self._state.end()
            await self._state.opened.aclose(whole=self._state.ended)

    async def _opened(self) -> StreamState:
        if self._state is None:
            self._state = await run_async(self._opening())
        return self._state
