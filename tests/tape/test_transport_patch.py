"""The patches of httpx and httpx2: every client is covered, answers arrive as they would, nothing is left behind."""

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

LIBRARIES = (httpx, httpx2)
EACH_LIBRARY = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
URL = "https://api.openai.com/v1/responses"
EVENTS = ((0.1, {"type": "a", "text": "é"}), (0.2, {"type": "b"}), (0.4, "data: [DONE]"))
Simulated = Callable[[Callable[[TapeRequest], TapeAnswer]], None]


def originals() -> list[Any]:
    return [
        getattr(library, owner).__dict__[name]
        for library in LIBRARIES
        for owner, name in (("HTTPTransport", "handle_request"), ("AsyncHTTPTransport", "handle_async_request"))
    ]


def echo(request: TapeRequest) -> TapeAnswer:
    return TapeAnswer(200, {"x-request-id": "req_1"}, {"asked": request.body, "path": request.path}, seconds=1.5)


def stream(request: TapeRequest) -> TapeAnswer:
    return TapeAnswer(200, {}, events=EVENTS, framing="named_sse")


@EACH_LIBRARY
def test_a_plain_answer_is_the_librarys_own_response(library: Any, simulated: Simulated, no_socket: None) -> None:
    """A client made before the start is covered, too."""
    simulated(echo)
    with library.Client() as client:
        llmlab.start()
        response = client.post(URL, json={"input": "Hi"})
    assert isinstance(response, library.Response)
    assert response.json() == {"asked": {"input": "Hi"}, "path": "/v1/responses"}
    assert response.headers["x-llmlab-source"] == "simulated"
    assert (response.headers["x-request-id"], response.headers["content-type"]) == ("req_1", "application/json")
    assert response.extensions["llmlab.elapsed"]() == 1.5


@EACH_LIBRARY
def test_a_stream_arrives_event_by_event_with_recorded_times(
    library: Any, simulated: Simulated, no_socket: None
) -> None:
    simulated(stream)
    llmlab.start()

    async def ask() -> list[tuple[float, bytes]]:
        async with library.AsyncClient() as client, client.stream("POST", URL, json={}) as response:
            return [(response.extensions["llmlab.elapsed"](), piece) async for piece in response.aiter_raw()]

    with library.stream("POST", URL, json={"stream": True}) as response:
        seen = [(response.extensions["llmlab.elapsed"](), piece) for piece in response.iter_raw()]
    assert seen == [
        (0.1, 'event: a\ndata: {"type":"a","text":"é"}\n\n'.encode()),
        (0.2, b'event: b\ndata: {"type":"b"}\n\n'),
        (0.4, b"data: [DONE]\n\n"),
    ]
    assert asyncio.run(ask()) == seen


@EACH_LIBRARY
def test_a_stream_of_the_other_kind_is_refused_as_it_would_be(
    library: Any, simulated: Simulated, no_socket: None
) -> None:
    """A learner who forgets `async` offline gets the error of the live lesson."""
    simulated(stream)
    llmlab.start()

    async def ask() -> None:
        async with library.AsyncClient() as client, client.stream("POST", URL, json={}) as response:
            list(response.iter_raw())

    with pytest.raises(RuntimeError, match="sync"):
        asyncio.run(ask())


@EACH_LIBRARY
def test_stop_gives_the_network_back(library: Any, simulated: Simulated, server: LoopbackServer) -> None:
    simulated(echo)
    server.answer({"from": "server"})
    with library.Client() as client:
        llmlab.start()
        assert client.get(server.url).json() == {"asked": None, "path": "/"}
        llmlab.stop()
        response = client.get(server.url)
    assert response.json() == {"from": "server"}
    assert "x-llmlab-source" not in response.headers


def test_stop_restores_exactly_what_was_there() -> None:
    before = originals()
    llmlab.stop()
    llmlab.start()
    llmlab.start("replay")
    assert all(ours is not theirs for ours, theirs in zip(originals(), before, strict=True))
    llmlab.stop()
    llmlab.stop()
    assert all(ours is theirs for ours, theirs in zip(originals(), before, strict=True))
    with pytest.raises(KeyError), llmlab.start():
        raise KeyError("in the middle")
    assert originals() == before


