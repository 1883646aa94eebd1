"""A stored answer, and the step that opens a stored stream again, with its pace or at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmlab._utils.clock import real_seconds
from llmlab.transport.driver import OpenStream

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
class OpenCached:
    """Open a stored stream; `pace` is a factor on the times between its chunks. The outcome is an `OpenStream`."""

    response: CachedResponse
    pace: float

    def run(self) -> OpenStream:
        stream = _CachedStream(self.response, self.pace)
        return OpenStream(stream, iter(stream))

    async def run_async(self) -> OpenStream:
        stream = _CachedStream(self.response, self.pace)
        return OpenStream(stream, aiter(stream))


class _CachedStream:
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
        return self._elapsed

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""

    finish, afinish = close, aclose
