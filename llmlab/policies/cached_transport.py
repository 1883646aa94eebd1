"""A kept answer as a transport: what arrived over the wire once arrives again, with its pace or at once."""

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
class Kept:
    """One answer, as it came over the wire.

    Args:
        body: the wire JSON of a whole answer; None for a stream.
        events: the events of a stream, in the groups in which they arrived.
        times: seconds from the request to each group.
    """

    body: Mapping[str, Any] | None = None
    events: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    times: tuple[float, ...] = ()


class CachedTransport:
    """Answers every request with one kept answer.

    Args:
        kept: the answer.
        pace: factor on the times between the pieces of a stream; 0 gives them at once.
    """

    def __init__(self, kept: Kept, pace: float) -> None:
        self._kept = kept
        self._pace = pace

    def send(self, request: WireRequest) -> WireReply:
        """Return the kept answer."""
        return WireReply(200, HEADERS, self._kept.body)

    async def send_async(self, request: WireRequest) -> WireReply:
        """The async twin of `send`."""
        return self.send(request)

    def open(self, request: WireRequest) -> ReplayStream:
        """Return the kept stream, from its beginning."""
        return ReplayStream(self._kept, self._pace)

    async def open_async(self, request: WireRequest) -> ReplayStream:
        """The async twin of `open`."""
        return self.open(request)

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""


class ReplayStream:
    """The pieces of a kept stream."""

    def __init__(self, kept: Kept, pace: float) -> None:
        self.headers: Mapping[str, str] = HEADERS
        self._kept = kept
        self._pace = pace
        self._elapsed = 0.0

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        for wait, events in self._pieces():
            if wait:
                time.sleep(real_seconds(wait))
            yield events

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        for wait, events in self._pieces():
            if wait:
                await asyncio.sleep(real_seconds(wait))
            yield events

    def _pieces(self) -> Iterator[tuple[float, list[dict[str, Any]]]]:
        for seconds, events in zip(self._kept.times, self._kept.events, strict=True):
            wait, self._elapsed = seconds * self._pace - self._elapsed, seconds * self._pace
            yield max(0.0, wait), [dict(event) for event in events]

    def elapsed(self) -> float:
        """Return the seconds that it took up to the last piece, at the pace of the replay."""
        return self._elapsed

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
