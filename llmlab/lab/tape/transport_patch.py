"""The seam: while a tape is in, the transports of httpx and httpx2 ask it for the answer to each request.

Patched are `HTTPTransport.handle_request` and `AsyncHTTPTransport.handle_async_request` of both libraries, on the
class, so that every client is covered, made before or after, and whatever SDK owns it. Transports that reach no
network of their own (mocks, ASGI) are left alone. Taking the tape out puts back exactly what was there. How bodies
flow is in `bodies.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import httpx
import httpx2

from llmlab.lab.faults.damage import Damage, whole
from llmlab.lab.tape.body_streams import AsyncLiveStream, AsyncTapeStream, Collector, Delivery, LiveStream, TapeStream
from llmlab.lab.tape.request_parser import to_tape_request
from llmlab.lab.tape.tape import Tape
from llmlab.lab.tape.trace import Exchange
from llmlab.lab.wire.bodies import CONTENT_TYPES

_lock = threading.Lock()
_tape: Tape | None = None
_patched: list[tuple[type, str, Any, Any]] = []


def install(tape: Tape) -> None:
    """Let `tape` answer from now on, in the place of any other one."""
    global _tape
    with _lock:
        _tape = tape
        if _patched:
            return
        for library in dict.fromkeys((httpx, httpx2)):  # one only, where httpx2 stands in for httpx
            _patch(library.HTTPTransport, "handle_request", _sync, library)
            _patch(library.AsyncHTTPTransport, "handle_async_request", _async, library)


def uninstall() -> None:
    """Put back what was there. Without a tape in, this changes nothing."""
    global _tape
    with _lock:
        _tape = None
        kept = []
        for owner, name, original, ours in _patched:
            if owner.__dict__.get(name) is ours:
                setattr(owner, name, original)
            else:
                # Somebody else has patched over it and still calls ours, which without a tape lets everything pass.
                kept.append((owner, name, original, ours))
        _patched[:] = kept


def _patch(owner: type, name: str, wrap: Callable[[Any, ModuleType], Any], library: ModuleType) -> None:
    original = owner.__dict__[name]
    ours = wrap(original, library)
    setattr(owner, name, ours)
    _patched.append((owner, name, original, ours))


def _sync(original: Callable[[Any, Any], Any], library: ModuleType) -> Callable[[Any, Any], Any]:
    def handle_request(transport: Any, request: Any) -> Any:
        tape = _tape
        if tape is None:
            return original(transport, request)
        exchange = _begin(tape, request, request.read())
        arriving = _arriving(tape, exchange, request)
        if arriving is not None:
            delivery = Delivery(exchange, arriving, tape.pace, library, request)
            stream = TapeStream(delivery)
            if arriving.answer is None:
                deque(stream, maxlen=0)  # nobody answers: waits, then raises
            return _response(library, exchange, stream, delivery)
        collector = Collector(tape, exchange, library)
        try:
            response = original(transport, request)
        except Exception as error:
            collector.failed(error)
            raise
        collector.opened(response)
        response.stream = LiveStream(response.stream, collector)
        return response

    return handle_request


def _async(original: Callable[[Any, Any], Awaitable[Any]], library: ModuleType) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle_async_request(transport: Any, request: Any) -> Any:
        tape = _tape
        if tape is None:
            return await original(transport, request)
        exchange = _begin(tape, request, await request.aread())
        arriving = _arriving(tape, exchange, request)
        if arriving is not None:
            delivery = Delivery(exchange, arriving, tape.pace, library, request)
            stream = AsyncTapeStream(delivery)
            if arriving.answer is None:
                [piece async for piece in stream]  # nobody answers: waits, then raises
            return _response(library, exchange, stream, delivery)
        collector = Collector(tape, exchange, library)
        try:
            response = await original(transport, request)
        except Exception as error:
            collector.failed(error)
            raise
        collector.opened(response)
        response.stream = AsyncLiveStream(response.stream, collector)
        return response

    return handle_async_request


def _begin(tape: Tape, request: Any, content: bytes) -> Exchange:
    return tape.begin(to_tape_request(request.method, request.url, request.headers, content))


def _arriving(tape: Tape, exchange: Exchange, request: Any) -> Damage | None:
    """Return what arrives without the network; None if the network shall answer."""
    limit = request.extensions.get("timeout", {}).get("read")
    damage = tape.damage(exchange, limit)
    if damage is None and not tape.lets_pass(exchange, request.url.host):
        return whole(tape.answer(exchange))
    return damage


def _response(library: ModuleType, exchange: Exchange, stream: Any, delivery: Delivery) -> Any:
    answer = exchange.answer
    assert answer is not None
    headers = {"content-type": CONTENT_TYPES[answer.framing], **answer.headers, "x-llmlab-source": answer.source}
    if exchange.fault:
        headers["x-llmlab-fault"] = exchange.fault
    if delivery.length is not None:
        headers["content-length"] = str(delivery.length)
    extensions = {"http_version": b"HTTP/1.1", "llmlab.elapsed": delivery.elapsed}
    return library.Response(answer.status, headers=headers, stream=stream, extensions=extensions)
