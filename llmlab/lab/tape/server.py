"""The simulator over real HTTP, on loopback: for curl, Node, other SDKs and other languages.

One port serves all services, each below a path of its own (`BASES`). Answers come at the simulator's pace, streams
piece by piece, and say in a header that they are simulated. Faults come by `--faults`, or for one request by the header
`x-llmlab-fault: rate_limit;retry_after=2`. A fault that means "nobody answers" closes the connection without an answer.
The HTTP itself is Tornado's. Left out: HTTPS, compression and CORS.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from http.client import responses
from types import TracebackType
from typing import Any, Final, Self

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import StreamClosedError

from llmlab.errors import ConfigurationError
from llmlab.lab.faults import FaultPlan, inject
from llmlab.lab.faults.damage import Arrival, whole
from llmlab.lab.simulator import simulate
from llmlab.lab.tape.exchange import Exchange
from llmlab.lab.wire.bodies import CONTENT_TYPES, read_body
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

HOST: Final = "127.0.0.1"
FAULT_HEADER: Final = "x-llmlab-fault"
BASES: Final = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "openrouter": "/openrouter/api/v1",
    "ollama": "/ollama",
    "local_gpt_oss": "/local/v1",
}
"""The base URL of each service, below the address of the server."""
MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of the largest request body."""

_ALIASES: Final = {base.split("/")[1]: alias for alias, base in BASES.items()}


class SimulatorServer:
    """A server that answers as five services do. `with SimulatorServer() as server:` runs it in a thread.

    Args:
        port: port to listen on; 0 takes a free one.
        faults: faults for every request: a plan of `llmlab.faults`, or its text as for `--faults`.
        pace: factor on the simulator's waiting times; 0 does not wait.
        log: called with a line for each request.
        answer: the function that answers; the shared simulator.

    Raises:
        ConfigurationError: unknown fault.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        faults: str | FaultPlan | None = None,
        pace: float = 1.0,
        log: Callable[[str], object] | None = None,
        answer: Callable[[TapeRequest], TapeAnswer] = simulate,
    ) -> None:
        self.port = port
        self._faults = FaultPlan(faults) if isinstance(faults, str) else faults
        self._pace = pace
        self._log = log
        self._answer = answer
        # The same header means the same plan, so that `times` counts over several requests.
        self._by_header = lru_cache(maxsize=1000)(FaultPlan)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://{HOST}:{self.port}"

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each service."""
        return {alias: self.url + base for alias, base in BASES.items()}

    def run(self, on_open: Callable[[], object]) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Args:
            on_open: called once the server listens.

        Raises:
            ConfigurationError: the port is taken.
            KeyboardInterrupt: after Ctrl-C, when everything is closed.
        """
        asyncio.run(self._serve(on_open))

    def __enter__(self) -> Self:
        opened: Future[None] = Future()

        def run() -> None:
            try:
                asyncio.run(self._serve(lambda: opened.set_result(None)))
            except ConfigurationError as error:
                opened.set_exception(error)

        self._thread = threading.Thread(target=run, daemon=True, name="llmlab simulator")
        self._thread.start()
        opened.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread:
            self._thread.join()

    async def _serve(self, on_open: Callable[[], object]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            with suppress(NotImplementedError):  # Windows has no SIGTERM to listen for
                self._loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        try:
            listener = socket.create_server((HOST, self.port), backlog=128)
        except OSError as error:
            raise ConfigurationError(
                f"port {self.port} cannot be used: {error.strerror}. Choose another one: --port {self.port + 1}"
            ) from None
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        server = HTTPServer(self._on_request, max_body_size=MAX_BODY, max_buffer_size=2 * MAX_BODY)
        server.add_socket(listener)
        try:
            on_open()
            await self._stopping.wait()
        finally:
            server.stop()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.close_all_connections()

    def _on_request(self, request: HTTPServerRequest) -> None:
        task = self._loop.create_task(self._respond(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, http: HTTPServerRequest) -> None:
        request = _tape_request(http)
        fault, arrival = self._arrival(request) if request else ("", _index(self.urls, http.path))
        if self._log:
            sent = request or TapeRequest(http.method or "GET", "", http.path)
            exchange = Exchange(0, sent, arrival.answer, fault=fault, failure=arrival.failure or "")
            self._log(exchange.summary if request else f"{sent.method} {sent.path} → {exchange.outcome}")
        with suppress(StreamClosedError):  # the client has left
            await self._deliver(http.connection, arrival, fault)

    def _arrival(self, request: TapeRequest) -> tuple[str, Arrival]:
        """Return the fault that meets a request, by name, and what arrives of the answer."""
        header = request.headers.get(FAULT_HEADER)
        try:
            plans = [self._by_header(header)] if header else []
        except ConfigurationError as error:
            return "", whole(_problem(400, error.message))
        plans += [self._faults] if self._faults else []
        fault = next((fault for plan in plans if (fault := plan.due(request))), None)
        if fault is None:
            return "", whole(self._answer(request))
        return fault.name, inject(fault, request, lambda: self._answer(request), None)

    async def _deliver(self, connection: Any, arrival: Arrival, fault: str) -> None:
        start, answer = self._loop.time(), arrival.answer
        head = _head(answer, arrival, fault) if answer else None
        # The head of a stream comes at once, that of a whole answer with its body.
        first = ((0.0, b""),) if arrival.length is None else ()
        for time, piece in (*first, *arrival.pieces):
            await asyncio.sleep(max(0.0, start + time * self._pace - self._loop.time()))
            if head:
                await connection.write_headers(*head)
                head = None
            if answer and piece:
                await connection.write(piece)
        if arrival.failure:
            connection.stream.close()
        else:
            connection.finish()


def _tape_request(http: HTTPServerRequest) -> TapeRequest | None:
    """Return a request in the tape's form; None if its path belongs to no service."""
    first, _, rest = (http.uri or "/").lstrip("/").partition("/")
    if first not in _ALIASES:
        return None
    headers = {name.lower(): value for name, value in http.headers.get_all()}
    body = read_body(http.body, headers.get("content-type", ""))
    return TapeRequest((http.method or "GET").upper(), _ALIASES[first], f"/{rest}", headers, body)


def _head(answer: TapeAnswer, arrival: Arrival, fault: str) -> tuple[ResponseStartLine, HTTPHeaders]:
    headers = HTTPHeaders({"content-type": CONTENT_TYPES[answer.framing], **answer.headers})
    headers["x-llmlab-source"] = "simulated"
    if fault:
        headers[FAULT_HEADER] = fault
    if arrival.length is not None and answer.status != 204:
        headers["content-length"] = str(arrival.length)
    return ResponseStartLine("HTTP/1.1", answer.status, responses.get(answer.status, "Overloaded")), headers


def _index(urls: dict[str, str], path: str) -> Arrival:
    """Return the answer to a path of no service: the base URLs of all."""
    if path == "/":
        return whole(TapeAnswer(body={"simulator": "llmlab", "base_urls": urls, "faults": FaultPlan.kinds()}))
    return whole(_problem(404, f"no service is at {path}. The base URLs are {', '.join(urls.values())}"))


def _problem(status: int, message: str) -> TapeAnswer:
    return TapeAnswer(status, {}, {"error": {"message": message, "type": "llmlab"}}, source="simulated")
