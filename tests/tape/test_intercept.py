"""The seam in httpx and httpx2: who is covered, how answers arrive, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

import llmlab
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.loopback import LoopbackServer

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
URL = "https://api.openai.com/v1/responses"
EVENTS = ((0.1, {"type": "a", "text": "é"}), (0.2, {"type": "b"}), (0.4, "data: [DONE]"))


def originals() -> list[Any]:
    return [
        getattr(library, owner).__dict__[name]
        for library in (httpx, httpx2)
        for owner, name in (("HTTPTransport", "handle_request"), ("AsyncHTTPTransport", "handle_async_request"))
    ]


def echo(request: TapeRequest) -> TapeAnswer:
    return TapeAnswer(200, {"x-request-id": "req_1"}, {"asked": request.body, "path": request.path}, seconds=1.5)


def stream(request: TapeRequest) -> TapeAnswer:
    return TapeAnswer(200, {}, events=EVENTS, framing="named_sse")


@LIBRARIES
def test_a_plain_answer_is_the_librarys_own_response(
    library: Any, simulated: Callable[..., None], no_socket: None
) -> None:
    simulated(echo)
    llmlab.start()
    response = library.post(URL, json={"input": "Hi"})
    assert isinstance(response, library.Response)
    assert response.json() == {"asked": {"input": "Hi"}, "path": "/v1/responses"}
    assert response.headers["x-llmlab-source"] == "simulated"
    assert response.headers["x-request-id"] == "req_1"
    assert response.headers["content-type"] == "application/json"
    assert response.extensions["llmlab.elapsed"]() == 1.5


@LIBRARIES
def test_a_stream_arrives_event_by_event_with_recorded_times(
    library: Any, simulated: Callable[..., None], no_socket: None
) -> None:
    simulated(stream)
    llmlab.start()
    with library.stream("POST", URL, json={"stream": True}) as response:
        seen = [(response.extensions["llmlab.elapsed"](), piece) for piece in response.iter_raw()]
    assert seen == [
        (0.1, 'event: a\ndata: {"type":"a","text":"é"}\n\n'.encode()),
        (0.2, b'event: b\ndata: {"type":"b"}\n\n'),
        (0.4, b"data: [DONE]\n\n"),
    ]


@LIBRARIES
def test_async_answers_are_the_same(library: Any, simulated: Callable[..., None], no_socket: None) -> None:
    simulated(stream)
    llmlab.start()

    async def ask() -> tuple[list[bytes], float]:
        async with library.AsyncClient() as client, client.stream("POST", URL, json={}) as response:
            pieces = [piece async for piece in response.aiter_raw()]
            return pieces, response.extensions["llmlab.elapsed"]()

    pieces, elapsed = asyncio.run(ask())
    assert (len(pieces), elapsed) == (3, 0.4)


@LIBRARIES
def test_clients_from_before_the_start_are_covered(
    library: Any, simulated: Callable[..., None], no_socket: None
) -> None:
    simulated(echo)
    with library.Client() as client:
        llmlab.start()
        assert client.post(URL, json={}).headers["x-llmlab-source"] == "simulated"


@LIBRARIES
def test_stop_gives_the_network_back(library: Any, simulated: Callable[..., None], server: LoopbackServer) -> None:
    simulated(echo)
    server.answer({"from": "server"})
    with library.Client() as client:
        llmlab.start()
        assert client.get(server.url).json() == {"asked": None, "path": "/"}
        llmlab.stop()
        response = client.get(server.url)
    assert response.json() == {"from": "server"}
    assert "x-llmlab-source" not in response.headers


@LIBRARIES
def test_async_patches_that_outlive_the_tape_let_everything_pass(
    library: Any, monkeypatch: pytest.MonkeyPatch, server: LoopbackServer
) -> None:
    server.answer({"from": "server"})
    llmlab.start()
    ours = library.AsyncHTTPTransport.handle_async_request

    async def tracer(transport: Any, request: Any) -> Any:
        return await ours(transport, request)

    async def ask() -> Any:
        async with library.AsyncClient() as client:
            return (await client.get(server.url)).json()

    with monkeypatch.context() as patch:
        patch.setattr(library.AsyncHTTPTransport, "handle_async_request", tracer)
        llmlab.stop()
        assert asyncio.run(ask()) == {"from": "server"}
        llmlab.start()


def test_stop_restores_exactly_what_was_there() -> None:
    before = originals()
    llmlab.stop()
    llmlab.start()
    llmlab.start("replay")
    assert all(ours is not theirs for ours, theirs in zip(originals(), before, strict=True))
    llmlab.stop()
    llmlab.stop()
    assert all(ours is theirs for ours, theirs in zip(originals(), before, strict=True))


def test_with_restores_after_an_error() -> None:
    before = originals()
    with pytest.raises(KeyError), llmlab.start():
        raise KeyError("in the middle")
    assert originals() == before


def test_somebody_elses_patch_over_ours_survives(
    monkeypatch: pytest.MonkeyPatch, simulated: Callable[..., None], server: LoopbackServer
) -> None:
    """A library such as a tracer that patches in between must not be torn out, and must still reach the network."""
    simulated(echo)
    server.answer({"from": "server"})
    llmlab.start()
    ours, calls = httpx.HTTPTransport.handle_request, []

    def tracer(transport: Any, request: Any) -> Any:
        calls.append(request.url)
        return ours(transport, request)

    with monkeypatch.context() as patch:
        patch.setattr(httpx.HTTPTransport, "handle_request", tracer)
        llmlab.stop()
        assert httpx.HTTPTransport.handle_request is tracer
        assert httpx.get(server.url).json() == {"from": "server"}
        assert len(calls) == 1
        llmlab.start()
        assert httpx.get(server.url).headers["x-llmlab-source"] == "simulated"
    llmlab.stop()
    assert httpx.get(server.url).json() == {"from": "server"}


@LIBRARIES
def test_bodies_that_are_generated_are_read(library: Any, simulated: Callable[..., None], no_socket: None) -> None:
    simulated(echo)
    llmlab.start()

    def pieces() -> Iterator[bytes]:
        yield b'{"a"'
        yield b": 1}"

    async def async_pieces() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    async def ask() -> Any:
        async with library.AsyncClient() as client:
            return (await client.post(URL, content=async_pieces())).json()

    assert library.post(URL, content=pieces()).json()["asked"] == {"a": 1}
    assert asyncio.run(ask())["asked"] == {"a": 1}


def test_mock_transports_are_left_alone(simulated: Callable[..., None]) -> None:
    simulated(echo)
    llmlab.start()
    transport = httpx.MockTransport(lambda request: httpx.Response(204))
    with httpx.Client(transport=transport) as client:
        assert client.get("https://api.openai.com/").status_code == 204


@LIBRARIES
def test_many_threads_and_tasks_get_their_own_answers(
    library: Any, simulated: Callable[..., None], no_socket: None
) -> None:
    simulated(echo)
    llmlab.start()
    seen: dict[int, int] = {}

    def work(number: int) -> None:
        with library.Client() as client:
            seen[number] = client.post(URL, json=number).json()["asked"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def ask(client: Any, number: int) -> int:
        return int((await client.post(URL, json=number)).json()["asked"])

    async def all_at_once() -> list[int]:
        async with library.AsyncClient() as client:
            return list(await asyncio.gather(*(ask(client, number) for number in range(100, 130))))

    assert seen == {number: number for number in range(16)}
    assert asyncio.run(all_at_once()) == list(range(100, 130))
    assert [exchange.number for exchange in llmlab.trace()] == list(range(1, 47))


def test_streams_of_two_tasks_take_turns(simulated: Callable[..., None], no_socket: None) -> None:
    """A learner who starts two streams at once must see them grow together, also where the tape does not wait."""
    simulated(stream)
    llmlab.start()
    order: list[str] = []

    async def read(client: Any, name: str) -> None:
        async with client.stream("POST", URL, json={"name": name}) as response:
            async for _ in response.aiter_raw():
                order.append(name)

    async def both() -> None:
        async with httpx2.AsyncClient() as client:
            await asyncio.gather(read(client, "one"), read(client, "two"))

    asyncio.run(both())
    assert order[:4] == ["one", "two", "one", "two"]


@LIBRARIES
def test_leaving_a_stream_early_is_noted(library: Any, simulated: Callable[..., None], no_socket: None) -> None:
    """An exercise can tell whether the learner's code stopped reading."""
    simulated(stream)
    llmlab.start()
    with library.stream("POST", URL, json={}) as response:
        next(response.iter_raw())
    assert llmlab.trace().last.delivered == 1
    assert len(llmlab.trace().last.response) == 3


def test_the_pace_is_kept(simulated: Callable[..., None], no_socket: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learners wait as long as it was recorded, times the pace; the wait is asked for, and not done here."""
    simulated(stream)
    waits: list[float] = []
    clock = [100.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    async def async_sleep(seconds: float) -> None:
        sleep(seconds)

    monkeypatch.setattr("llmlab.lab.tape.body_streams.time.sleep", sleep)
    monkeypatch.setattr("llmlab.lab.tape.body_streams.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("llmlab.lab.tape.body_streams.anyio.sleep", async_sleep)
    llmlab.start(pace=10)
    httpx.post(URL, json={})
    assert waits == pytest.approx([1, 1, 2])
    waits.clear()

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.post(URL, json={})

    asyncio.run(ask())
    assert waits == pytest.approx([1, 1, 2])
