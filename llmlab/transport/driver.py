"""One flow, two drivers: what happens around a call is written once and runs sync and async.

A flow is a generator. It yields what it wants done, is resumed with the outcome, and returns its result; an error of
the outcome is raised where the flow stands. The drivers at the bottom do the wanting, one blocking, one awaiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, TypeVar

from llmlab._utils.clock import real_seconds
from llmlab.transport.base import Transport, WireReply, WireRequest, WireStream

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the outcome is its `WireReply`. Without a transport of its own, it takes that of the driver."""

    request: WireRequest
    transport: Transport | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request; the outcome is an `OpenStream`, or the `WireReply` of an error."""

    request: WireRequest
    transport: Transport | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Wait for the next events of an open stream; the outcome is a list of them, None at the end."""

    stream: OpenStream


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float


class Ticket(Protocol):
    """A place in a waiting line. Both methods return when it is its turn."""

    def wait(self) -> None: ...
    async def wait_async(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until it is a ticket's turn."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream and the place up to which it has been read."""

    wire: WireStream
    events: Generator[list[dict[str, Any]]] | AsyncGenerator[list[dict[str, Any]]]

    def close(self) -> None:
        """Give the connection back."""
        self.events.close()  # type: ignore[union-attr]
        self.wire.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        await self.events.aclose()  # type: ignore[union-attr]
        await self.wire.aclose()


Step: TypeAlias = Send | Open | Read | Sleep | Wait
Outcome: TypeAlias = WireReply | OpenStream | list[dict[str, Any]] | None
Flow: TypeAlias = Generator[Step, Any, Result]


def run(flow: Flow[Result], transport: Transport) -> Result:
    """Run a flow to its end, blocking."""
    opened: list[OpenStream] = []

    def perform(step: Step) -> Outcome:
        match step:
            case Send(request, own):
                return (own or transport).send(request)
            case Open(request, own):
                _close(opened)
                wire = (own or transport).open(request)
                if isinstance(wire, WireReply):
                    return wire
                opened.append(OpenStream(wire, iter(wire)))
                return opened[-1]
            case Read(stream):
                return next(stream.events, None)  # type: ignore[arg-type]
            case Sleep(seconds):
                _close(opened)
                time.sleep(real_seconds(seconds))
            case Wait(ticket):
                _close(opened)
                ticket.wait()
        return None

    try:
        step = next(flow)
        while True:
            try:
                outcome = perform(step)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException:
        _close(opened)
        raise
    finally:
        flow.close()


async def run_async(flow: Flow[Result], transport: Transport) -> Result:
    """Run a flow to its end, awaiting. The twin of `run`."""
    opened: list[OpenStream] = []

    async def perform(step: Step) -> Outcome:
        match step:
            case Send(request, own):
                return await (own or transport).send_async(request)
            case Open(request, own):
                await _aclose(opened)
                wire = await (own or transport).open_async(request)
                if isinstance(wire, WireReply):
                    return wire
                opened.append(OpenStream(wire, aiter(wire)))
                return opened[-1]
            case Read(stream):
                return await anext(stream.events, None)  # type: ignore[arg-type]
            case Sleep(seconds):
                await _aclose(opened)
                await asyncio.sleep(real_seconds(seconds))
            case Wait(ticket):
                await _aclose(opened)
                await ticket.wait_async()
        return None

    try:
        step = next(flow)
        while True:
            try:
                outcome = await perform(step)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException:
        await _aclose(opened)
        raise
    finally:
        flow.close()


def on_transport(transport: Transport, flow: Flow[Result]) -> Flow[Result]:
    """Run a flow over a transport of its own, whoever drives it."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, (Send, Open)) and step.transport is None:
                step = replace(step, transport=transport)
            try:
                outcome = yield step
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        flow.close()


def _close(opened: list[OpenStream]) -> None:
    while opened:
        opened.pop().close()


async def _aclose(opened: list[OpenStream]) -> None:
    while opened:
        await opened.pop().aclose()
