"""An answer of httpx2 that is still arriving, and the errors of httpx2."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

import httpx2

from llmlab.errors import LLMConnectionError, LLMTimeoutError
from llmlab.formats.sse import Framing
from llmlab.transport.client import why_no_answer

HTTP_ERRORS = (httpx2.RequestError, httpx2.InvalidURL, TimeoutError)
"""What httpx2 and a deadline raise; see `translate`."""

LAST_SECONDS, LAST_PIECES = 0.05, 3
"""How long, and for how many pieces of bytes, a stream is read beyond its end marker."""


class HttpStream:
    """The events of one HTTP answer, as they arrive.

    Args:
        response: of httpx2, opened as a stream.
        framing: finds the events in its bytes.
        started: when it was requested, on the performance counter.
        url: for errors.
    """

    def __init__(self, response: Any, framing: Framing, started: float, url: str) -> None:
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._framing = framing
        self._started = started
        self._url = url
        self._pieces: Any = iter(())
        # The tape knows how long an answer took when it was recorded.
        self._recorded = response.extensions.get("llmlab.elapsed")

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        feed, self._pieces = self._framing.feed, self._response.iter_bytes()
        try:
            for piece in self._pieces:
                if events := feed(piece):
                    yield events
        except HTTP_ERRORS as error:
            raise translate(error, self._url) from error
        if events := self._framing.flush():
            yield events

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        feed, self._pieces = self._framing.feed, self._response.aiter_bytes()
        try:
            async for piece in self._pieces:
                if events := feed(piece):
                    yield events
        except HTTP_ERRORS as error:
            raise translate(error, self._url) from error
        if events := self._framing.flush():
            yield events

    def elapsed(self) -> float:
        """Return the seconds from the request to the last piece that arrived."""
        return self._recorded() if self._recorded else time.perf_counter() - self._started

    def finish(self) -> None:
        """Let the last bytes arrive, which come after the end marker: so the connection can be used again."""
        network = self._response.extensions.get("network_stream")
        with suppress(*HTTP_ERRORS), _patience(network):
            for _ in islice(self._pieces, LAST_PIECES):
                pass

    async def afinish(self) -> None:
        """The async twin of `finish`."""
        with suppress(*HTTP_ERRORS):
            async with asyncio.timeout(LAST_SECONDS):
                for _ in range(LAST_PIECES):
                    if await anext(self._pieces, None) is None:
                        break

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self._response.aclose()


@contextmanager
def _patience(network: Any) -> Iterator[None]:
    """Let reads of a connection wait for a moment only; httpx2 takes a limit for a whole answer."""
    if network is None:
        yield
        return
    read = network.read
    vars(network)["read"] = lambda size, timeout=None: read(size, LAST_SECONDS)
    try:
        yield
    finally:
        del network.read


def translate(error: Exception, url: str) -> LLMConnectionError:
    """Return the error of llmlab for one of `HTTP_ERRORS`."""
    where = url.partition("?")[0]
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        return LLMTimeoutError(
            f"{where} did not answer in time ({type(error).__name__}). Try again, or give more time: timeout=<seconds>."
        )
    return LLMConnectionError(
        f"no answer from {where}: {why_no_answer(url, error)}. Is the address right, and the server running?"
    )
