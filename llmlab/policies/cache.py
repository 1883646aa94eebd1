"""Answer the same request once: from memory or from a file, without sending it again.

Stored is the service's own answer, so a stream comes back as a stream. Errors, broken streams and unfinished answers
are not stored. Requests must be equal; a similar one is another request.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from asyncio import wait_for, wrap_future
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from llmlab.errors import ConfigurationError, LLMError
from llmlab.formats.parsing import read_json
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.cache_store import MemoryStore, SqliteStore, Store
from llmlab.policies.cached_response import HEADERS, CachedResponse, OpenCached
from llmlab.transport.base import WireReply
from llmlab.transport.driver import Flow, Wait
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.validation import is_count, is_number

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
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._in_flight: dict[str, _InFlight] = {}
        self._hits = self._misses = self._shared = self._saved = 0

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Return a stored answer, or send the call and store its answer."""
        if call.request.tools and not self._tools:
            return (yield from inner(call))
        key = key_of(call)
        stored, shared = self._find(key), False
        while stored is None and (other := self._join_in_flight(key, call)) is not None:
            yield Wait(_Turn(other, call.remaining()))
            call.remaining()
            stored, shared = self._find(key), True
            if not other.was_cancelled:
                # After an error each sends its own: one after the other, they would wait for it again and again.
                break
        if stored is None:
            return (yield from self._send(key, call, inner))
        call.at_end(lambda completion, _error: self._count_hit(completion, shared))
        call.headers = HEADERS
        if call.stream:
            return (yield from call.prime((yield OpenCached(stored, self._pace))))
        return call.decode(WireReply(200, HEADERS, stored.body))

    def clear(self) -> None:
        """Forget all answers."""
        self._store.clear()

    def close(self) -> None:
        """Close the file, if there is one."""
        self._store.close()

    @property
    def stats(self) -> CacheStats:
        """Counts since this cache was created."""
        with self._lock:
            return CacheStats(self._hits, self._misses, self._shared, len(self._store), self._saved)

    def __repr__(self) -> str:
        stats = self.stats
        return f"Cache({stats.entries} answers, {stats.hits} hits, {stats.misses} misses)"

    def _find(self, key: str) -> CachedResponse | None:
        text = self._store.get(key, self._clock() - self._ttl if self._ttl is not None else float("-inf"))
        if text is None:
            return None
        try:
            entry: dict[str, Any] = read_json(text, halves=True)
            return CachedResponse(entry["body"], tuple(map(tuple, entry["events"])), tuple(entry["times"]))
        except (ValueError, KeyError, TypeError):
            return None  # Another program wrote it.

    def _put(self, key: str, response: CachedResponse) -> None:
        # Not by asdict, which copies all of an answer before it is written.
        parts = {"body": response.body, "events": response.events, "times": response.times}
        self._store.put(key, _encode(parts), self._clock())

    def _join_in_flight(self, key: str, call: Call) -> _InFlight | None:
        """Return the same request if it is in flight; else note that this one is. Streams share none."""
        if call.stream:
            return None
        with self._lock:
            if (other := self._in_flight.get(key)) is not None:
                other.join()
                return other
            mine = self._in_flight[key] = _InFlight()
        call.at_end(lambda completion, error: self._done(key, mine, completion is None and error is None))
        return None

    def _done(self, key: str, request: _InFlight, was_cancelled: bool) -> None:
        request.was_cancelled = was_cancelled
        with self._lock:
            self._in_flight.pop(key, None)
        if request.ended is not None:
            request.ended.set_result(None)

    def _send(self, key: str, call: Call, inner: Inner) -> Flow[Answer]:
        with self._lock:
            self._misses += 1
        answer = yield from inner(call)
        if not isinstance(answer, Completion):
            call.at_end(lambda completion, error: self._put_stream(key, answer, completion, error))
        elif isinstance(answer.raw_response, Mapping) and answer.finish_reason in _COMPLETE:
            self._put(key, CachedResponse(answer.raw_response))
        return answer

    def _put_stream(self, key: str, state: StreamState, completion: Completion | None, error: LLMError | None) -> None:
        if error or not completion or not state.decoder.finished or completion.finish_reason not in _COMPLETE:
            return
        groups, begin = [], 0
        for count in state.group_sizes:
            groups.append(tuple(state.events[begin : begin + count]))
            begin += count
        self._put(key, CachedResponse(None, tuple(groups), tuple(state.group_times)))

    def _count_hit(self, completion: Completion | None, shared: bool) -> None:
        with self._lock:
            self._hits += 1
            self._shared += shared
            self._saved += completion.usage.total_tokens if completion else 0


class _InFlight:
    """A request in flight, for which others may wait."""

    __slots__ = ("ended", "thread", "was_cancelled")

    def __init__(self) -> None:
        self.was_cancelled = False
        self.thread = threading.get_ident()
        self.ended: Future[None] | None = None

    def join(self) -> None:
        """Create the future for those who wait, which most requests do not need."""
        if self.ended is None:
            self.ended = Future()
            # From now on nobody who stops waiting can cancel it for the others.
            self.ended.set_running_or_notify_cancel()


@dataclass(frozen=True, slots=True)
class _Turn:
    """A wait for another's request, of so many seconds at most."""

    request: _InFlight
    seconds: float | None

    def wait(self) -> None:
        # A blocking call inside an event loop would wait for a task of that very loop, for ever.
        if self.request.ended and self.request.thread != threading.get_ident():
            wait([self.request.ended], self.seconds)

    async def wait_async(self) -> None:
        if self.request.ended:
            with suppress(TimeoutError):
                await wait_for(wrap_future(self.request.ended), self.seconds)


def key_of(call: Call) -> str:
    """Return the key of a call: equal for equal requests to one service, without its API key."""
    parts = [call.provider, call.base_url, call.format.path, call.stream, call.body]
    return hashlib.sha256(_canonical(parts).encode(errors="surrogatepass")).hexdigest()