@EACH_LIBRARY
def test_a_patch_over_ours_survives(
    library: Any, monkeypatch: pytest.MonkeyPatch, simulated: Simulated, server: LoopbackServer
) -> None:
    """A library such as a tracer that patches in between must not be torn out, and must still reach the network."""
    simulated(echo)
    server.answer({"from": "server"})
    llmlab.start()
    ours, ours_async = library.HTTPTransport.handle_request, library.AsyncHTTPTransport.handle_async_request
    calls = []

    def tracer(transport: Any, request: Any) -> Any:
        calls.append(request.url)
        return ours(transport, request)

    async def async_tracer(transport: Any, request: Any) -> Any:
        return await ours_async(transport, request)

    async def get() -> Any:
        async with library.AsyncClient() as client:
            return (await client.get(server.url)).json()

    with monkeypatch.context() as patch:
        patch.setattr(library.HTTPTransport, "handle_request", tracer)
        patch.setattr(library.AsyncHTTPTransport, "handle_async_request", async_tracer)
        llmlab.stop()
        assert library.HTTPTransport.handle_request is tracer
        assert library.get(server.url).json() == asyncio.run(get()) == {"from": "server"}
        assert len(calls) == 1
        llmlab.start()
        assert library.get(server.url).headers["x-llmlab-source"] == "simulated"
    llmlab.stop()
    assert library.get(server.url).json() == {"from": "server"}


@EACH_LIBRARY
def test_bodies_that_are_generated_are_read(library: Any, simulated: Simulated, no_socket: None) -> None:
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


def test_mock_transports_are_left_alone(simulated: Simulated) -> None:
    simulated(echo)
    llmlab.start()
    transport = httpx.MockTransport(lambda request: httpx.Response(204))
    with httpx.Client(transport=transport) as client:
        assert client.get("https://api.openai.com/").status_code == 204


def test_many_threads_and_tasks_get_their_own_answers(simulated: Simulated, no_socket: None) -> None:
    simulated(echo)
    llmlab.start()
    seen: dict[int, int] = {}

    def work(number: int) -> None:
        with LIBRARIES[number % 2].Client() as client:
            seen[number] = client.post(URL, json=number).json()["asked"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def ask(client: Any, number: int) -> int:
        return int((await client.post(URL, json=number)).json()["asked"])

    async def all_at_once() -> list[int]:
        async with httpx2.AsyncClient() as client:
            return list(await asyncio.gather(*(ask(client, number) for number in range(100, 130))))

    assert seen == {number: number for number in range(16)}
    assert asyncio.run(all_at_once()) == list(range(100, 130))
    assert [exchange.number for exchange in llmlab.trace()] == list(range(1, 47))


def test_streams_of_two_tasks_take_turns(simulated: Simulated, no_socket: None) -> None:
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


@EACH_LIBRARY
def test_leaving_a_stream_early_is_noted(library: Any, simulated: Simulated, no_socket: None) -> None:
    """An exercise can tell whether the learner's code stopped reading."""
    simulated(stream)
    llmlab.start()
    with library.stream("POST", URL, json={}) as response:
        next(response.iter_raw())
    assert (llmlab.trace().last.delivered, len(llmlab.trace().last.response)) == (1, 3)


def test_waits_are_the_recorded_ones_times_the_pace(
    simulated: Simulated, no_socket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated(stream)
    waits: list[float] = []
    clock = [100.0]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    async def async_sleep(seconds: float) -> None:
        sleep(seconds)

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.post(URL, json={})

    monkeypatch.setattr("llmlab.lab.tape.body_streams.time.sleep", sleep)
    monkeypatch.setattr("llmlab.lab.tape.body_streams.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("llmlab.lab.tape.body_streams.anyio.sleep", async_sleep)
    llmlab.start(pace=10)
    httpx.post(URL, json={})
    assert waits == pytest.approx([1, 1, 2])
    asyncio.run(ask())
    assert waits[3:] == pytest.approx([1, 1, 2])
