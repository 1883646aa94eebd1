"""How bodies flow: from the tape to a reader at the recorded pace, and from the network past the tape's ears.

Each kind of stream exists sync and async, and is a stream of both httpx and httpx2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2

from llmlab.lab.faults.damage import Damage
from llmlab.lab.tape.cassette import keep_headers
from llmlab.lab.tape.trace import Exchange
from llmlab.lab.wire.bodies import Piece, parse_answer

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream as _AsyncBase
    from httpx2 import SyncByteStream as _SyncBase

    from llmlab.lab.tape.tape import Tape
else:
    # httpx2 can stand in for httpx, and then the two are one class.
    _SyncBase = type("_SyncBase", tuple({httpx.SyncByteStream, httpx2.SyncByteStream}), {})
    _AsyncBase = type("_AsyncBase", tuple({httpx.AsyncByteStream, httpx2.AsyncByteStream}), {})

LONGEST_TIMEOUT = 2.0
"""Seconds that are really waited for an injected timeout, however patient the client is."""

_open: set[Collector] = set()


class Delivery:
    """An answer on its way to its reader: what comes next, and when.

    Args:
        exchange: where it is noted how much was read.
        arriving: what comes of the answer, piece by piece.
        pace: factor on the recorded waiting times.
        library: httpx or httpx2, whose exceptions are raised where the line breaks.
        request: the library's request, for the exception.
    """

    def __init__(self, exchange: Exchange, arriving: Damage, pace: float, library: ModuleType, request: Any) -> None:
        self._exchange = exchange
        self._arriving = arriving
        self._pace = pace
        self._library = library
        self._request = request
        self._started = time.monotonic()
        self._moment = 0.0

    @property
    def length(self) -> int | None:
        """Bytes of a plain body; None for a stream."""
        return self._arriving.length

    def elapsed(self) -> float:
        """Return the recorded seconds from the request to what was delivered last."""
        return self._moment

    def steps(self) -> Iterator[tuple[float, bytes]]:
        """Give (seconds still to wait, bytes) for each piece, and break where the line breaks.

        Raises:
            httpx.TransportError: of httpx or httpx2, if a fault wants it so.
        """
        arriving = self._arriving
        for moment, piece in arriving.pieces:
            wait = self._wait_for(moment)
            if arriving.length is None and piece:
                self._exchange.delivered += 1
            if arriving.failure == "ReadTimeout" and not piece:
                wait = min(wait, LONGEST_TIMEOUT * self._pace)
            yield wait, piece
        if arriving.failure:
            self._exchange.failure, self._exchange.took = arriving.failure, self._moment
            raise getattr(self._library, arriving.failure)(arriving.reason, request=self._request)

    def _wait_for(self, moment: float) -> float:
        self._moment = moment
        return max(0.0, self._started + moment * self._pace - time.monotonic())


class TapeStream(_SyncBase):
    """The body of an answer that the tape gives."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def __iter__(self) -> Iterator[bytes]:
        for wait, piece in self._delivery.steps():
            if wait:
                time.sleep(wait)
            yield piece


class AsyncTapeStream(_AsyncBase):
    """The async twin of `TapeStream`."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait, piece in self._delivery.steps():
            # Without a wait, too, so that other tasks get their turn as they do on a network.
            await anyio.sleep(wait)
            yield piece


class Collector:
    """Listens to an answer from the network, and notes it when it ends, however it ends.

    Args:
        tape: what notes it.
        exchange: what it is the answer to.
        library: httpx or httpx2, which undoes the compression.
    """

    def __init__(self, tape: Tape, exchange: Exchange, library: ModuleType) -> None:
        self._tape = tape
        self._exchange = exchange
        self._library = library
        self._pieces: list[Piece] = []
        self._lock = threading.Lock()
        self._response: Any = None
        self._started = time.monotonic()

    def opened(self, response: Any) -> None:
        """Note status and headers."""
        # Not the response itself, which leads to the connection; that must not be kept alive from here.
        self._response = (response.status_code, response.headers.copy())
        _open.add(self)

    def hear(self, piece: bytes) -> None:
        """Note bytes that have just arrived."""
        self._pieces.append((time.monotonic() - self._started, piece))

    def failed(self, error: Exception) -> None:
        """Note that the line broke."""
        self._exchange.failure, self._exchange.took = type(error).__name__, time.monotonic() - self._started

    def finish(self) -> None:
        """Note the whole answer, once."""
        with self._lock:
            if self not in _open:
                return
            _open.discard(self)
        status, headers = self._response
        pieces = list(self._decoded(headers))
        seconds = self._pieces[-1][0] if self._pieces else time.monotonic() - self._started
        kept = keep_headers({name.lower(): value for name, value in headers.items()})
        self._tape.finish(self._exchange, parse_answer(status, kept, pieces, seconds))

    def _decoded(self, headers: Any) -> Iterator[Piece]:
        """Undo the compression, and give each piece the moment of the last bytes it was made of."""
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
            return  # what was cut off in the middle is noted as far as it goes


class LiveStream(_SyncBase):
    """The body of an answer from the network, untouched."""

    def __init__(self, stream: Any, collector: Collector) -> None:
        self._stream = stream
        self._collector = collector

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._stream:
                self._collector.hear(piece)
                yield piece
        except Exception as error:
            self._collector.failed(error)
            raise

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
        try:
            async for piece in self._stream:
                self._collector.hear(piece)
                yield piece
        except Exception as error:
            self._collector.failed(error)
            raise

    async def aclose(self) -> None:
        """Give the connection back, and note the answer."""
        try:
            await self._stream.aclose()
        finally:
            self._collector.finish()


def finish_streams() -> None:
    """Note the answers that nobody has read to their end or closed."""
    for collector in list(_open):
        collector.finish()
