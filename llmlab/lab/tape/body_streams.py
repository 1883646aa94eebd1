"""Bodies of answers: from the tape at the recorded pace, and from the network with the tape listening.

Each stream is read sync or async, by httpx and by httpx2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx
import httpx2

from llmlab._utils import clock
from llmlab.lab.faults.damage import Arrival
from llmlab.lab.tape.cassette import keep_headers
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.wire.bodies import CONTENT_TYPES, Piece, parse_answer
from llmlab.lab.wire.messages import TapeAnswer
from llmlab.transport.deadlines import TimeLeft

if TYPE_CHECKING:

    class _Stream(httpx2.SyncByteStream, httpx2.AsyncByteStream): ...
else:
    # If httpx2 stands in for httpx, they have the same classes.
    _SYNC = dict.fromkeys((httpx.SyncByteStream, httpx2.SyncByteStream))
    _ASYNC = dict.fromkeys((httpx.AsyncByteStream, httpx2.AsyncByteStream))
    _Stream = type("_Stream", (*_SYNC, *_ASYNC), {})

LONGEST_TIMEOUT: Final = 2.0
"""Seconds of real waiting for an injected timeout, however patient the client is."""


class TapeStream(_Stream):
    """The body of an answer from the tape.

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
        self._started, self._begun = time.monotonic(), clock.now()
        self._elapsed = 0.0

    def response(self) -> Any:
        """Return the library's response with this stream as its body, or None if nobody answers."""
        answer, length = self._arrival.answer, self._arrival.length
        if answer is None:
            return None
        headers = {"content-type": CONTENT_TYPES[answer.framing], **answer.headers, "x-llmlab-source": answer.source}
        headers |= {"x-llmlab-fault": self._exchange.fault} if self._exchange.fault else {}
        headers |= {"content-length": str(length)} if length is not None else {}
        # Seconds on the clock of the recording, from the request to the piece that was delivered last.
        extensions = {"http_version": b"HTTP/1.1", "llmlab.elapsed": lambda: self._elapsed}
        return self._library.Response(answer.status, headers=headers, stream=self, extensions=extensions)

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self._steps():
            if wait:
                time.sleep(wait)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, piece in self._steps():
            # Also with nothing to wait, so that other tasks get their turn as on a network.
            await anyio.sleep(wait)
            yield piece

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
            limit = self._request.extensions.get("timeout", {}).get("read")
            if isinstance(limit, TimeLeft) and wait > limit.left:
                yield max(0.0, limit.left), b""
                raise self._library.ReadTimeout("the deadline has passed", request=self._request)
            yield wait, piece
        if arrival.failure:
            self._exchange.failure, self._exchange.took = arrival.failure, self._elapsed
            # The caller waited for nothing; what was not really waited counts against its deadline too.
            clock.advance_to(self._begun + self._elapsed)
            raise getattr(self._library, arrival.failure)(arrival.reason, request=self._request)


class Collector:
    """Collects an answer from the network, and notes it when it ends, however it ends.

    Args:
        exchange: the request.
        library: httpx or httpx2, which decompresses the answer.
        note: gets the answer.
        unfinished: holds this collector until then.
    """

    def __init__(
        self, exchange: Exchange, library: ModuleType, note: Callable[[TapeAnswer], None], unfinished: set[Collector]
    ) -> None:
        self._exchange = exchange
        self._library = library
        self._note = note
        self._unfinished = unfinished
        self._pieces: list[Piece] = []
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def listen(self, response: Any) -> Any:
        """Return the library's response, with its body collected while it is read."""
        # Not the response itself: it would keep the connection alive.
        self._status, self._headers = response.status_code, response.headers.copy()
        self._unfinished.add(self)
        response.stream = LiveStream(response.stream, self)
        return response

    def add(self, piece: bytes) -> bytes:
        """Note bytes that have just arrived, and return them."""
        self._pieces.append((time.monotonic() - self._started, piece))
        return piece

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
            if self not in self._unfinished:
                return
            self._unfinished.discard(self)
        seconds = self._pieces[-1][0] if self._pieces else time.monotonic() - self._started
        stored = keep_headers({name.lower(): value for name, value in self._headers.items()})
        self._note(parse_answer(self._status, stored, list(self._decompressed()), seconds))

    def _decompressed(self) -> Iterator[Piece]:
        """Yield each piece decompressed, with the time of the last bytes that it is made of."""
        moment = 0.0

        def arrived() -> Iterator[bytes]:
            nonlocal moment
            for arrival, piece in self._pieces:
                moment = arrival
                yield piece

        try:
            for piece in self._library.Response(200, headers=self._headers, content=arrived()).iter_bytes():
                yield moment, piece
        except self._library.DecodingError:
            return  # the answer was cut; it is noted as far as it goes


class LiveStream(_Stream):
    """The body of an answer from the network, unchanged. Closing it gives the connection back, and notes the answer."""

    def __init__(self, stream: Any, collector: Collector) -> None:
        self._stream = stream
        self._collector = collector

    def __iter__(self) -> Iterator[bytes]:
        with self._collector.note_failure():
            yield from map(self._collector.add, self._stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._collector.note_failure():
            async for piece in self._stream:
                yield self._collector.add(piece)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._collector.finish()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._collector.finish()
