"""What tests of faults get: a tape without waits that is off afterwards, and sockets that refuse."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

import llmlab


@pytest.fixture(autouse=True)
def tape_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves the tape on, waits, or sees a notebook's name."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("LLMLAB_PACE", "0")
    yield
    llmlab.stop()


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection fails, loopback included, and looking up a name fails, too."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"something reached for the network: {args}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for real fails; giving the turn to somebody else does not."""

    def refuse(seconds: float) -> None:
        assert seconds == 0, f"something waited {seconds} s"

    monkeypatch.setattr("time.sleep", refuse)
