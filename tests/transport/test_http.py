"""Connections and health. If one fails, calls get slow, a server that is down reads like a riddle, or sockets leak."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from llmlab.errors import ConfigurationError, LLMAPIError, LLMConnectionError, LLMTimeoutError
from llmlab.providers import Health, Provider, get_provider
from llmlab.transport.base import WireRequest
from llmlab.transport.http import HttpTransport
from tests.core import bodies
from tests.core.trying import KEY, NAMES, SHAPES, ask, call, provider, spread, twice
from tests.loopback import LoopbackServer


@pytest.fixture
def nobody() -> str:
    """An address on loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds the server's answer back until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def busy(made: Provider) -> int:
    """The number of connections that are neither idle nor closed. Reaches inside, for nothing else can tell."""
    transport: Any = made.transport
    clients = [transport._client, *transport._async_clients.values()]
    held = [held for client in clients if client for held in client._transport._pool.connections]
    return sum(not (connection.is_idle() or connection.is_closed()) for connection in held)


def test_many_calls_share_one_connection(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    server.answer(bodies.STREAM["openrouter"])
    server.answer({"error": {"message": "no"}}, 400)
    server.answer(bodies.MODELS["openrouter"])
    with provider("openrouter", server.url) as made:
        made.complete("Hi")
        assert "".join(map(str, made.complete_stream("Hi"))) == bodies.TEXT
        with pytest.raises(Exception, match="400"):
            made.complete_stream("Hi")
        made.list_models()
        assert busy(made) == 0
    assert server.connections == 1


def test_many_async_calls_share_one_connection(server: LoopbackServer) -> None:
    server.answer(bodies.STREAM["openrouter"])

    async def asked() -> None:
        async with provider("openrouter", server.url) as made:
            for _ in range(3):
                assert "".join([str(piece) async for piece in made.complete_stream_async("Hi")]) == bodies.TEXT
            assert busy(made) == 0

    asyncio.run(asked())
    assert server.connections == 1


def test_one_provider_serves_several_event_loops_and_plain_code(server: LoopbackServer) -> None:
    """Scripts call asyncio.run more than once; a connection cannot outlive its loop."""
    server.answer(bodies.CHAT)
    made = provider("openrouter", server.url)

    async def asked() -> str:
        answer = await made.complete_async("Hi")
        await made.aclose()
        return answer.content

    assert [asyncio.run(asked()), asyncio.run(asked()), made.complete("Hi").content] == [bodies.TEXT] * 3
    made.close()


def test_a_closed_provider_opens_again_when_it_is_asked(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    made = provider("openrouter", server.url)
    made.close()
    for _ in range(2):
        assert made.complete("Hi").content == bodies.TEXT
        made.close()


def test_many_calls_at_once_do_not_wait_for_each_other(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)

    async def asked() -> list[Any]:
        async with provider("openrouter", server.url) as made:
            return await asyncio.gather(*(made.complete_async("Hi") for _ in range(5)))

    assert [answer.content for answer in asyncio.run(asked())] == [bodies.TEXT] * 5


@pytest.mark.parametrize(("name", "shape"), spread(NAMES, SHAPES))
def test_a_server_that_is_not_running_is_named_with_the_next_step(name: str, shape: str, nobody: str) -> None:
    with pytest.raises(LLMConnectionError) as caught:
        ask(provider(name, nobody, max_retries=0), shape)
    assert nobody in caught.value.message
    assert "Is the address right, and the server running?" in caught.value.message
    assert KEY not in caught.value.message


@pytest.mark.parametrize("url", ["http://h:port", "ftp://h", "http://h:70000", "http:/h", "http://h/v1?key=x"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url "):
        provider("local_gpt_oss", url)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_server_that_is_too_slow_is_a_timeout(shape: str, server: LoopbackServer, gate: threading.Event) -> None:
    server.answer(bodies.CHAT, delay=gate)
    with pytest.raises(LLMTimeoutError, match="timeout=<seconds>"):
        ask(provider("openrouter", server.url, timeout=0.05, max_retries=0), shape)


@pytest.mark.parametrize("shape", ["complete", "complete_async"])
def test_an_answer_that_breaks_off_is_a_lost_connection(shape: str, server: LoopbackServer) -> None:
    server.answer(bodies.CHAT, cut=True)
    with pytest.raises(LLMConnectionError):
        ask(provider("openrouter", server.url, max_retries=0), shape)


@pytest.mark.parametrize("shape", ["complete_async", "complete_stream_async"])
def test_a_cancelled_task_leaves_no_connection(shape: str, server: LoopbackServer, gate: threading.Event) -> None:
    server.answer(bodies.CHAT, delay=gate)

    async def cancelled() -> int:
        made = provider("openrouter", server.url)
        answer = getattr(made, shape)("Hi")
        task = asyncio.ensure_future(answer if shape == "complete_async" else answer.__aenter__())
        while not server.seen:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held = busy(made)
        await made.aclose()
        return held

    assert asyncio.run(cancelled()) == 0


@pytest.mark.parametrize(("name", "method"), spread(NAMES, twice("health")))
def test_a_healthy_service_is_called_healthy(name: str, method: str, server: LoopbackServer) -> None:
    server.answer(bodies.MODELS[name])
    health = call(provider(name, server.url), method)
    assert health
    assert (health.provider, health.ok, health.reason) == (name, True, "answers, with 2 models")
    assert health.latency > 0


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (({"error": {"message": f"bad key {KEY}"}}, 401), "Check the key"),
        (("down", 503), "answered 503: down"),
        (("<html>", 200), "Is the base URL right?"),
        (("[]", 200), "with no answer"),
        (("", 307), "answered 307"),
        (({"error": "odd"}, 200), "odd"),
    ],
)
def test_health_never_raises_and_never_waits(
    answer: tuple[Any, int], says: str, server: LoopbackServer, slept: list[float]
) -> None:
    server.answer(*answer)
    for method in twice("health"):
        health: Health = call(provider("openai", server.url), method)
        assert not health
        assert says in health.reason
        assert KEY not in health.reason
    assert (len(server.seen), slept) == (2, [])


@pytest.mark.parametrize("method", twice("health"))
def test_health_of_nobody(method: str, nobody: str, slept: list[float]) -> None:
    assert "Is the address right" in call(get_provider("ollama", base_url=nobody), method).reason
    assert slept == []


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_a_redirect_in_place_of_a_stream_is_an_error(shape: str, server: LoopbackServer) -> None:
    server.answer("", 301, headers={"location": "https://new.example/v1/responses"})
    with pytest.raises(LLMAPIError, match=r"answered 301: .*new\.example/v1/responses\. Set base_url"):
        ask(provider("openai", server.url), shape)
    assert len(server.seen) == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_within_the_host_is_followed(shape: str, status: int, server: LoopbackServer) -> None:
    """Gateways move an address, and the same request is fine there. The key goes to the same host only."""
    server.answer("", status, headers={"location": "/moved"})
    server.answer(bodies.STREAM["openai"] if "stream" in shape else bodies.RESPONSES)
    assert ask(provider("openai", server.url), shape).content == bodies.TEXT
    first, second = server.seen
    assert (second.path, second.body) == ("/moved", first.body)
    assert second.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("location", ["http://elsewhere.example/v1", "//127.0.0.2/v1", "http://127.0.0.1:1/v1"])
def test_a_redirect_to_another_host_is_not_followed(location: str, server: LoopbackServer) -> None:
    """The key would go there."""
    server.answer("", 307, headers={"location": location})
    with pytest.raises(LLMAPIError, match="the address has moved to"):
        ask(provider("openai", server.url), "complete")
    assert len(server.seen) == 1


def test_plain_http_needs_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes longer than a call to a local server; and https always gets them, however it is written."""
    contexts: list[str] = []
    monkeypatch.setattr("llmlab.transport.client._tls_context", lambda *_: contexts.append("read") or True)
    for url, read in (("http://h", 0), ("https://h", 1), ("HTTPS://h", 2)):
        transport = HttpTransport(url, {}, 1)
        transport._sync_client()
        transport.close()
        assert len(contexts) == read
    assert repr(HttpTransport("http://h/", {"authorization": KEY}, 1)) == "HttpTransport('http://h')"


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
