"""`python3 -m llmlab simulate`: says where it answers, ends with Ctrl-C, and explains what went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from llmlab.errors import ConfigurationError
from llmlab.lab.bootstrap import CLONE
from llmlab.lab.cli.app import app
from llmlab.lab.tape.server import BASES, SimulatorServer


def started(*options: str) -> Any:
    command = [sys.executable, "-m", "llmlab", "simulate", "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(CLONE), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        command, env=environment, cwd=CLONE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def addresses(process: Any) -> dict[str, str]:
    """Read what the command prints until it listens."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    return dict(line.split() for line in lines if "http://" in line)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
def test_it_prints_the_base_urls_answers_and_ends_with_ctrl_c() -> None:
    """Else nobody finds the services, or the terminal hangs."""
    with started("--pace", "0", "--log", "--faults", "server_error;times=1") as process:
        try:
            urls = addresses(process)
            key = {"authorization": "Bearer any"}
            found = [httpx2.get(urls["openai"] + "/models", headers=key).status_code for _ in range(2)]
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert set(urls) == set(BASES)
    assert found == [500, 200]
    assert out.splitlines() == [
        "GET openai /v1/models → 500, simulated, injected server_error",
        "GET openai /v1/models → 200, simulated",
        "",
        "The simulator has ended.",
    ]
    assert (err, process.returncode) == ("", 0)


def test_a_wrong_fault_is_explained_before_anything_starts() -> None:
    """Else a mistyped fault never happens."""
    result = CliRunner().invoke(app, ["simulate", "--faults", "rate_limt"])
    assert isinstance(result.exception, ConfigurationError)
    assert "Did you mean 'rate_limit'" in str(result.exception)


def test_a_taken_port_is_explained() -> None:
    """Else the second simulator of a machine ends with a traceback."""
    with SimulatorServer() as server:
        result = CliRunner().invoke(app, ["simulate", "--port", str(server.port)])
    assert isinstance(result.exception, ConfigurationError)
    assert f"--port {server.port + 1}" in str(result.exception)
