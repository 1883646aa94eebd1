"""Answer the same request once: from memory or from a file, without sending it again.

Stored is the service's own answer, so a stream comes back as a stream. Errors, broken streams and unfinished answers
are not stored. Requests must be equal; a similar one is another request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from asyncio import wait_for, wrap_future
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

from llmlab._utils.clock import now, real_seconds
from llmlab._utils.locks import Lock
from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import read_json
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.cache_store import MemoryStore, SqliteStore, Store
from llmlab.transport.base import WireReply
from llmlab.transport.driver import Flow, OpenStream, Wait
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.validation import is_count, is_number

HEADERS: Final[Mapping[str, str]] = {"x-llmlab-source": "cached"}
_COMPLETE = ("stop", "length", "tool_calls", "content_filter", None)
"""Finish reasons of answers that would come like this again."""
# In ASCII, because a cut answer may end with half of a character, which no UTF-8 file can hold.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=repr).encode


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counts of a cache.

    Args:
        hits: calls that were answered without being sent.
        misses: calls that were sent.
        shared: hits that waited for an identical request in flight.
        entries: stored answers.
        saved_tokens: tokens of the hits.
    """

    hits: int
    misses: int
    shared: int
    entries: int
    saved_tokens: int


class Cache:
    """Stores answers and returns them for equal requests.

    Share one between providers, threads and tasks; several processes may share a file. Identical whole requests at the
    same time are sent once. A stream goes at its reader's pace, so nobody waits for another's.

    Args:
        path: of an SQLite file; None stores answers in memory.
        ttl: seconds that an answer stays good; None for ever.
        max_entries: most stored answers; the least recently used one goes first.
        pace: factor on the times between the chunks of a stored stream: 1 as they came, 0 at once.
        tools: whether to store answers to requests that offer tools. What a tool did is not done again.
        clock: returns the seconds of the wall clock.

    Raises:
        ConfigurationError: for numbers out of range, or a file that cannot be opened.
    """

    kind: ClassVar[str] = "cache"

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        ttl: float | None = None,
        max_entries: int = 1000,
        pace: float = 0.0,
        tools: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not (is_count(max_entries) and is_number(pace) and (ttl is None or (is_number(ttl) and ttl))):
            raise ConfigurationError(
                "a cache needs max_entries of 1 or more, ttl above 0 seconds and pace of 0 or more"
            )
        self._store: Store = MemoryStore(max_entries) if path is None else SqliteStore(Path(path), max_entries)
        self._ttl = ttl
        self._pace = pace
        self._tools = tools
        self._clock = clock
        self._in_flight: dict[str, _InFlight] = {}
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Return a stored answer, or send the call and store its answer."""
        if call.request.tools and not self._tools:
            return (yield from inner(call))
        key, mine, shared = key_of(call), _InFlight(), False
        stored = self._find(key, call)
        if stored is None and not call.stream:
            call.at_end(partial(self._leave, key, mine))
            while stored is None and (other := self._in_flight.setdefault(key, mine)) is not mine:
                yield Wait(_Turn(other, call.remaining()))
                call.remaining()
                stored, shared = self._find(key, call), True
                if not other.was_cancelled:
                    # After an error each sends its own: one after the other, they would wait for it again and again.
                    break
        if stored is not None:
            try:
                answer = yield from self._answer(call, stored)
            except (LLMError, TypeError, ValueError, AttributeError, LookupError):
                # Another program wrote it, or it is damaged: it is asked for anew.
                call.remaining()
                self._store.drop(key)
            else:
                call.at_end(lambda completion, _: self._count(completion, hits=1, shared=shared))
                return answer
        return (yield from self._send(key, call, inner))

    def clear(self) -> None:
        """Forget all answers."""
        self._store.clear()

    def close(self) -> None:
        """Close the file, if there is one."""
        self._store.close()

    @property
    def stats(self) -> CacheStats:
        """Counts since this cache was created."""
        counts = self._counts
        return CacheStats(counts["hits"], counts["misses"], counts["shared"], len(self._store), counts["saved"])

    def __repr__(self) -> str:
        stats = self.stats
        return f"Cache({stats.entries} answers, {stats.hits} hits, {stats.misses} misses)"

    def _find(self, key: str, call: Call) -> _Stored | None:
        oldest = self._clock() - self._ttl if self._ttl is not None else float("-inf")
        text = self._store.get(key, oldest, call.remaining())
        try:
            return None if text is None else _Stored(**read_json(text, halves=True))
        except (ValueError, TypeError):
            return None  # Another program wrote it; the answer takes its place.

    def _answer(self, call: Call, stored: _Stored) -> Flow[Answer]:
        call.headers = HEADERS
        if call.stream:
            return (yield from call.prime((yield _Open(stored, self._pace, call.deadline))))
        return call.decode(WireReply(200, HEADERS, stored.body))

    def _send(self, key: str, call: Call, inner: Inner) -> Flow[Answer]:
        self._count(None, misses=1)
        answer = yield from inner(call)
        if not isinstance(answer, Completion):
            call.at_end(partial(self._put_stream, key, answer, call))
        elif isinstance(answer.raw_response, Mapping) and answer.finish_reason in _COMPLETE:
            self._put(key, call, {"body": answer.raw_response})
        return answer

    def _put_stream(
        self, key: str, state: StreamState, call: Call, completion: Completion | None, error: LLMError | None
    ) -> None:
        if error or not completion or not state.decoder.finished or completion.finish_reason not in _COMPLETE:
            return
        events = iter(state.events)
        groups = [list(islice(events, count)) for count in state.group_sizes]
        self._put(key, call, {"events": groups, "times": state.group_times})

    def _put(self, key: str, call: Call, parts: Mapping[str, Any]) -> None:
        left = None if call.deadline is None else max(0.0, call.deadline - now())
        self._store.put(key, _encode(parts), self._clock(), left)

    def _leave(self, key: str, mine: _InFlight, completion: Completion | None, error: LLMError | None) -> None:
        """End the wait of those who wait for this call, if it was sent. May be repeated."""
        mine.was_cancelled, mine.ended = completion is None and error is None, True
        if self._in_flight.get(key) is mine:
            self._in_flight.pop(key, None)
        for waiting in mine.waiting:
            with suppress(InvalidStateError):
                waiting.set_result(None)

    def _count(self, completion: Completion | None, **counts: int) -> None:
        self._lock.run(self._add, {**counts, "saved": completion.usage.total_tokens if completion else 0})

    def _add(self, counts: Mapping[str, int]) -> None:
        for name, count in counts.items():
            self._counts[name] += count


class _InFlight:
    """A request in flight, for which others may wait."""

    __slots__ = ("ended", "thread", "waiting", "was_cancelled")

    def __init__(self) -> None:
        self.ended = self.was_cancelled = False
        self.thread = threading.get_ident()
        self.waiting: list[Future[None]] = []

    def join(self) -> Future[None]:
        """Return what is done when the request has ended."""
        mine: Future[None] = Future()
        self.waiting.append(mine)
        if self.ended:
            with suppress(InvalidStateError):
                mine.set_result(None)
        return mine


@dataclass(frozen=True, slots=True)
class _Turn:
    """A wait for another's request, of so many seconds at most."""

    request: _InFlight
    seconds: float | None

    def wait(self) -> None:
        # A blocking call inside an event loop would wait for a task of that very loop, for ever.
        if self.request.thread != threading.get_ident():
            wait([self.request.join()], self.seconds)

    async def wait_async(self) -> None:
        with suppress(TimeoutError):
            await wait_for(wrap_future(self.request.join()), self.seconds)


