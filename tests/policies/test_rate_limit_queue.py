"""The queue that calls wait in, minute by minute. If one of these fails, a service refuses calls that were to wait, or
somebody waits for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.policies.rate_limit_queue import MINUTE, Queue, Service, Slot

EXAMPLES = settings(max_examples=100)
LIMITS = st.tuples(st.none() | st.integers(1, 4), st.none() | st.integers(10, 30), st.none() | st.integers(1, 3))
SECONDS = st.sampled_from([0.25, 7.5, 29.0, 30.0, 59.0, 60.0, 61.0])


@dataclass
class Asked:
    """One call of an example, and what became of it."""

    number: int
    slot: Slot
    arrived: float
    ended: float | None = None
    left: bool = False


@dataclass(frozen=True)
class Ask:
    """Somebody comes."""

    service: int
    tokens: int
    deadline: float | None


@dataclass(frozen=True)
class End:
    """The nth of those who are on their way is over, and has used a share of what it said."""

    number: int
    share: float


@dataclass(frozen=True)
class Leave:
    """The nth of those who wait, or have just started, is cancelled."""

    number: int


@dataclass(frozen=True)
class Pause:
    """A service asks for a pause."""

    service: int
    seconds: float


ASKS = st.builds(Ask, st.integers(0, 1), st.integers(1, 10), st.sampled_from([None, None, None, 45.0, 90.0, 300.0]))
DEEDS = st.one_of(
    ASKS,
    ASKS,
    ASKS,
    st.builds(End, st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(End, st.integers(0, 5), st.just(1.0)),
    st.builds(Leave, st.integers(0, 5)),
    st.builds(Pause, st.integers(0, 1), st.sampled_from([3.0, 70.0])),
)
SCRIPTS = st.lists(st.tuples(SECONDS, st.lists(DEEDS, min_size=2, max_size=10)), min_size=1, max_size=8)
Limits: TypeAlias = tuple[int | None, int | None, int | None]
Script: TypeAlias = list[tuple[float, list[Any]]]


@dataclass
class World:
    """A queue, a clock, and everybody who ever came."""

    limits: Limits
    moment: float = 1000.0
    calls: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = Queue(*self.limits)
        self.services = (Service(), Service())

    def advance(self, seconds: float) -> None:
        """Let time pass, and do what the watcher does when a moment comes."""
        until = self.moment + seconds
        while (due := self.queue.due(self.moment)) is not None and due <= until:
            assert due > self.moment, "the watcher would spin"
            self.moment = due
            self.queue.dispatch(due)
        self.moment = until
        self.queue.dispatch(until)

    def do(self, deed: Ask | End | Leave | Pause) -> None:
        if isinstance(deed, Ask):
            deadline = None if deed.deadline is None else self.moment + deed.deadline
            slot = Slot(self.services[deed.service], deed.tokens, 0.0, deadline)
            self.calls.append(Asked(len(self.calls), slot, self.moment))
            self.queue.acquire(slot, self.moment)
        elif isinstance(deed, End) and (in_flight := self.in_flight()):
            call = in_flight[deed.number % len(in_flight)]
            call.ended = self.moment
            self.queue.settle(call.slot, math.floor(call.slot.tokens * deed.share))
        elif isinstance(deed, Leave) and (leaving := self.leaving()):
            call = leaving[deed.number % len(leaving)]
            call.left = True
            self.queue.leave(call.slot)
        elif isinstance(deed, Pause):
            self.services[deed.service].limits.pause(self.moment, deed.seconds)
        self.queue.dispatch(self.moment)

    def in_flight(self) -> list[Asked]:
        return [call for call in self.calls if call.slot.started is not None and call.ended is None and not call.left]

    def leaving(self) -> list[Asked]:
        return [
            call
            for call in self.calls
            if call.slot.waits or (call in self.in_flight() and call.slot.started == self.moment)
        ]

    def finish(self) -> None:
        """Let all calls end, until nothing happens any more."""
        for _ in range(3 * len(self.calls) + 3):
            for _ in self.in_flight():
                self.do(End(0, 1.0))
            self.advance(200.0)


def played(limits: Limits, script: Script) -> World:
    world = World(limits)
    for seconds, deeds in script:
        for deed in deeds:
            world.do(deed)
            assert world.queue.in_flight == len(world.in_flight())
            assert world.queue.waiting == sum(call.slot.waits for call in world.calls)
            assert world.queue.in_flight <= (limits[2] or math.inf)
        world.advance(seconds)
    return world


@EXAMPLES
@given(LIMITS, SCRIPTS)
def test_no_minute_has_more_than_its_share(limits: Limits, script: Script) -> None:
    """The one promise of a limit."""
    world = played(limits, script)
    started = sorted((call.slot.started, call.slot.tokens) for call in world.calls if call.slot.started is not None)
    for end, _ in started:
        within = [tokens for moment, tokens in started if end - MINUTE < moment <= end]
        assert len(within) <= (limits[0] or math.inf)
        assert sum(within) <= (limits[1] or math.inf)


@EXAMPLES
@given(LIMITS, SCRIPTS)
def test_who_came_first_starts_first(limits: Limits, script: Script) -> None:
    """A big call behind which small ones could slip past would wait for ever on a busy day."""
    paused = any(isinstance(deed, Pause) for _, deeds in script for deed in deeds)
    world = played(limits, script)
    world.finish()
    for service in (None,) if not paused else world.services:
        # A pause holds up its own service only, and so others may go first.
        own = [call for call in world.calls if service is None or call.slot.service is service]
        started = [call.slot.started for call in own if call.slot.started is not None]
        assert started == sorted(started)


@EXAMPLES
@given(LIMITS, SCRIPTS)
def test_nobody_is_forgotten(limits: Limits, script: Script) -> None:
    """A lost wake-up is a program that hangs."""
    world = played(limits, script)
    world.finish()
    assert (world.queue.waiting, world.queue.in_flight) == (0, 0)
    assert world.queue.due(world.moment) is None
    for call in world.calls:
        assert call.left or call.slot.started is not None or call.slot.deadline is not None
        assert call.slot.turn is None or call.slot.turn.done()


@EXAMPLES
@given(LIMITS, SCRIPTS)
def test_nobody_waits_without_a_reason(limits: Limits, script: Script) -> None:
    """A limit that holds back more than it must would be switched off."""
    script = [(seconds, [deed for deed in deeds if not isinstance(deed, Pause)]) for seconds, deeds in script]
    world = played(limits, script)
    waiting = next((call for call in world.calls if call.slot.waits), None)
    if waiting is None:
        return
    recent = [
        call.slot for call in world.calls if (call.slot.started or -math.inf) + MINUTE > world.moment and not call.left
    ]
    full = (
        len(recent) >= (limits[0] or math.inf),
        sum(slot.tokens for slot in recent) + waiting.slot.tokens > (limits[1] or math.inf),
        len(world.in_flight()) >= (limits[2] or math.inf),
    )
    assert any(full)


@EXAMPLES
@given(LIMITS, st.lists(st.integers(1, 10), min_size=1, max_size=15))
def test_what_is_said_of_a_wait_comes_true(limits: Limits, sizes: list[int]) -> None:
    """Whoever is told to wait 40 s makes plans by it."""
    world = World((limits[0], None, None))
    for tokens in sizes:
        slot = Slot(world.services[0], tokens)
        world.queue.acquire(slot, world.moment)
        expected = world.queue.expected(slot, world.moment) if slot.waits else world.moment
        world.calls.append(Asked(len(world.calls), slot, expected))
    world.advance(2000.0)
    assert [call.slot.started for call in world.calls] == [call.arrived for call in world.calls]


def test_tokens_that_were_not_used_let_the_next_one_start() -> None:
    """Most answers are much shorter than their max_tokens."""
    world = World((None, 100, None))
    for _ in range(2):
        world.do(Ask(0, 80, None))
    assert world.calls[1].slot.waits
    world.do(End(0, 0.1))
    assert world.calls[1].slot.started == world.moment


def test_a_call_that_cannot_start_in_time_is_told_at_once() -> None:
    world = World((1, None, None))
    world.do(Ask(0, 1, None))
    world.do(Ask(0, 1, 59.0))
    assert world.calls[1].slot.turn is not None
    assert world.calls[1].slot.turn.done()
    assert world.calls[1].slot.started is None
    world.do(Ask(0, 1, 61.0))
    world.advance(60.0)
    assert world.calls[2].slot.started == world.moment


def test_a_call_that_started_late_counts_from_then_on() -> None:
    """Its event loop was busy for ten seconds; counted from its turn, the next minute would have one too many."""
    world = World((1, None, None))
    world.do(Ask(0, 1, None))
    world.do(Ask(0, 1, None))
    world.do(Ask(0, 1, None))
    world.advance(60.0)
    world.advance(10.0)
    world.queue.move(world.calls[1].slot, world.moment)
    world.advance(59.0)
    assert world.calls[2].slot.waits
    world.advance(1.0)
    assert world.calls[2].slot.started == world.moment
