"""A cached answer as a transport: it arrives again as it came over the wire, with its pace or at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmlab._utils.clock import real_seconds
from llmlab.transport.base import WireReply, WireRequest

HEADERS: Final[Mapping[str, str]] = {"x-llmlab-source": "cached"}


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """One answer, as it came over the wire.

    Args:
        body: the wire JSON of a whole answer; None for a stream.
        events: the events of a stream, in the groups in which they arrived.
        times: seconds from the request to each group.
    """

    body: Mapping[str, Any] | None = None
    events: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    times: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CachedTransport:
    """Answers every request with one cached response.

    Args:
        response: the answer.
        pace: factor on the times between the chunks of a stream; 0 gives them at once.
    """

    response: CachedResponse
    pace: float

    def send(self, request: WireRequest) -> WireReply:
        return WireReply(200, HEADERS, self.response.body)

    async def send_async(self, request: WireRequest) -> WireReply:
        return self.send(request)

    def open(self, request: WireRequest) -> CachedStream:
        return CachedStream(self.response, self.pace)

    async def open_async(self, request: WireRequest) -> CachedStream:
        return self.open(request)

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""


class CachedStream:
    """The events of a cached stream."""

    headers: Mapping[str, str] = HEADERS

    def __init__(self, response: CachedResponse, pace: float) -> None:
        self._response = response
        self._pace = pace
        self._elapsed = 0.0

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        for wait, events in self._groups():
            if wait:
                time.sleep(real_seconds(wait))
            yield events

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        for wait, events in self._groups():
            if wait:
                await asyncio.sleep(real_seconds(wait))
            yield events

    def _groups(self) -> Iterator[tuple[float, list[dict[str, Any]]]]:
        for seconds, events in zip(self._response.times, self._response.events, strict=True):
            wait, self._elapsed = seconds * self._pace - self._elapsed, seconds * self._pace
            yield max(0.0, wait), [dict(event) for event in events]

    def elapsed(self) -> float:
        """Return the seconds up to the last events, at the pace of the replay."""
        return self._elapsed

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
