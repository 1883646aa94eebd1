"""One flow, two drivers: what happens around a call is written once and runs sync and async.

A flow is a generator. It yields steps, is resumed with the outcome of each, and returns its result. An error of a step
is raised in the flow, where it waits for the outcome. `run` blocks, `run_async` awaits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
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
        wire: WireStream | WireReply | None = None
        try:
            wire = self.transport.open(self.request)
            return wire if isinstance(wire, WireReply) else OpenStream(wire, iter(wire))
        except BaseException:
            if wire is not None and not isinstance(wire, WireReply):
                wire.close()
            raise

    async def run_async(self) -> OpenStream | WireReply:
        wire = await self.transport.open_async(self.request)
        return wire if isinstance(wire, WireReply) else OpenStream(wire, aiter(wire))


@dataclass(slots=True, eq=False)
class OpenStream:
    """An open stream. `events` is its iterator, sync or async as the driver is.

    Closing it ends the call that it answers, too, and may be repeated after an interrupt.
    """

    wire: WireStream
    events: Any
    at_close: Callable[[], object] | None = None
    finished: bool = False

    def close(self, *, whole: bool = False) -> None:
        """Close the iterator and give the connection back; after a whole answer, so that it can be used again."""
        try:
            if whole and not self.finished:
                self.finished = True
                self.wire.finish()
            self.events.close()
            self.wire.close()
        finally:
            if self.at_close is not None:
                self.at_close()

    async def aclose(self, *, whole: bool = False) -> None:
        """The async twin of `close`."""
        try:
            if whole and not self.finished:
                self.finished = True
                await self.wire.afinish()
            await self.events.aclose()
            await self.wire.aclose()
        finally:
            if self.at_close is not None:
                self.at_close()


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
    opened: list[OpenStream] = []
    try:
        return _run(flow, opened)
    except BaseException:
        # Ctrl-C may have come while the same was done in there.
        _give_up(flow, opened)
        raise


def _run(flow: Flow[Result], opened: list[OpenStream]) -> Result:
    outcome: Any = None
    try:
        step = next(flow)
        while True:
            try:
                if opened and not isinstance(step, Read):
                    _close(opened)
                outcome = None  # so that an error of this step does not bring the last stream back
                outcome = step.run()
                if isinstance(outcome, OpenStream):
                    opened.append(outcome)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException:
        if isinstance(outcome, OpenStream) and outcome not in opened:
            opened.append(outcome)
        _give_up(flow, opened)
        raise


def _give_up(flow: Flow[Any], opened: list[OpenStream]) -> None:
    try:
        flow.close()
    finally:
        while opened:
            _close(opened)


def _close(opened: list[OpenStream]) -> None:
    """Close the stream that was opened last. It is forgotten only when it is closed, or cannot be."""
    try:
        opened[-1].close()
    except Exception:
        opened.pop()
        raise
    opened.pop()


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
                opened = outcome if isinstance(outcome, OpenStream) else opened
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                step = flow.throw(error)
            else:
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
