"""Bodies of answers: from the tape at the recorded pace, and from the network with the tape listening.

Each kind of stream exists sync and async, and is a stream of both httpx and httpx2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import httpx
import httpx2

from llmlab.lab.faults.damage import Arrival
from llmlab.lab.tape.cassette import keep_headers
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.wire.bodies import CONTENT_TYPES, Piece, parse_answer
from llmlab.lab.wire.messages import TapeAnswer

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream as _AsyncBase
    from httpx2 import SyncByteStream as _SyncBase
else:
    # If httpx2 stands in for httpx, the two are one class.
    _SyncBase = type("_SyncBase", tuple({httpx.SyncByteStream, httpx2.SyncByteStream}), {})
    _AsyncBase = type("_AsyncBase", tuple({httpx.AsyncByteStream, httpx2.AsyncByteStream}), {})

LONGEST_TIMEOUT: Final = 2.0
"""Seconds of real waiting for an injected timeout, however patient the client is."""


class _Delivery:
    """An answer of the tape on its way to a reader.

    Args:
        exchange: where it is noted how much was read.
        arrival: the pieces.
        pace: factor on the recorded waiting times.
        library: httpx or httpx2, whose responses and exceptions are used.
        request: the library's request, for an exception.
    """

    def __init__(self, exchange: Exchange, arrival: Arrival, pace: float, library: ModuleType, request: Any) -> None:
        self._exchange = exchange
        self._arrival = arrival
        self._pace = pace
        self._library = library
        self._request = request
        self._started = time.monotonic()
        self._elapsed = 0.0

    def response(self) -> Any:
        """Return the library's response with this stream as its body."""
        answer, length = self._exchange.answer, self._arrival.length
        assert answer is not None
        headers = {"content-type": CONTENT_TYPES[answer.framing], **answer.headers, "x-llmlab-source": answer.source}
        headers |= {"x-llmlab-fault": self._exchange.fault} if self._exchange.fault else {}
        headers |= {"content-length": str(length)} if length is not None else {}
        # Seconds on the clock of the recording, from the request to the piece that was delivered last.
        extensions = {"http_version": b"HTTP/1.1", "llmlab.elapsed": lambda: self._elapsed}
        return self._library.Response(answer.status, headers=headers, stream=self, extensions=extensions)

    def _steps(self) -> Iterator[Piece]:
        """Yield (seconds still to wait, bytes) for each piece, then break if the line breaks."""
        arrival = self._arrival
        for moment, piece in arrival.pieces:
            self._elapsed = moment
            wait = max(0.0, self._started + moment * self._pace - time.monotonic())
            if arrival.length is None and piece:
                self._exchange.delivered += 1
            if arrival.failure == "ReadTimeout" and not piece:
                wait = min(wait, LONGEST_TIMEOUT * self._pace)
            yield wait, piece
        if arrival.failure:
            self._exchange.failure, self._exchange.took = arrival.failure, self._elapsed
            raise getattr(self._library, arrival.failure)(arrival.reason, request=self._request)


class TapeStream(_Delivery, _SyncBase):
    """The body of an answer from the tape."""

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self._steps():
            if wait:
                time.sleep(wait)
            yield piece


class AsyncTapeStream(_Delivery, _AsyncBase):
    """The async twin of `TapeStream`."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, piece in self._steps():
            # Also with nothing to wait, so that other tasks get their turn as on a network.
            await anyio.sleep(wait)
            yield piece


class Collector:
    """Collects an answer from the network, and notes it when it ends, however it ends.

    Args:
        exchange: the request.
        library: httpx or httpx2, which decompresses the answer.
        note: gets the answer.
        open_streams: holds this collector until then.
    """

    def __init__(
        self,
        exchange: Exchange,
        library: ModuleType,
        note: Callable[[TapeAnswer], None],
        open_streams: set[Collector],
    ) -> None:
        self._exchange = exchange
        self._library = library
        self._note = note
        self._open_streams = open_streams
        self._pieces: list[Piece] = []
        self._lock = threading.Lock()
        self._head: tuple[int, Any] = (0, {})
        self._started = time.monotonic()

    def open(self, response: Any) -> Self:
        """Note status and headers."""
        # Not the response itself: it would keep the connection alive.
        self._head = (response.status_code, response.headers.copy())
        self._open_streams.add(self)
        return self

    def add(self, piece: bytes) -> None:
        """Note bytes that have just arrived."""
        self._pieces.append((time.monotonic() - self._started, piece))

    @contextmanager
    def note_failure(self) -> Iterator[None]:
        """Note an exception inside the block as a broken line."""
        try:
            yield
        except Exception as error:
            self._exchange.failure, self._exchange.took = type(error).__name__, time.monotonic() - self._started
            raise

    def finish(self) -> None:
        """Note the whole answer, once."""
        with self._lock:
            if self not in self._open_streams:
                return
            self._open_streams.discard(self)
        status, headers = self._head
        seconds = self._pieces[-1][0] if self._pieces else time.monotonic() - self._started
        stored = keep_headers({name.lower(): value for name, value in headers.items()})
        self._note(parse_answer(status, stored, list(self._decompressed(headers)), seconds))

    def _decompressed(self, headers: Any) -> Iterator[Piece]:
        """Yield each piece decompressed, with the time of the last bytes that it is made of."""
        moment = 0.0

        class Raw(_SyncBase):
            def __iter__(raw) -> Iterator[bytes]:
                nonlocal moment
                for arrived, piece in self._pieces:
                    moment = arrived
                    yield piece

        try:
            for piece in self._library.Response(200, headers=headers, stream=Raw()).iter_bytes():
                yield moment, piece
        except self._library.DecodingError:
            return  # the answer was cut; it is noted as far as it goes


class LiveStream(_SyncBase):
    """The body of an answer from the network, unchanged."""

    def __init__(self, stream: Any, collector: Collector) -> None:
        self._stream = stream
        self._collector = collector

    def __iter__(self) -> Iterator[bytes]:
        with self._collector.note_failure():
            for piece in self._stream:
                self._collector.add(piece)
                yield piece

    def close(self) -> None:
        """Give the connection back, and note the answer."""
        try:
            self._stream.close()
        finally:
            self._collector.finish()


class AsyncLiveStream(_AsyncBase):
    """The async twin of `LiveStream`."""

    def __init__(self, stream: Any, collector: Collector) -> None:
        self._stream = stream
        self._collector = collector

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._collector.note_failure():
            async for piece in self._stream:
                self._collector.add(piece)
                yield piece

    async def aclose(self) -> None:
        """Give the connection back, and note the answer."""
        try:
            await self._stream.aclose()
        finally:
            self._collector.finish()
