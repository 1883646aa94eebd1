"""The two drivers. If one fails, a retry, an error or a cancelled task leaves a connection open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

import pytest

from llmlab.transport.base import WireReply, WireRequest
from llmlab.transport.driver import Flow, Open, OpenStream, Read, Send, Sleep, Wait, run, run_async

WIRE = WireRequest("POST", "/x", {})
REPLY = WireReply(200, {}, {"ok": True})


class FakeStream:
    """Gives two lists of events, and knows whether it was closed."""

    def __init__(self, wait: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self.headers: dict[str, str] = {}
        self.closed = 0
        self.wait = wait

    def __iter__(self) -> Generator[list[dict[str, Any]]]:
        yield [{"n": 1}]
        yield [{"n": 2}]

    async def __aiter__(self) -> AsyncGenerator[list[dict[str, Any]]]:
        for number in (1, 2):
            if self.wait:
                await self.wait()
            yield [{"n": number}]

    def elapsed(self) -> float:
        return 0.0

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class FakeChannel:
    """Gives what it was made with; an exception is raised."""

    def __init__(self, *outcomes: Any, wait: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self.outcomes = list(outcomes)
        self.wait = wait

    def send(self, request: WireRequest) -> Any:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def send_async(self, request: WireRequest) -> Any:
        if self.wait:
            await self.wait()
        return self.send(request)

    open = send
    open_async = send_async

    def close(self) -> None: ...
    async def aclose(self) -> None: ...


def run_awaiting(flow: Flow[Any]) -> Any:
    return asyncio.run(run_async(flow))


both = pytest.mark.parametrize("run", [run, run_awaiting], ids=["sync", "async"])


@both
def test_a_flow_gets_each_outcome_and_returns_its_result(run: Any, slept: list[float]) -> None:
    stream = FakeStream()

    def flow(transport: FakeChannel) -> Flow[Any]:
        reply = yield Send(WIRE, transport)
        yield Sleep(2.5)
        opened = yield Open(WIRE, transport)
        assert isinstance(opened, OpenStream)
        return [reply, (yield Read(opened)), (yield Read(opened)), (yield Read(opened))]

    assert run(flow(FakeChannel(REPLY, stream))) == [REPLY, [{"n": 1}], [{"n": 2}], None]
    assert slept == [2.5]
    assert stream.closed == 0, "the stream was handed on and is its reader's now"


@both
def test_an_error_of_the_transport_is_raised_where_the_flow_stands(run: Any) -> None:
    def flow(transport: FakeChannel) -> Flow[Any]:
        try:
            yield Send(WIRE, transport)
        except ValueError as error:
            return f"caught {error}"

    assert run(flow(FakeChannel(ValueError("x")))) == "caught x"


@both
def test_an_error_reply_in_place_of_a_stream_is_an_outcome(run: Any) -> None:
    def flow(transport: FakeChannel) -> Flow[Any]:
        return (yield Open(WIRE, transport))

    assert run(flow(FakeChannel(REPLY))) is REPLY


@both
def test_a_flow_that_fails_closes_its_stream_and_itself(run: Any) -> None:
    stream, cleaned = FakeStream(), []

    def flow(transport: FakeChannel) -> Flow[Any]:
        try:
            yield Read((yield Open(WIRE, transport)))
            raise ValueError("odd")
        finally:
            cleaned.append(True)

    with pytest.raises(ValueError, match="odd"):
        run(flow(FakeChannel(stream)))
    assert stream.closed == 1
    assert cleaned == [True]


@both
def test_a_second_try_closes_the_stream_of_the_first(run: Any, slept: list[float]) -> None:
    first, second, third = FakeStream(), FakeStream(), FakeStream()

    def flow(transport: FakeChannel) -> Flow[Any]:
        yield Open(WIRE, transport)
        yield Sleep(1)
        assert first.closed == 1, "a connection is not held while waiting"
        yield Open(WIRE, transport)
        opened = yield Open(WIRE, transport)
        return opened.wire

    assert run(flow(FakeChannel(first, second, third))) is third
    assert [stream.closed for stream in (first, second, third)] == [1, 1, 0]


class Ticket:
    """Its turn comes at once; it knows how it was waited for."""

    def __init__(self) -> None:
        self.waited: list[str] = []

    def wait(self) -> None:
        self.waited.append("sync")

    async def wait_async(self) -> None:
        self.waited.append("async")


@both
def test_a_flow_waits_for_its_turn_without_holding_a_connection(run: Any) -> None:
    ticket, stream = Ticket(), FakeStream()

    def flow(transport: FakeChannel) -> Flow[Any]:
        yield Open(WIRE, transport)
        yield Wait(ticket)
        return (yield Send(WIRE, transport))

    assert run(flow(FakeChannel(stream, REPLY))) is REPLY
    assert ticket.waited == ["async" if run is run_awaiting else "sync"]
    assert stream.closed == 1


def test_ctrl_c_while_a_stream_is_open_closes_it() -> None:
    stream = FakeStream()

    def flow(transport: FakeChannel) -> Flow[Any]:
        yield Open(WIRE, transport)
        yield Send(WIRE, transport)

    with pytest.raises(KeyboardInterrupt):
        run(flow(FakeChannel(stream, KeyboardInterrupt())))
    assert stream.closed == 1


class Gate:
    """Waits for ever at its nth passing, and tells when it does."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.reached = asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.reached.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("place", [1, 2, 3, 4, 5], ids=["send", "open", "read", "read again", "sleep"])
def test_a_task_cancelled_at_any_await_leaves_nothing_open(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[bool] = []

    def flow(transport: FakeChannel) -> Flow[Any]:
        try:
            yield Send(WIRE, transport)
            opened = yield Open(WIRE, transport)
            yield Read(opened)
            yield Read(opened)
            yield Sleep(9)
        finally:
            cleaned.append(True)

    async def cancelled() -> FakeStream:
        gate = Gate(place)
        stream = FakeStream(gate)
        monkeypatch.setattr("llmlab.transport.driver.asyncio.sleep", gate)
        task = asyncio.create_task(run_async(flow(FakeChannel(REPLY, stream, wait=gate))))
        await gate.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return stream

    stream = asyncio.run(cancelled())
    assert stream.closed == (1 if place > 2 else 0)
    assert cleaned == [True]
