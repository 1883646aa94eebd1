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

from llmlab.lab.tape.body_streams import Collector, TapeStream
from llmlab.lab.tape.request_parser import to_tape_request
from llmlab.lab.tape.tape import Tape

Handler: TypeAlias = Callable[[Any, Any], Any]


class TransportPatch:
    """The patches of one lab; without a tape they let everything pass."""

    def __init__(self) -> None:
        self.tape: Tape | None = None
        self._unfinished: set[Collector] = set()
        self._lock = threading.Lock()
        self._patched: dict[tuple[type, str], tuple[Handler, Handler]] = {}

    def install(self, tape: Tape) -> None:
        """Let `tape` answer from now on, in place of any other one."""
        with self._lock:
            self.tape = tape
            for library in (httpx, httpx2):
                self._patch(library.HTTPTransport, "handle_request", self._sync, library)
                self._patch(library.AsyncHTTPTransport, "handle_async_request", self._async, library)

    def uninstall(self) -> None:
        """Restore the transports. Without a tape, this changes nothing."""
        with self._lock:
            self.tape = None
            for (owner, name), (original, ours) in list(self._patched.items()):
                # If another library has patched over ours, it still calls it, so ours stays.
                if owner.__dict__.get(name) is ours:
                    setattr(owner, name, original)
                    del self._patched[owner, name]

    def finish_streams(self) -> None:
        """Note the answers of the network that were neither read to their end nor closed."""
        for collector in list(self._unfinished):
            collector.finish()

    def _patch(self, owner: type, name: str, wrap: Callable[[Handler, ModuleType], Handler], library: Any) -> None:
        if (owner, name) not in self._patched:
            original = owner.__dict__[name]
            ours = wrap(original, library)
            setattr(owner, name, ours)
            self._patched[owner, name] = original, ours

    def _sync(self, original: Handler, library: ModuleType) -> Handler:
        def handle_request(transport: Any, request: Any) -> Any:
            tape = self.tape
            if tape is None:
                return original(transport, request)
            source = self._ask(tape, library, request, request.read())
            if isinstance(source, TapeStream):
                return source.response() or deque(source, maxlen=0)  # nobody answers: it waits, then raises
            with source.note_failure():
                response = original(transport, request)
            return source.listen(response)

        return handle_request

    def _async(self, original: Handler, library: ModuleType) -> Handler:
        async def handle_async_request(transport: Any, request: Any) -> Any:
            tape = self.tape
            if tape is None:
                return await original(transport, request)
            source = self._ask(tape, library, request, await request.aread())
            if isinstance(source, TapeStream):
                return source.response() or [piece async for piece in source]  # nobody answers: it waits, then raises
            with source.note_failure():
                response = await original(transport, request)
            return source.listen(response)

        return handle_async_request

    def _ask(self, tape: Tape, library: ModuleType, request: Any, content: bytes) -> TapeStream | Collector:
        """Return what the tape answers, or what listens while the network answers."""
        exchange = tape.begin(to_tape_request(request.method, request.url, request.headers, content))
        limit = request.extensions.get("timeout", {}).get("read")
        arrival = tape.arriving(exchange, request.url.host, limit)
        if arrival is None:
            return Collector(exchange, library, partial(tape.finish, exchange), self._unfinished)
        return TapeStream(exchange, arrival, tape.pace, library, request)
