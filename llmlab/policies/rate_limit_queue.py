"""A waiting line: who may start when, so that no minute sees more than its share.

First come, first served, except that a service which asks for a pause holds up its own calls only. A line knows no
threads and no clock: whoever asks says what moment it is, in seconds.
"""

from __future__ import annotations

import heapq
from asyncio import wrap_future
from bisect import insort
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, wait
from itertools import count

from llmlab.policies.rate_limit_headers import ServiceRoom

MINUTE = 60.0


class Place:
    """The place of one call: first in the line, then on its way. Waiting for it ends when it may start, or is too late.

    Args:
        service: who is called.
        tokens: that it may use.
        ahead: seconds by which the line is ahead of the clock of who waits; 0 unless waits are shortened.
        deadline: the moment, on the clock of who waits, at which it need not start any more; None for never.
    """

    __slots__ = ("ahead", "counted", "deadline", "number", "service", "started", "tokens", "turn")

    def __init__(self, service: Service, tokens: int, ahead: float = 0.0, deadline: float | None = None) -> None:
        self.service = service
        self.tokens = tokens
        self.ahead = ahead
        self.deadline = None if deadline is None else deadline + ahead
        self.number = 0
        self.started: float | None = None
        self.counted = False
        """Whether it is one of those that started within the last minute."""
        self.turn: Future[None] | None = None
        """Is over when nobody need wait any more."""

    def wait(self) -> None:
        """Wait until it may start, or need not any more."""
        # In slices, because on Windows a wait without an end hears no Ctrl-C.
        while self.turn and not wait([self.turn], 1.0).done:
            continue

    async def wait_async(self) -> None:
        """The async twin of `wait`."""
        if self.turn:
            await wrap_future(self.turn)

    @property
    def waits(self) -> bool:
        """Whether it still stands in the line."""
        return self.turn is not None and not self.turn.done()


class Service:
    """One model of one service: what it said of its limits, and who waits for it."""

    __slots__ = ("line", "room")

    def __init__(self) -> None:
        self.room = ServiceRoom()
        self.line: OrderedDict[Place, None] = OrderedDict()

    @property
    def head(self) -> Place:
        return next(iter(self.line))