@dataclass(frozen=True, slots=True)
class _Stored:
    """One answer, as it came over the wire.

    Args:
        body: the wire JSON of a whole answer; None for a stream.
        events: the events of a stream, in the groups in which they arrived.
        times: seconds from the request to each group.
    """

    body: Any = None
    events: Sequence[Sequence[Mapping[str, Any]]] = ()
    times: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class _Open:
    """Open a stored stream. The outcome is an `OpenStream`."""

    stored: _Stored
    pace: float
    deadline: float | None

    def run(self) -> OpenStream:
        stream = _CachedStream(self)
        return OpenStream(stream, iter(stream))

    async def run_async(self) -> OpenStream:
        stream = _CachedStream(self)
        return OpenStream(stream, aiter(stream))


class _CachedStream:
    headers: Mapping[str, str] = HEADERS

    def __init__(self, opening: _Open) -> None:
        self._opening = opening
        self._elapsed = 0.0

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        for seconds, events in self._groups():
            if seconds:
                time.sleep(real_seconds(seconds))
            yield events

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        for seconds, events in self._groups():
            if seconds:
                await asyncio.sleep(real_seconds(seconds))
            yield events

    def _groups(self) -> Iterator[tuple[float, list[dict[str, Any]]]]:
        stored, pace, deadline = self._opening.stored, self._opening.pace, self._opening.deadline
        for seconds, events in zip(stored.times, stored.events, strict=True):
            wait, self._elapsed = max(0.0, seconds * pace - self._elapsed), seconds * pace
            if deadline is not None and wait > (left := deadline - now()):
                # The reader finds that the time is over.
                yield max(0.0, left), []
                return
            yield wait, [dict(event) for event in events]

    def elapsed(self) -> float:
        return self._elapsed

    def close(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""

    finish, afinish = close, aclose


def key_of(call: Call) -> str:
    """Return the key of a call: equal for equal requests to one service, without its API key."""
    parts = [call.provider, call.base_url, call.format.path, call.stream, call.body]
    return hashlib.sha256(_canonical(parts).encode(errors="surrogatepass")).hexdigest()
