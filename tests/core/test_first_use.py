"""Threads that use a provider for the first time at the same moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from llmlab.transport.base import WireRequest
from llmlab.transport.http import HttpTransport
from tests.loopback import LoopbackServer


def test_threads_that_come_first_share_one_client(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client too many is a pool of sockets that nobody closes."""
    made: list[Any] = []
    client = httpx2.Client

    def slow(**options: Any) -> httpx2.Client:
        time.sleep(0.02)
        made.append(client(**options))
        return made[-1]

    monkeypatch.setattr(httpx2, "Client", slow)
    server.answer({"data": []})
    transport = HttpTransport(server.url, {}, 5.0)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: transport.send(WireRequest("GET", "/models")), range(4)))
    transport.close()
    assert [reply.status for reply in replies] == [200] * 4
    assert len(made) == 1
