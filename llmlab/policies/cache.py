"""Ask once: the same request gets the same answer again, from memory or from a file, without being sent.

What is kept is the wire's own answer, so a stream comes back as a stream. Errors, broken streams and unfinished answers
are never kept. Two answers that only mean the same are not found; that would be another kind of cache.
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
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.cache_store import MemoryStore, SqliteStore, Store
from llmlab.policies.cached_transport import CachedTransport, Kept
from llmlab.transport.driver import Flow, Open, Send, Wait
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.validation import is_count, is_number

_WHOLE = ("stop", "length", "tool_calls", "content_filter", None)
"""Finish reasons of answers that would come like this again."""
# In ASCII, because an answer that was cut may end with half of a character, which no file of UTF-8 can hold.
_WRITTEN = json.JSONEncoder(separators=(",", ":")).encode
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=repr).encode


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache did.

    Args:
        hits: calls that were answered without being sent.
        misses: calls that were sent.
        shared: hits that waited for an identical request on its way.
        entries: answers that are kept.
        saved_tokens: tokens of the hits.
    """

    hits: int
    misses: int
    shared: int
    entries: int
    saved_tokens: int


class Cache:
    """Keeps answers and gives them again.

    Share one between providers, threads and tasks; several processes may share a file. Identical whole requests that
    are asked at the same time are sent once. A stream goes at its reader's pace, so nobody waits for another's.

    Args:
        path: of an SQLite file; None keeps answers in memory.
        ttl: seconds that an answer stays good; None for ever.
        max_entries: how many answers are kept; the least recently used one goes first.
        pace: factor on the times between the pieces of a kept stream: 1 as they came, 0 at once.
        tools: whether to keep answers to requests that offer tools. What a tool did is not done again.
        clock: gives the seconds of the wall clock.

    Raises:
        ConfigurationError: for numbers without sense, or a file that cannot be opened.
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
        self._flights: dict[str, _Flight] = {}
        self._hits = self._misses = self._shared = self._saved = 0

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Give a kept answer, or have the call sent and keep its answer."""
        if call.request.tools and not self._tools:
            return (yield from inner(call))
        key = key_of(call)
        kept, shared = self._find(key), False
        while kept is None and (flight := self._board(key, call)) is not None:
            yield Wait(_Turn(flight, call.remaining()))
            call.remaining()
            kept, shared = self._find(key), True
            if not flight.was_cancelled:
                # After an error each asks by himself: one after the other, they would wait for it again and again.
                break
        if kept is None:
            return (yield from self._sent(key, call, inner))
        call.at_end(lambda completion, _error: self._hit(completion, shared))
        transport = CachedTransport(kept, self._pace)
        if call.stream:
            return (yield from call.prime((yield Open(call.wire(), transport))))
        reply = yield Send(call.wire(), transport)
        call.headers = reply.headers
        return call.decode(reply)

    def clear(self) -> None:
        """Forget all answers."""
        self._store.clear()

    def close(self) -> None:
        """Close the file, if there is one."""
        self._store.close()

    @property
    def stats(self) -> CacheStats:
        """What this cache did so far."""
        with self._lock:
            return CacheStats(self._hits, self._misses, self._shared, len(self._store), self._saved)

    def __repr__(self) -> str:
        stats = self.stats
        return f"Cache({stats.entries} answers, {stats.hits} hits, {stats.misses} misses)"

    def _find(self, key: str) -> Kept | None:
        text = self._store.get(key, self._clock() - self._ttl if self._ttl is not None else float("-inf"))
        return None if text is None else _read(text)

    def _board(self, key: str, call: Call) -> _Flight | None:
        """Return the same request if it is on its way already; else note that this one is. Streams share none."""
        if call.stream:
            return None
        with self._lock:
            if (other := self._flights.get(key)) is not None:
                other.join()
                return other
            flight = self._flights[key] = _Flight()
        call.at_end(lambda completion, error: self._landed(key, flight, completion is None and error is None))
        return None

    def _landed(self, key: str, flight: _Flight, was_cancelled: bool) -> None:
        flight.was_cancelled = was_cancelled
        with self._lock:
            self._flights.pop(key, None)
        if flight.over is not None:
            flight.over.set_result(None)

    def _sent(self, key: str, call: Call, inner: Inner) -> Flow[Answer]:
        with self._lock:
            self._misses += 1
        answer = yield from inner(call)
        if isinstance(answer, Completion):
            if isinstance(answer.raw_response, Mapping) and answer.finish_reason in _WHOLE:
                self._keep(key, Kept(answer.raw_response))
            return answer
        call.at_end(lambda completion, error: self._ended(key, answer, completion, error))
        return answer

    def _ended(self, key: str, state: StreamState, completion: Completion | None, error: LLMError | None) -> None:
        if completion and not error and state.decoder.finished and completion.finish_reason in _WHOLE:
            self._keep(key, _of_stream(state))

    def _keep(self, key: str, kept: Kept) -> None:
        # Not by asdict, which copies an answer through and through before it is written.
        parts = {"body": kept.body, "events": kept.events, "times": kept.times}
        self._store.put(key, _WRITTEN(parts), self._clock())

    def _hit(self, completion: Completion | None, shared: bool) -> None:
        with self._lock:
            self._hits += 1
            self._shared += shared
            self._saved += completion.usage.total_tokens if completion else 0


class _Flight:
    """A request on its way, for which others may wait."""

    __slots__ = ("over", "thread", "was_cancelled")

    def __init__(self) -> None:
        self.was_cancelled = False
        self.thread = threading.get_ident()
        self.over: Future[None] | None = None

    def join(self) -> None:
        """Let somebody wait. Few requests are waited for, so only this makes what waiting needs."""
        if self.over is None:
            self.over = Future()
            # From now on nobody who stops waiting can cancel it for the others.
            self.over.set_running_or_notify_cancel()


@dataclass(frozen=True, slots=True)
class _Turn:
    """Waits for another's request, so many seconds at most."""

    flight: _Flight
    seconds: float | None

    def wait(self) -> None:
        # A blocking call inside an event loop would wait for a task of that very loop, for ever.
        if self.flight.over and self.flight.thread != threading.get_ident():
            wait([self.flight.over], self.seconds)

    async def wait_async(self) -> None:
        if self.flight.over:
            with suppress(TimeoutError):
                await wait_for(wrap_future(self.flight.over), self.seconds)


def key_of(call: Call) -> str:
    """Return what two calls have in common if the same answer is good for both. Keys of services are no part of it."""
    asked = [call.provider, call.base_url, call.format.path, call.stream, call.body]
    return hashlib.sha256(_CANONICAL(asked).encode(errors="surrogatepass")).hexdigest()


def _of_stream(state: StreamState) -> Kept:
    groups, begin = [], 0
    for count, _ in state.times:
        groups.append(tuple(state.events[begin : begin + count]))
        begin += count
    return Kept(None, tuple(groups), tuple(seconds for _, seconds in state.times))


def _read(text: str) -> Kept | None:
    """Return what was kept; None if another program wrote it."""
    try:
        found: dict[str, Any] = json.loads(text)
        return Kept(found["body"], tuple(map(tuple, found["events"])), tuple(found["times"]))
    except (ValueError, KeyError, TypeError):
        return None
