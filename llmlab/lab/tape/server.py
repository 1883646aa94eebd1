"""The simulator over real HTTP, on loopback: for curl, Node, other SDKs and other languages.

One port serves all services, each below a path of its own (`BASES`). Answers come at the simulator's pace, streams
piece by piece, and say in a header that they are simulated. Faults come by `--faults`, or for one request by the header
`x-llmlab-fault: rate_limit;retry_after=2`. Where a fault means that nobody answers, the connection is closed without a
word: a server cannot refuse what has reached it. The HTTP itself is Tornado's. Left out: HTTPS, compression and CORS.
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
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest request body."""

_ALIASES: Final = {base.split("/")[1]: alias for alias, base in BASES.items()}


class SimulatorServer:
    """A server that answers as five services do. `with SimulatorServer() as server:` runs it in a thread.

    Args:
        port: to listen on; 0 takes a free one.
        faults: what goes wrong, for every request, in the notation of `--faults`; or what `llmlab.faults` made.
        pace: factor on the simulator's waiting times; 0 does not wait.
        log: gets a line for each request.
        answer: what answers.

    Raises:
        ConfigurationError: there is no such fault.
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

        async def serve() -> None:
            if threading.current_thread() is threading.main_thread():
                with suppress(NotImplementedError):  # Windows has no SIGTERM to listen for
                    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
            await self._serve(on_open)

        asyncio.run(serve())

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
        self._loop.call_soon_threadsafe(self._stop)
        if self._thread:
            self._thread.join()

    def _stop(self) -> None:
        self._stopping.set()

    async def _serve(self, on_open: Callable[[], object]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = socket.create_server((HOST, self.port), backlog=128)
        except OSError as error:
            raise ConfigurationError(
                f"port {self.port} cannot be used: {error.strerror}. Choose another one: --port {self.port + 1}"
            ) from None
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        server = HTTPServer(self._on_request, max_body_size=LARGEST, max_buffer_size=2 * LARGEST)
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
        task = asyncio.get_running_loop().create_task(self._respond(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, request: HTTPServerRequest) -> None:
        asked = _asked(request)
        fault, damage = self._arriving(asked) if asked else ("", _index(self.urls, request.path))
        if self._log:
            sent = asked or TapeRequest(request.method or "GET", "", request.path)
            exchange = Exchange(0, sent, damage.answer, fault=fault, failure=damage.failure or "")
            self._log(exchange.summary if asked else f"{sent.method} {sent.path} → {exchange.outcome}")
        try:
            await self._deliver(request.connection, damage, fault)
        except StreamClosedError:
            return  # the reader has left, which is its right

    def _arriving(self, asked: TapeRequest) -> tuple[str, Arrival]:
        header = asked.headers.get(FAULT_HEADER)
        try:
            blocks = [self._by_header(header)] if header else []
        except ConfigurationError as error:
            return "", whole(_problem(400, error.message))
        blocks += [self._faults] if self._faults else []
        fault = next((fault for block in blocks if (fault := block.due(asked))), None)
        if fault is None:
            return "", whole(self._answer(asked))
        return fault.name, inject(fault, asked, lambda: self._answer(asked), None)

    async def _deliver(self, connection: Any, damage: Arrival, fault: str) -> None:
        started, answer = self._loop.time(), damage.answer
        # The head of a stream is there at once; that of a plain answer comes with its body.
        headless = answer is not None and damage.length is not None
        if answer is not None and not headless:
            await connection.write_headers(*_head(answer, damage, fault))
        for moment, piece in damage.pieces:
            await asyncio.sleep(max(0.0, started + moment * self._pace - self._loop.time()))
            if answer is not None and headless:
                await connection.write_headers(*_head(answer, damage, fault))
                headless = False
            if answer is not None and piece:
                await connection.write(piece)
        if damage.failure:
            connection.stream.close()
        else:
            connection.finish()


def _asked(request: HTTPServerRequest) -> TapeRequest | None:
    """Return a request as the tape sees it; None if its path belongs to no service."""
    head, _, rest = (request.uri or "/").lstrip("/").partition("/")
    alias = _ALIASES.get(head)
    if alias is None:
        return None
    headers = {name.lower(): value for name, value in request.headers.get_all()}
    body = read_body(request.body, headers.get("content-type", ""))
    return TapeRequest((request.method or "GET").upper(), alias, f"/{rest}", headers, body)


def _head(answer: TapeAnswer, damage: Arrival, fault: str) -> tuple[ResponseStartLine, HTTPHeaders]:
    headers = HTTPHeaders({"content-type": CONTENT_TYPES[answer.framing], **answer.headers})
    headers["x-llmlab-source"] = "simulated"
    if fault:
        headers[FAULT_HEADER] = fault
    if damage.length is not None and answer.status != 204:
        headers["content-length"] = str(damage.length)
    return ResponseStartLine("HTTP/1.1", answer.status, responses.get(answer.status, "Overloaded")), headers


def _index(urls: dict[str, str], path: str) -> Arrival:
    """Return what is said where no service is: where they are."""
    if path == "/":
        return whole(TapeAnswer(body={"simulator": "llmlab", "base_urls": urls, "faults": FaultPlan.kinds()}))
    return whole(_problem(404, f"no service is at {path}. The base URLs are {', '.join(urls.values())}"))


def _problem(status: int, message: str) -> TapeAnswer:
    return TapeAnswer(status, {}, {"error": {"message": message, "type": "llmlab"}}, source="simulated")
