"""What tests of the tape get: a tape that is off afterwards, a folder of recordings, and sockets that refuse."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.lab.tape import tape as tape_module
from llmlab.lab.tape.cassette import Cassette, read_cassette
from llmlab.lab.tape.lab import LAB
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

LESSON = "01_call"


@pytest.fixture(autouse=True)
def tape_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves the tape on, and none sees a notebook or a recorder of another one."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("LLMLAB_PACE", "0")
    LAB._recorders.clear()
    yield
    llmlab.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of recordings."""
    path = tmp_path / "recordings"
    path.mkdir()
    return path


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection fails, loopback included, and looking up a name fails, too."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"something reached for the network: {args}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


Script = Callable[[TapeRequest], TapeAnswer]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], None]:
    """Put something small in the place of the simulator."""

    def use(script: Script) -> None:
        monkeypatch.setattr(tape_module, "simulate", script)

    return use


@pytest.fixture
def record(folder: Path) -> Callable[[], Any]:
    return lambda: llmlab.start("record", lesson=LESSON, recordings=folder)


@pytest.fixture
def replay(folder: Path) -> Callable[[], Any]:
    return lambda: llmlab.start("replay", lesson=LESSON, recordings=folder)


def read(folder: Path) -> Cassette:
    """Return what was written for the lesson of these tests."""
    return read_cassette(folder / f"{LESSON}.yaml")
