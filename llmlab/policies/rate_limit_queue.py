"""A fair queue with a sliding window: no minute sees more calls or tokens than its limit.

First come, first served, except that a service which asks for a pause holds up its own calls only. A queue knows no
threads and no clock: its caller says what time it is, in seconds.
"""

from __future__ import annotations

import heapq
from asyncio import wrap_future
from collections.abc import Iterable
from concurrent.futures import Future, wait
from itertools import count, takewhile
from math import inf

from llmlab.policies.rate_limit_headers import ServerLimits

MINUTE = 60.0


class Slot:
    """The slot of one call: first in the queue, then in flight. Waiting for it ends at its start or its deadline.

    Args:
        service: the service of the call.
        tokens: tokens that the call may use.
        ahead: seconds by which the queue's clock is ahead of the caller's; 0 unless waits are shortened.
        deadline: when, on the caller's clock, it need not start any more; None for never.
    """

    __slots__ = ("ahead", "deadline", "number", "sent", "service", "started", "tokens", "turn")

    def __init__(self, service: Service, tokens: int, ahead: float = 0.0, deadline: float | None = None) -> None:
        self.service = service
        self.tokens = tokens
        self.ahead = ahead
        self.deadline = None if deadline is None else deadline + ahead
        self.number = 0
        self.started: float | None = None
        self.sent = False
        """Whether its request was sent; then it counts in its minute, however it ends."""
        self.turn: Future[None] | None = None
        """Done when the wait is over."""

    def wait(self) -> None:
        """Wait for the start or the deadline."""
        # In slices, because on Windows a wait without an end ignores Ctrl-C.
        while self.turn and not wait([self.turn], 1.0).done:
            continue

    async def wait_async(self) -> None:
        """The async twin of `wait`."""
        if self.turn:
            await wrap_future(self.turn)

    @property
    def waits(self) -> bool:
        """Whether it is still in the queue."""
        return self.turn is not None and not self.turn.done()


class Service:
    """One model of one service: the limits that it reported, and the slots that wait for it."""

    __slots__ = ("limits", "waiting")

    def __init__(self) -> None:
        self.limits = ServerLimits()
        self.waiting: dict[Slot, None] = {}

    @property
    def head(self) -> Slot:
        """The slot that has waited longest."""
        return next(iter(self.waiting))

    def is_ready(self, slot: Slot, when: float) -> bool:
        """Return whether the limits of the service let a slot start."""
        return self.limits.ready_at(slot.tokens) <= when


