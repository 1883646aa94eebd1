"""Carry wire JSON to a service and back: one httpx2 client, one TLS context for the whole process."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import httpx2

from llmlab.errors import LLMConnectionError, LLMTimeoutError
from llmlab.formats.sse import Framing
from llmlab.transport.base import WireReply, WireRequest, WireStream

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection at most, however long the answer may take."""


class HttpTransport:
    """The transport that llmlab makes itself.

    Clients are made on first use. Each event loop gets an async client of its own, because a connection cannot
    outlive its loop.

    Args:
        base_url: where the service is.
        headers: sent with every request; the key is among them.
        timeout: seconds to wait for the next sign of life.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._options: dict[str, Any] = {
            "headers": dict(headers),
            "timeout": _timeout(timeout),
            "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=100),
        }
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )

    def send(self, request: WireRequest) -> WireReply:
        """Send a request and return the whole answer."""
        url, started = self._base_url + request.path, time.perf_counter()
        with translated(url):
            if request.timeout is None:
                response, content = self._sync().request(request.method, _parsed(url), **request.content()), None
            else:
                response = self._sync().send(self._built(self._sync(), request), stream=True)
                content = _read_in_time(response, started + request.timeout)
        return read_reply(response, started, content)

    async def send_async(self, request: WireRequest) -> WireReply:
        """The async twin of `send`."""
        url, started = self._base_url + request.path, time.perf_counter()
        with translated(url):
            async with asyncio.timeout(request.timeout):
                response = await self._async().request(request.method, _parsed(url), **request.content())
        return read_reply(response, started)

    def open(self, request: WireRequest) -> WireStream | WireReply:
        """Send a request and return the answer while it is still coming."""
        client, url, started = self._sync(), self._base_url + request.path, time.perf_counter()
        with translated(url):
            response = client.send(self._built(client, request), stream=True)
            if response.status_code < 400:
                return HttpStream(response, request.framing(), started, translated(url))
            response.read()
        return read_reply(response, started)

    async def open_async(self, request: WireRequest) -> WireStream | WireReply:
        """The async twin of `open`."""
        client, url, started = self._async(), self._base_url + request.path, time.perf_counter()
        with translated(url):
            async with asyncio.timeout(request.timeout):
                response = await client.send(self._built(client, request), stream=True)
            if response.status_code < 400:
                return HttpStream(response, request.framing(), started, translated(url))
            await response.aread()
        return read_reply(response, started)

    def close(self) -> None:
        """Close the connections of sync calls."""
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close the connections of sync calls and of async calls on this event loop."""
        self.close()
        if client := self._async_clients.pop(asyncio.get_running_loop(), None):
            await client.aclose()

    def __repr__(self) -> str:
        return f"HttpTransport({self._base_url!r})"

    def _built(self, client: httpx2.Client | httpx2.AsyncClient, request: WireRequest) -> httpx2.Request:
        timeout = _timeout(self._timeout if request.timeout is None else min(self._timeout, request.timeout))
        url = _parsed(self._base_url + request.path)
        return client.build_request(request.method, url, **request.content(), timeout=timeout)

    def _sync(self) -> httpx2.Client:
        # Threads that come first at the same moment must share one client, or all but one would leak.
        with self._lock:
            if self._client is None or self._client.is_closed:
                self._client = httpx2.Client(verify=_tls(self._base_url), **self._options)
            return self._client

    def _async(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._async_clients.get(loop)
        if client is None or client.is_closed:
            client = httpx2.AsyncClient(verify=_tls(self._base_url), **self._options)
            self._async_clients[loop] = client
        return client


class HttpStream:
    """The events of one HTTP answer, as they arrive."""

    def __init__(self, response: Any, framing: Framing, started: float, translated: Any) -> None:
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._framing = framing
        self._started = started
        self._translated = translated
        # The tape knows how long an answer took when it was recorded.
        self._recorded: Callable[[], float] | None = response.extensions.get("llmlab.elapsed")

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        feed = self._framing.feed
        with self._translated:
            for piece in self._response.iter_bytes():
                if events := feed(piece):
                    yield events
        if events := self._framing.flush():
            yield events

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        feed = self._framing.feed
        with self._translated:
            async for piece in self._response.aiter_bytes():
                if events := feed(piece):
                    yield events
        if events := self._framing.flush():
            yield events

    def elapsed(self) -> float:
        """Return the seconds from the request to the last piece that arrived."""
        return self._recorded() if self._recorded else time.perf_counter() - self._started

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self._response.aclose()


@lru_cache(maxsize=64)
def _timeout(seconds: float) -> httpx2.Timeout:
    """Return seconds to wait for the next sign of life as httpx2 wants them."""
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT))


def _read_in_time(response: httpx2.Response, end: float) -> bytes:
    """Read an answer. A timeout of httpx2 begins anew with each piece, so a dripping answer needs a look at the clock.

    Raises:
        TimeoutError: at the second `end` of the performance counter.
    """
    content = bytearray()
    try:
        for piece in response.iter_bytes():
            content += piece
            if time.perf_counter() > end:
                raise TimeoutError("the deadline passed while the answer was arriving")
    finally:
        response.close()
    return bytes(content)


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx2.URL:
    """Return an address as httpx2 wants it. Parsing one takes 10 µs of each call, so once is enough."""
    return httpx2.URL(url)


@cache
def _tls_context() -> ssl.SSLContext:
    # Reading the certificates takes 20 to 50 ms; once a process is enough.
    return httpx2.create_ssl_context()


def _tls(base_url: str) -> ssl.SSLContext:
    # Plain http needs no certificates. The empty context would trust nobody, so nothing is weakened.
    return _tls_context() if base_url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def read_reply(response: Any, started: float, content: bytes | None = None) -> WireReply:
    """Return a response that has been read to its end as a `WireReply`.

    Args:
        response: httpx2's.
        started: when it was asked for, on the performance counter.
        content: its body, where that was read by hand.
    """
    recorded = response.extensions.get("llmlab.elapsed")
    try:
        body = json.loads(response.content if content is None else content)
    except ValueError:
        body = response.text if content is None else content.decode(errors="replace")
    elapsed = recorded() if recorded else time.perf_counter() - started
    # A plain dict: they are looked at again and again on the way, and those of httpx2 decode them each time.
    return WireReply(response.status_code, dict(response.headers.items()), body, elapsed)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn what httpx2 raises into `LLMConnectionError` and `LLMTimeoutError`."""
    where = url.partition("?")[0]
    try:
        yield
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise LLMTimeoutError(
            f"{where} did not answer in time ({type(error).__name__}). Try again, or give more time: timeout=<seconds>."
        ) from error
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        raise LLMConnectionError(
            f"no answer from {where}: {error}. Is the address right, and the server running?"
        ) from error
