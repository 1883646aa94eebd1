"""Places for jobs: the embedded one, a folder; and a real one, Redis with PostgreSQL, started for the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

import llmlab
from llmlab.providers import registry
from llmlab.toolkit.interfaces.service import LLMCallRequest, LLMConfig, LLMModelSpec
from llmlab.toolkit.jobs import settings
from tests.ledger.conftest import postgres as postgres


class Redis:
    """A Redis server on loopback that keeps its messages in a file, as one in production does."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("Redis did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Relay:
    """A port on loopback that leads to a server, until it is cut."""

    def __init__(self, port: int) -> None:
        self._target, self._open = port, True
        self._pairs: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._open = False
        for one in self._pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._open = True

    def close(self) -> None:
        self.cut()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if not self._open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._pairs += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            one.close()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        reason = "Redis is not installed: apt-get install redis-server"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for rows and messages, and the lab offline."""
    for name in ("LLMLAB_JOBS_URL", "LLMLAB_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    # A test may register providers of its own.
    monkeypatch.setattr(registry._plugins, "_registered", {})
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield tmp_path
    settings.forget()


@pytest.fixture
def real(redis: Redis, postgres: str, embedded: Path, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """Redis as the broker and an empty PostgreSQL as the database."""
    engine = sqlalchemy.create_engine(postgres)
    with engine.begin() as connection:
        for table in ("llmlab_jobs", "llmlab_workers", "llmlab_jobs_version"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
    engine.dispose()
    monkeypatch.setenv("LLMLAB_JOBS_URL", postgres)
    monkeypatch.setenv("LLMLAB_BROKER_URL", redis.url)
    return redis


@pytest.fixture
def relay(real: Redis, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """The way to the database, which a test can cut."""
    address = sqlalchemy.make_url(postgres)
    assert address.port
    between = Relay(address.port)
    url = address.set(port=between.port).render_as_string(hide_password=False)
    monkeypatch.setenv("LLMLAB_JOBS_URL", url)
    yield between
    settings.forget()
    between.close()


@pytest.fixture(params=["embedded", "real"])
def place(request: pytest.FixtureRequest) -> str:
    """Each place in turn."""
    request.getfixturevalue(request.param)
    return str(request.param)


def ask(question: str = "What is 6 * 7?", provider: str = "openai", **options: Any) -> LLMCallRequest:
    """Return a request for a job."""
    return LLMCallRequest(llm=LLMConfig(prompt=question, llm_model_spec=LLMModelSpec(provider=provider, **options)))
