"""The health of the providers over HTTP, for load balancers and monitors.

One address for all (`/health`) and one for each (`/health/openai`). The status is 200 or 503, the body says why. The
providers are checked at most once in a while, however many requests arrive. Tornado serves the HTTP.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from llmlab.errors import ConfigurationError
from llmlab.providers.health import health_async
from llmlab.providers.health_report import HealthReport

PATH = "/health"


class HealthService:
    """Checks the providers on demand, and keeps the report for `every` seconds."""

    def __init__(self, names: tuple[str, ...], every: float, timeout: float) -> None:
        self._names = names
        self._every = every
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._report = HealthReport(())
        self._asked = self._good_until = float("-inf")

    async def report(self) -> HealthReport:
        """Return a report that is not older than `every` seconds. Requests at the same time share one."""
        clock = asyncio.get_running_loop().time
        came = clock()
        async with self._lock:
            if clock() >= self._good_until and self._asked < came:
                self._asked = clock()
                self._report = await health_async(*self._names, timeout=self._timeout)
                self._good_until = clock() + self._every
            return self._report

    async def serve(self, host: str, port: int, on_open: Callable[[int], object]) -> None:
        """Serve until the process gets SIGTERM.

        Raises:
            ConfigurationError: the port is taken.
        """
        stopping = asyncio.Event()
        with suppress(NotImplementedError):  # Windows has no SIGTERM to listen for
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        application = Application([(rf"{PATH}(?:/(.+))?", _Handler, {"service": self})], log_function=lambda _: None)
        server = HTTPServer(application)
        try:
            listener = socket.create_server((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be used: {error.strerror}. Choose another one: --port {port + 1}"
            ) from None
        listener.setblocking(False)
        server.add_socket(listener)
        try:
            on_open(listener.getsockname()[1])
            await stopping.wait()
        finally:
            server.stop()
            await server.close_all_connections()


class _Handler(RequestHandler):
    def initialize(self, service: HealthService) -> None:
        self._service = service

    async def get(self, name: str | None = None) -> None:
        report = await self._service.report()
        found = [one for one in report if name in (None, one.provider)]
        if not found:
            known = ", ".join(f"{PATH}/{one.provider}" for one in report)
            self._say(404, {"error": f"no provider named {name!r} is watched; there are {known}"})
        else:
            well = all(found)
            self._say(200 if well else 503, {"ok": well, "providers": [asdict(one) for one in found]})

    head = get

    def _say(self, status: int, body: dict[str, Any]) -> None:
        self.set_status(status)
        self.set_header("content-type", "application/json; charset=utf-8")
        self.set_header("cache-control", "no-store")
        self.finish(json.dumps(body, ensure_ascii=False) + "\n")
