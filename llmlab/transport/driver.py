"""One flow, two drivers: what happens around a call is written once and runs sync and async.

A flow is a generator. It yields steps, is resumed with the outcome of each, and returns its result. An error of a step
is raised in the flow, where it waits for the outcome. `run` blocks, `run_async` awaits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from llmlab._utils.clock import real_seconds
from llmlab.transport.base import Transport, WireReply, WireRequest, WireStream

Result = TypeVar("Result")


class Step(Protocol):
    """Something that a flow wants done. Both methods give its outcome."""

    def run(self) -> Any: ...
    def run_async(self) -> Awaitable[Any]: ...


Flow: TypeAlias = Generator[Step, Any, Result]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the outcome is its `WireReply`."""

    request: WireRequest
    transport: Transport

    def run(self) -> WireReply:
        return self.transport.send(self.request)

    def run_async(self) -> Awaitable[WireReply]:
        return self.transport.send_async(self.request)


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request; the outcome is an `OpenStream`, or the `WireReply` of an error."""

    request: WireRequest
    transport: Transport

    def run(self) -> OpenStream | WireReply:
        wire = self.transport.open(self.request)
        return wire if isinstance(wire, WireReply) else OpenStream(wire, iter(wire))

    async def run_async(self) -> OpenStream | WireReply:
        wire = await self.transport.open_async(self.request)
        return wire if isinstance(wire, WireReply) else OpenStream(wire, aiter(wire))


@dataclass(frozen=True, slots=True)
class OpenStream:
    """An open stream. `events` is its iterator, sync or async as the driver is."""

    wire: WireStream
    events: Any

    def close(self, *, whole: bool = False) -> None:
        """Close the iterator and give the connection back; after a whole answer, so that it can be used again."""
        if whole:
            self.wire.finish()
        self.events.close()
        self.wire.close()

    async def aclose(self, *, whole: bool = False) -> None:
        """The async twin of `close`."""
        if whole:
            await self.wire.afinish()
        await self.events.aclose()
        await self.wire.aclose()


@dataclass(frozen=True, slots=True)
class Read:
    """Wait for the next events of an open stream; the outcome is a list of them, None at the end."""

    stream: OpenStream

    def run(self) -> list[dict[str, Any]] | None:
        return next(self.stream.events, None)

    async def run_async(self) -> list[dict[str, Any]] | None:
        return await anext(self.stream.events, None)


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float

    def run(self) -> None:
        time.sleep(real_seconds(self.seconds))

    def run_async(self) -> Awaitable[None]:
        return asyncio.sleep(real_seconds(self.seconds))


class Ticket(Protocol):
    """Something to wait for. Both methods return when it is there."""

    def wait(self) -> None: ...
    async def wait_async(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a ticket."""

    ticket: Ticket

    def run(self) -> None:
        self.ticket.wait()

    def run_async(self) -> Awaitable[None]:
        return self.ticket.wait_async()


def run(flow: Flow[Result]) -> Result:
    """Run a flow to its end, blocking. A stream that a failed attempt left open is closed before the next step."""
    opened: OpenStream | None = None
    try:
        step = next(flow)
        while True:
            try:
                if opened is not None and not isinstance(step, Read):
                    stale, opened = opened, None
                    stale.close()
                outcome = step.run()
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                opened = outcome if isinstance(outcome, OpenStream) else opened
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException:
        if opened is not None:
            opened.close()
        raise
    finally:
        flow.close()


async def run_async(flow: Flow[Result]) -> Result:
    """Run a flow to its end, awaiting. The twin of `run`."""
    opened: OpenStream | None = None
    try:
        step = next(flow)
        while True:
            try:
                if opened is not None and not isinstance(step, Read):
                    stale, opened = opened, None
                    await stale.aclose()
                outcome = await step.run_async()
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                opened = outcome if isinstance(outcome, OpenStream) else opened
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException:
        if opened is not None:
            await opened.aclose()
        raise
    finally:
        flow.close()
