"""Patches httpx and httpx2: while a tape is on, their transports ask it for the answer to each request.

`HTTPTransport.handle_request` and `AsyncHTTPTransport.handle_async_request` are patched on the class, so every client
is covered, made before or after, whatever SDK owns it. Mock and ASGI transports are left alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, TypeAlias

import httpx
import httpx2

from llmlab.lab.faults.damage import Arrival
from llmlab.lab.tape.body_streams import AsyncLiveStream, AsyncTapeStream, Collector, LiveStream, TapeStream
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.tape.request_parser import to_tape_request
from llmlab.lab.tape.tape import Tape

Handler: TypeAlias = Callable[[Any, Any], Any]


class TransportPatch:
    """The patches of one lab; without a tape they let everything pass."""

    def __init__(self) -> None:
        self.tape: Tape | None = None
        self.open_streams: set[Collector] = set()
        self._lock = threading.Lock()
        self._patched: list[tuple[type, str, Any, Any]] = []

    def install(self, tape: Tape) -> None:
        """Let `tape` answer from now on, in place of any other one."""
        with self._lock:
            self.tape = tape
            if self._patched:
                return
            for library in dict.fromkeys((httpx, httpx2)):  # the same module, if httpx2 stands in for httpx
                self._patch(library.HTTPTransport, "handle_request", _sync, library)
                self._patch(library.AsyncHTTPTransport, "handle_async_request", _async, library)

    def uninstall(self) -> None:
        """Restore the transports. Without a tape, this changes nothing."""
        with self._lock:
            self.tape = None
            covered = []
            for owner, name, original, ours in self._patched:
                if owner.__dict__.get(name) is ours:
                    setattr(owner, name, original)
                else:
                    # Another library has patched over ours and still calls it, so ours stays.
                    covered.append((owner, name, original, ours))
            self._patched = covered

    def finish_streams(self) -> None:
        """Note the answers of the network that were neither read to their end nor closed."""
        for collector in list(self.open_streams):
            collector.finish()

    def _patch(self, owner: type, name: str, wrap: Callable[..., Any], library: ModuleType) -> None:
        original = owner.__dict__[name]
        ours = wrap(self, original, library)
        setattr(owner, name, ours)
        self._patched.append((owner, name, original, ours))


def _sync(patch: TransportPatch, original: Handler, library: ModuleType) -> Handler:
    def handle_request(transport: Any, request: Any) -> Any:
        tape = patch.tape
        if tape is None:
            return original(transport, request)
        exchange, arrival = _ask(tape, request, request.read())
        if arrival is not None:
            stream = TapeStream(exchange, arrival, tape.pace, library, request)
            if arrival.answer is None:
                deque(stream, maxlen=0)  # nobody answers: wait, then raise
            return stream.response()
        collector = Collector(exchange, library, partial(tape.finish, exchange), patch.open_streams)
        with collector.note_failure():
            response = original(transport, request)
        response.stream = LiveStream(response.stream, collector.open(response))
        return response

    return handle_request


def _async(patch: TransportPatch, original: Handler, library: ModuleType) -> Handler:
    async def handle_async_request(transport: Any, request: Any) -> Any:
        tape = patch.tape
        if tape is None:
            return await original(transport, request)
        exchange, arrival = _ask(tape, request, await request.aread())
        if arrival is not None:
            stream = AsyncTapeStream(exchange, arrival, tape.pace, library, request)
            if arrival.answer is None:
                [piece async for piece in stream]  # nobody answers: wait, then raise
            return stream.response()
        collector = Collector(exchange, library, partial(tape.finish, exchange), patch.open_streams)
        with collector.note_failure():
            response = await original(transport, request)
        response.stream = AsyncLiveStream(response.stream, collector.open(response))
        return response

    return handle_async_request


def _ask(tape: Tape, request: Any, content: bytes) -> tuple[Exchange, Arrival | None]:
    exchange = tape.begin(to_tape_request(request.method, request.url, request.headers, content))
    limit = request.extensions.get("timeout", {}).get("read")
    return exchange, tape.arriving(exchange, request.url.host, limit)
