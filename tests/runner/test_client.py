"""The kernel's guard and the client's last resort."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from llmlab.lab.notebooks import network_guard
from llmlab.lab.notebooks.client import LabClient, find_failure
from llmlab.lab.notebooks.kernel import kernel_environment
from tests.runner.samples import notebook


def test_a_cell_that_cannot_be_interrupted_is_ended(tmp_path: Path) -> None:
    """Code that ignores Ctrl-C costs its timeout, not the whole run."""
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    path = tmp_path / "01_deaf.ipynb"
    client = LabClient(notebook(deaf), cell_timeout=1)
    client.iopub_timeout = 1
    failure = find_failure(asyncio.run(client.run(cwd=tmp_path, env=kernel_environment(path, mode="replay"))))
    assert failure is not None
    assert failure[1].evalue == "the cell ran longer than 1 s and could not be interrupted"


@pytest.mark.parametrize(
    ("event", "args", "refused"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80)), False),
        ("socket.connect", (None, ("::1", 80, 0, 0)), False),
        ("socket.connect", (None, ("fe80::1%eth0", 80, 0, 0)), True),
        ("socket.connect", (None, "/run/a-unix-socket"), False),
        ("socket.connect", (None, ("192.0.2.1", 443)), True),
        ("socket.sendto", (None, ("192.0.2.1", 53)), True),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0), False),
        ("socket.getaddrinfo", (None, 80, 0, 0, 0), False),
        ("socket.getaddrinfo", ("api.example.com", 443, 0, 0, 0), True),
        ("socket.getaddrinfo", (b"api.example.com", 443, 0, 0, 0), True),
        ("socket.gethostbyname", ("api.example.com",), True),
        ("import", ("socket",), False),
    ],
)
def test_the_guard_knows_this_machine_from_others(event: str, args: tuple[Any, ...], refused: bool) -> None:
    """Loopback, where local servers and the simulator are, stays open; everything else is closed."""
    with pytest.raises(PermissionError, match="no network here") if refused else nullcontext():
        network_guard.refuse(event, args)


def test_the_guard_is_armed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit hooks cannot be taken off, so a second one would only cost time."""
    hooks: list[Any] = []
    monkeypatch.setattr(sys, "addaudithook", hooks.append)
    monkeypatch.setattr(network_guard, "_armed", False)
    network_guard.arm()
    network_guard.arm()
    assert hooks == [network_guard.refuse]