class Queue:
    """Waiting slots, slots in flight, and those that started within the last minute.

    Args:
        requests: most starts in a minute; None for no limit.
        tokens: most tokens in a minute; None for no limit.
        in_flight: most slots in flight; None for no limit.
    """

    def __init__(self, requests: int | None, tokens: int | None, in_flight: int | None) -> None:
        self._requests, self._tokens, self._most = (inf if n is None else n for n in (requests, tokens, in_flight))
        # Dicts and not sets or lists: putting a slot into one is a step that no interrupt can divide.
        self._flying: dict[Slot, None] = {}
        self._window: dict[Slot, None] = {}
        self._used = self._wanted = 0
        self._services: dict[Service, None] = {}
        self._deadlines: list[tuple[float, int, Slot]] = []
        self._numbers = count(1)

    @property
    def in_flight(self) -> int:
        """How many slots have started and not ended."""
        return len(self._flying)

    @property
    def waiting(self) -> int:
        """How many slots wait."""
        return sum(len(service.waiting) for service in self._services)

    def recount(self) -> None:
        """Make all sums right again after an interrupt. Each slot knows how far it came."""
        self._services = {service: None for service in self._services if service.waiting}
        self._used = sum(slot.tokens for slot in self._window)
        self._wanted = sum(slot.tokens for service in self._services for slot in service.waiting)

    def acquire(self, slot: Slot, when: float) -> None:
        """Start a slot at once if there is room and nothing waits; else put it into the queue."""
        if not self._services:
            self._expire(when)
            if self._has_room(slot) and slot.service.is_ready(slot, when):
                self._start(slot, when)
                return
        slot.number = next(self._numbers)
        slot.turn = Future()
        # From now on nobody who stops waiting can cancel it.
        slot.turn.set_running_or_notify_cancel()
        self._services[slot.service] = None
        slot.service.waiting[slot] = None
        self._wanted += slot.tokens
        if slot.deadline is not None:
            if self._free_at(self.waiting, 0, when) > slot.deadline:
                self._remove(slot)
                return
            heapq.heappush(self._deadlines, (slot.deadline, slot.number, slot))
        self.dispatch(when)

    def dispatch(self, when: float) -> None:
        """Start every slot that can start, and remove those past their deadlines."""
        self._expire(when)
        while slot := self._next(when):
            if slot.waits:
                if not self._has_room(slot):
                    break
                self._start(slot, when)
            # Only now, because a thread that waits goes on as soon as this is done.
            self._remove(slot)
        while self._deadlines and (self._deadlines[0][0] <= when or not self._deadlines[0][2].waits):
            slot = heapq.heappop(self._deadlines)[2]
            if slot.waits:
                self._remove(slot)

    def due(self, when: float) -> float | None:
        """Return the next time of a start or a deadline; None if that depends on slots in flight."""
        times = [service.limits.ready_at(service.head.tokens) for service in self._services]
        times = [ready for ready in times if ready > when]
        if (slot := self._next(when)) and len(self._flying) < self._most:
            times.append(self._free_at(1, slot.tokens))
        if self._deadlines:
            times.append(self._deadlines[0][0])
        return min(times, default=None)

    def expected(self, slot: Slot, when: float) -> float:
        """Return when the last slot can start, if all before it use their tokens and end soon enough."""
        return max(self._free_at(self.waiting, self._wanted, when), slot.service.limits.ready_at(slot.tokens))

    def move(self, slot: Slot, when: float) -> None:
        """Note that a call started later than it could have, for instance because its event loop was busy."""
        if slot in self._window:
            slot.started = when
            self._window = dict.fromkeys(sorted(self._window, key=_started))

    def leave(self, slot: Slot) -> None:
        """Take back a slot for which nothing was sent. May be repeated."""
        if slot in slot.service.waiting:
            self._remove(slot)
        if slot in self._window:
            self._window.pop(slot)
            self._used -= slot.tokens
        if slot in self._flying:
            self._flying.pop(slot)
            slot.started = None

    def settle(self, slot: Slot, tokens: int) -> None:
        """Note the end of a call, and the tokens that it used. Only the first time counts."""
        if slot in self._flying:
            if slot in self._window:
                self._used += tokens - slot.tokens
            slot.tokens = tokens
            self._flying.pop(slot)

    def _next(self, when: float) -> Slot | None:
        """Return the slot that has waited longest, of those that their services let start."""
        heads = (service.head for service in self._services if service.is_ready(service.head, when))
        return min(heads, key=lambda slot: slot.number, default=None)

    def _has_room(self, slot: Slot) -> bool:
        return (
            len(self._flying) < self._most
            and len(self._window) < self._requests
            # Answers without `max_tokens` may have used more than the limit: then everything waits.
            and self._used + slot.tokens <= self._tokens
        )

    def _start(self, slot: Slot, when: float) -> None:
        slot.service.limits.started(slot.tokens)
        used = self._used + slot.tokens
        # One statement that calls nothing: Ctrl-C comes before or after all of it.
        slot.started, self._flying[slot], self._window[slot], self._used = when, None, None, used

    def _remove(self, slot: Slot) -> None:
        """Take a slot out of the queue and end its wait: it has started, or it is too late."""
        assert slot.turn is not None
        if not slot.turn.done():
            slot.turn.set_result(None)
        service = slot.service
        self._wanted -= slot.tokens
        service.waiting.pop(slot, None)
        if not service.waiting:
            self._services.pop(service, None)

    def _expire(self, when: float) -> None:
        for slot in list(takewhile(lambda slot: _started(slot) + MINUTE <= when, self._window)):
            self._window.pop(slot)
            self._used -= slot.tokens

    def _free_at(self, requests: int, tokens: int, when: float = 0.0) -> float:
        """Return when there is room for so much, if all room is used as soon as it is there."""
        starts = ((_started(slot), 1) for slot in self._window)
        amounts = ((_started(slot), slot.tokens) for slot in self._window)
        return max(
            _room_at(starts, len(self._window), self._requests, requests, when),
            _room_at(amounts, self._used, self._tokens, tokens, when),
        )


def _room_at(window: Iterable[tuple[float, int]], used: int, limit: float, wanted: int, when: float) -> float:
    """Return when there is room for `wanted`, at `when` at the earliest."""
    missing = used + wanted - limit
    if missing <= 0 or not wanted:
        return when
    # What is used now is free again a minute later, and is used again.
    rounds, missing = divmod(missing - 1, limit)
    for started, amount in window:
        missing -= amount
        if missing < 0:
            return started + MINUTE * (1 + rounds)
    return when + MINUTE * (1 + rounds)


def _started(slot: Slot) -> float:
    assert slot.started is not None
    return slot.started
