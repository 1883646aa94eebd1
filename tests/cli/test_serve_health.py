"""`python3 -m llmlab serve-health`: what a load balancer reads. If one fails, it sends traffic to a dead service."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from llmlab.lab.bootstrap import CLONE
from llmlab.lab.cli.app import app
from llmlab.providers import health_server
from llmlab.providers.health_report import HealthReport
from tests.core.trying import NAMES


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, Any]]:
    command = [sys.executable, "-m", "llmlab", "serve-health", "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(CLONE), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield line.split("at ")[1].split(",")[0], process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_all_and_each_of_them() -> None:
    with serving() as (url, process), httpx2.Client() as client:
        whole = client.get(url)
        one = client.get(f"{url}/ollama")
        none = client.get(f"{url}/nobody")
        assert client.head(url).status_code == 200
    assert (whole.status_code, whole.json()["ok"]) == (200, True)
    assert [found["provider"] for found in whole.json()["providers"]] == list(NAMES)
    assert [found["provider"] for found in one.json()["providers"]] == ["ollama"]
    assert none.status_code == 404
    assert "/health/openai" in none.json()["error"]
    assert process.returncode == 0


def test_one_that_fails_is_told_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that asks each second must not ask the services each second."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", f"http://127.0.0.1:{port}")
    with serving("--provider", "local_gpt_oss", "--mode", "live") as (url, _), httpx2.Client() as client:
        first = client.get(url)
        with socket.create_server(("127.0.0.1", port)):
            second = client.get(url)
    assert (first.status_code, first.json()["ok"]) == (503, False)
    assert "no answer from" in first.json()["providers"][0]["reason"]
    assert second.json() == first.json()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["serve-health", "--port", str(port)])
    assert result.exit_code == 2
    assert f"Choose another one: --port {port + 1}" in result.output


def test_an_unknown_provider_is_wrong_usage() -> None:
    result = CliRunner().invoke(app, ["serve-health", "--provider", "opnai"])
    assert result.exit_code == 2
    assert "Did you mean 'openai'" in result.output


def test_who_comes_together_shares_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an answer is good for no time: a crowd of monitors waited for a check each, one after the other."""
    checks = 0

    async def checked(*names: str, timeout: float) -> HealthReport:
        nonlocal checks
        checks += 1
        await asyncio.sleep(0.01)
        return HealthReport(())

    async def crowd() -> None:
        service = health_server.HealthService((), 0.0, 1.0)
        await asyncio.gather(*(service.report() for _ in range(20)))
        assert (crowd_checks := checks) <= 2
        await service.report()
        assert checks == crowd_checks + 1

    monkeypatch.setattr(health_server, "health_async", checked)
    asyncio.run(crowd())