class Line:
    """Who waits, who is on his way, and what started within the last minute.

    Args:
        requests: that may start in a minute; None for no limit.
        tokens: that they may use; None for no limit.
        in_flight: that may be on their way at once; None for no limit.
    """

    def __init__(self, requests: int | None, tokens: int | None, in_flight: int | None) -> None:
        self.limits = (requests, tokens, in_flight)
        self._requests = float("inf") if requests is None else requests
        self._tokens = float("inf") if tokens is None else tokens
        self._in_flight = float("inf") if in_flight is None else in_flight
        self.flying = 0
        self.waiting = 0
        self._used = 0
        self._wanted = 0
        self._log: list[Place] = []
        self._services: dict[Service, None] = {}
        self._deadlines: list[tuple[float, int, Place]] = []
        self._numbers = count(1)

    def enter(self, place: Place, moment: float) -> None:
        """Start at once if there is room and nobody waits; else stand in the line."""
        if not self.waiting:
            self._expire(moment)
            if self._has_room(place) and place.service.room.ready_at(place.tokens) <= moment:
                self._start(place, moment)
                return
        place.number = next(self._numbers)
        place.turn = Future()
        # From now on nobody who stops waiting can cancel it.
        place.turn.set_running_or_notify_cancel()
        place.service.line[place] = None
        self._services[place.service] = None
        self.waiting += 1
        self._wanted += place.tokens
        if place.deadline is not None:
            if self._free_at(self.waiting, 0, moment) > place.deadline:
                self._step_out(place)
                return
            heapq.heappush(self._deadlines, (place.deadline, place.number, place))
        self.serve(moment)

    def serve(self, moment: float) -> None:
        """Let start who can, and send away who is too late."""
        self._expire(moment)
        while (place := self._next(moment)) and self._has_room(place):
            self._start(place, moment)
            # Not before, because whoever waits in another thread goes as soon as this is done.
            self._step_out(place)
        while self._deadlines and (self._deadlines[0][0] <= moment or not self._deadlines[0][2].waits):
            place = heapq.heappop(self._deadlines)[2]
            if place.waits:
                self._step_out(place)

    def due(self, moment: float) -> float | None:
        """Return the next moment at which somebody can start or is too late; None if that depends on others' ends."""
        moments = [service.room.ready_at(service.head.tokens) for service in self._services]
        moments = [ready for ready in moments if ready > moment]
        if (place := self._next(moment)) and self.flying < self._in_flight:
            moments.append(self._free_at(1, place.tokens))
        if self._deadlines:
            moments.append(self._deadlines[0][0])
        return min(moments, default=None)

    def expected(self, place: Place, moment: float) -> float:
        """Return when the last one in the line can start, if all before use what they said, and end soon enough."""
        room = self._free_at(self.waiting, self._wanted, moment)
        return max(room, place.service.room.ready_at(place.tokens))

    def move(self, place: Place, moment: float) -> None:
        """Note that a call started later than it could have, for instance because its event loop was busy."""
        if place.counted:
            self._log.remove(place)
            place.started = moment
            insort(self._log, place, key=_started)

    def leave(self, place: Place) -> None:
        """Take back a place from which nothing was sent."""
        if place.waits:
            self._step_out(place)
        elif place.started is not None:
            self.settle(place, 0)
            if place.counted:
                self._log.remove(place)
            place.started = None

    def settle(self, place: Place, tokens: int) -> None:
        """Note that a call is over, and what it used."""
        self.flying -= 1
        if place.counted:
            self._used += tokens - place.tokens
        place.tokens = tokens

    def _next(self, moment: float) -> Place | None:
        """Return who has waited longest of those whose service lets them pass."""
        heads = (service.head for service in self._services)
        ready = (head for head in heads if head.service.room.ready_at(head.tokens) <= moment)
        return min(ready, key=_number, default=None)

    def _has_room(self, place: Place) -> bool:
        return (
            self.flying < self._in_flight
            and len(self._log) < self._requests
            # Answers without a limit of their own may have used more than there was: then everybody waits.
            and self._used + place.tokens <= self._tokens
        )

    def _start(self, place: Place, moment: float) -> None:
        place.started = moment
        place.counted = True
        place.service.room.started(place.tokens)
        self.flying += 1
        self._used += place.tokens
        self._log.append(place)

    def _step_out(self, place: Place) -> None:
        """Take a place out of the line. Who waits for it looks up: it has started, or it is too late."""
        service = place.service
        del service.line[place]
        if not service.line:
            del self._services[service]
        self.waiting -= 1
        self._wanted -= place.tokens
        assert place.turn is not None
        place.turn.set_result(None)

    def _expire(self, moment: float) -> None:
        over = 0
        for place in self._log:
            if _started(place) + MINUTE > moment:
                break
            place.counted = False
            self._used -= place.tokens
            over += 1
        del self._log[:over]

    def _free_at(self, requests: int, tokens: int, moment: float = 0.0) -> float:
        """Return when there is room for so much, if all room is used as soon as it is there."""
        return max(
            _room_at(((_started(place), 1) for place in self._log), len(self._log), self._requests, requests, moment),
            _room_at(
                ((_started(place), place.tokens) for place in self._log), self._used, self._tokens, tokens, moment
            ),
        )


def _room_at(log: Iterable[tuple[float, int]], used: int, limit: float, wanted: int, moment: float) -> float:
    """Return when there is room for `wanted`, at `moment` at the earliest."""
    missing = used + wanted - limit
    if missing <= 0 or not wanted:
        return moment
    # What is used now is free again a minute later, and is used again.
    rounds, missing = divmod(missing - 1, limit)
    for started, amount in log:
        missing -= amount
        if missing < 0:
            return started + MINUTE * (1 + rounds)
    return moment + MINUTE * (1 + rounds)


def _started(place: Place) -> float:
    assert place.started is not None
    return place.started


def _number(place: Place) -> int:
    return place.number
