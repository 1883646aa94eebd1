"""Deadlines to the second: each wait of httpx2 has the rest of the deadline as its limit.

httpx2 hands the numbers of a request's extension `timeout` down to its network backend unchanged (documentation of
httpx, "Extensions"). Here they are numbers that know when all must be over, and backends that ask them before every
wait. Without them a limit would begin anew with each byte that arrives.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from time import perf_counter
from typing import Any, Self

import httpcore2

from llmlab._utils.abandon import call_within, call_within_async

_PIECE = 65_536
"""Bytes of a request that are sent before the deadline is looked at again."""


class TimeLeft(float):
    """Seconds to wait for the next sign of life, and when all must be over.

    Args:
        seconds: to wait at most.
        end: when all must be over, on the performance counter.
    """

    end: float

    def __new__(cls, seconds: float, end: float) -> Self:
        number = super().__new__(cls, seconds)
        number.end = end
        return number

    @property
    def left(self) -> float:
        """How long a wait that begins now may take; 0 or less after the end."""
        return min(self, self.end - perf_counter())


def seconds_left(limit: float | None) -> float | None:
    """Return how long a wait that begins now may take; None for ever."""
    if not isinstance(limit, TimeLeft):
        return limit
    if (left := limit.left) <= 0:
        raise httpcore2.ReadTimeout("the deadline has passed")
    return left


def keep_deadlines(client: Any) -> None:
    """Make a client of httpx2 keep deadlines. A client with a transport of another kind stays as it is."""
    mounts = getattr(client, "_mounts", None)
    # A mock has any attribute, and none of them is a dict.
    for transport in (getattr(client, "_transport", None), *(mounts.values() if isinstance(mounts, dict) else ())):
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore2.ConnectionPool):
            pool._network_backend = Backend()
        elif isinstance(pool, httpcore2.AsyncConnectionPool):
            pool._network_backend = AsyncBackend()


class Backend(httpcore2.SyncBackend):
    """The sockets of httpx2. The limit of connecting is one for the look-up of the name and all its addresses."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> Stream:
        limit = _total(timeout)
        with _look_up_errors():
            addresses = call_within(seconds_left(limit), _look_up, host, port) if _is_name(host) else [host]
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for number, address in enumerate(addresses):
            left = seconds_left(limit)
            share = None if left is None else left / (len(addresses) - number)
            stream: httpcore2.NetworkStream | None = None
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
                return Stream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            except BaseException:
                if stream is not None:
                    stream.close()
                raise
        raise failure


class AsyncBackend(httpcore2.AnyIOBackend):
    """The async twin of `Backend`."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> AsyncStream:
        limit = _total(timeout)
        if _is_name(host):
            # The event loop looks it up once more, and tries the addresses side by side. Its own look-up alone would
            # not do: at its end, a loop waits for the threads of its pool.
            with _look_up_errors():
                await call_within_async(seconds_left(limit), _look_up, host, port)
        left = seconds_left(limit)
        return AsyncStream(await super().connect_tcp(host, port, left, local_address, socket_options))


class Stream(httpcore2.NetworkStream):
    """A connection. Each of its waits asks how much time is left."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, seconds_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], seconds_left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Stream:
        return Stream(self._stream.start_tls(ssl_context, server_hostname, seconds_left(timeout)))


class AsyncStream(httpcore2.AsyncNetworkStream):
    """The async twin of `Stream`."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, seconds_left(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, seconds_left(timeout))

    async def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncStream:
        return AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, seconds_left(timeout)))


def _total(timeout: float | None) -> TimeLeft | None:
    if timeout is None or isinstance(timeout, TimeLeft):
        return timeout
    return TimeLeft(timeout, perf_counter() + timeout)


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _look_up(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


@contextmanager
def _look_up_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout("the look-up of the name took too long") from error
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from error
