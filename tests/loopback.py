"""A scripted HTTP server on loopback, for tests of the wire."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Answer:
    """One answer of the script.

    Args:
        body: text, bytes, or something to send as JSON.
        status: HTTP status.
        headers: beside content-type.
        piece: size in bytes of the pieces that the body is sent in; 0 sends it whole.
        cut: whether to close the connection without the end of the body.
        delay: an event to wait for before the answer is sent.
        pause: seconds between the pieces.
        hold: an event to wait for between the body and its end.
    """

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    piece: int = 0
    cut: bool = False
    delay: threading.Event | None = None
    pause: float = 0.0
    hold: threading.Event | None = None

    @property
    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Seen:
    """One request that the server saw."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class LoopbackServer:
    """Gives the answers of its script in order; the last one repeats."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.seen: list[Seen] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, body: Any = "", status: int = 200, **details: Any) -> None:
        """Add an answer to the script."""
        self.answers.append(Answer(body, status, **details))

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _next(self) -> Answer:
        with self._lock:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                server.connections += 1

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    # The reader left early, which some tests are about.
                    self.close_connection = True

            def handle_request(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.seen.append(Seen(self.command, self.path, headers, _read(sent)))
                answer = server._next()
                if answer.delay:
                    answer.delay.wait(10)
                self.send_response(answer.status)
                for name, value in {"content-type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                data, size = answer.data, answer.piece or len(answer.data) or 1
                try:
                    for start in range(0, len(data), size):
                        part = data[start : start + size]
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                        time.sleep(answer.pause)
                    if answer.hold:
                        answer.hold.wait(10)
                    if answer.cut:
                        self.close_connection = True
                    else:
                        self.wfile.write(b"0\r\n\r\n")
                except ConnectionError:
                    # The reader left early, which some tests are about.
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = handle_request

        return Handler


def _read(sent: bytes) -> Any:
    """Return a body as JSON; a form as text."""
    if sent.startswith(b"--"):
        return sent.decode()
    return json.loads(sent) if sent else None
