"""What a policy is: a generator around a call, which may wait, try again, answer by itself, or refuse.

Policies know a `Call`, and neither providers nor sockets. `check_order` refuses orders that make no sense.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Protocol, TypeAlias, cast, runtime_checkable

from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError, LLMError, LLMTimeoutError
from llmlab.formats import Format
from llmlab.transport.base import WireReply, WireRequest
from llmlab.transport.driver import Flow, OpenStream, Read
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion, Source
from llmlab.types.request import Request

_CLOSE = 0.01
"""Seconds. So close to the deadline nothing more is begun; two clocks never agree to the last digit."""
Answer: TypeAlias = Completion | StreamState
AtEnd: TypeAlias = Callable[[Completion | None, LLMError | None], None]
Inner: TypeAlias = "Callable[[Call], Flow[Answer]]"
"""What a policy stands around: the next policy, and at last the sending."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request.

    Args:
        started: when, on the clock of the policies.
        ended: when its answer was there, or for a stream its first chunk.
        seconds: how long that took; the recorded time where the answer is recorded.
        error: what went wrong, or None.
    """

    started: float
    ended: float
    seconds: float
    error: LLMError | None = None


@dataclass(slots=True, eq=False)
class Call:
    """One call on its way through the policies.

    Args:
        provider: who answers.
        base_url: where the service is.
        format: the wire format.
        request: the request.
        body: the same as wire JSON.
        stream: whether the answer is streamed.
        started: when, on the clock of the policies (`llmlab._utils.clock.now`), in seconds.
        attempts: what was sent so far.
        headers: of the last HTTP answer, also of an error.
        elapsed: seconds that the last HTTP answer took.
        finished: whether the answer came to its end; a stream may be left before that.
        recorded: whether the ledger has it.
    """

    provider: str
    base_url: str
    format: Format
    request: Request
    body: dict[str, Any]
    stream: bool
    started: float = field(default_factory=now)
    attempts: list[Attempt] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    elapsed: float = 0.0
    finished: bool = True
    recorded: bool = False
    _at_end: deque[AtEnd] = field(default_factory=deque)
    _outcome: tuple[Completion | None, LLMError | None] | None = None

    @property
    def deadline(self) -> float | None:
        """The second of the policies' clock at which all must be over, or None."""
        return None if self.request.deadline is None else self.started + self.request.deadline

    def remaining(self) -> float | None:
        """Return the seconds left before the deadline, or None if there is none.

        Raises:
            LLMTimeoutError: if none is left. Its cause is what failed last.
        """
        if self.request.deadline is None:
            return None
        if (left := self.started + self.request.deadline - now()) > 0:
            return left
        raise self.too_late()

    def in_time(self, error: LLMError) -> LLMError:
        """Return an error, or that of the deadline if it has passed: then a timeout is due to it."""
        timed_out = isinstance(error, LLMTimeoutError) or isinstance(error.__cause__, LLMTimeoutError)
        if timed_out and self.deadline is not None and now() >= self.deadline - _CLOSE:
            return self.too_late()
        return error

    def too_late(self) -> LLMTimeoutError:
        """Return the error for a call that is not over at its deadline."""
        errors = (attempt.error for attempt in reversed(self.attempts))
        failed = next((error for error in errors if error and error.code != "deadline"), None)
        last = f" The last attempt ended with: {failed.message}" if failed else ""
        count = len(self.attempts)
        so_far = f"{count} attempt{'' if count == 1 else 's'}" if count else "no attempt"
        error = LLMTimeoutError(
            f"the deadline of {self.request.deadline:g} s leaves no time to go on, after {so_far}. "
            f"Give the call more time: deadline=<seconds>.{last}",
            provider=self.provider,
            code="deadline",
        )
        error.__cause__ = failed
        return error

    def wire(self) -> WireRequest:
        """Return the HTTP request of this call."""
        timeout = None if self.request.deadline is None else self.remaining()
        return WireRequest("POST", self.format.path, self.body, self.format.framing, timeout)

    def decode(self, reply: WireReply) -> Completion:
        """Return a whole HTTP answer as a `Completion`."""
        answer = self.format.decode(reply.body)
        return replace(
            answer,
            provider=self.provider,
            model=answer.model or self.request.model,
            raw_response=reply.body,
            # The tape, where it is on, says so in a header.
            source=cast("Source", reply.headers.get("x-llmlab-source", "live")),
            latency=reply.elapsed,
        )

    def prime(self, opened: OpenStream) -> Flow[StreamState]:
        """Read an open stream up to its first chunk. Until then, everything can be tried again."""
        self.headers = opened.wire.headers
        state = StreamState(opened, self.format.stream(), self.provider, self, self.request.response_format)
        state.model = self.request.model
        try:
            ready = state.decoder.finished
            while not ready:
                self.remaining()
                events = yield Read(opened)
                self.elapsed = opened.wire.elapsed()
                ready = state.prime(events)
        except LLMError as error:
            raise state.broken(error) from error
        return state

    def at_end(self, callback: AtEnd) -> None:
        """Have something done at the end: after the whole answer, an error, both (a broken stream), or neither.

        What a policy takes for a call, it gives back here. It says so before it takes, so that Ctrl-C at any moment
        finds it noted.

        Args:
            callback: called with the answer as far as it came and the error. It must not raise, and is called again if
                an interrupt came in between.
        """
        self._at_end.append(callback)

    def end(
        self, completion: Completion | None = None, error: LLMError | None = None, *, finished: bool = True
    ) -> None:
        """End this call. Only the first outcome counts. After an interrupt, the next time does what is left to do."""
        if self._outcome is None:
            self.finished, self._outcome = finished, (completion, error)
        while self._at_end:
            self._at_end[0](*self._outcome)
            self._at_end.popleft()


@runtime_checkable
class Policy(Protocol):
    """Something that happens around a call."""

    kind: ClassVar[str]
    """cache, budget, retry or limits; or a name of your own, which may stand anywhere."""

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Return the answer of `inner(call)`, of another try of it, or of your own."""
        ...


_BAD_ORDER = {
    ("retry", "cache"): "a cached answer needs no retry: put the cache before the retry",
    ("limits", "cache"): "a cached answer need not wait: put the cache before the limits",
    ("retry", "budget"): "each retry would be reserved like a call of its own: put the budget before the retry",
    ("limits", "budget"): "a call would wait only to be refused: put the budget before the limits",
    ("limits", "retry"): "only the first try would wait for its turn: put the limits after the retry",
    ("retry", "retry"): "two retries multiply: three tries of three are nine",
    ("cache", "cache"): "an answer that is not in the outer cache is not in the inner one either",
    ("limits", "limits"): "a call would hold a place in one queue while it waits in the other, and two could wait "
    "for ever",
}
"""What must not stand outside of what, and why."""


def check_order(policies: Sequence[Policy], retry: Policy) -> tuple[Policy, ...]:
    """Return policies, the outermost first, with a retry among them.

    Args:
        policies: the user's, the outermost first.
        retry: the one to add, right outside of the limits, where they hold none.

    Raises:
        ConfigurationError: names the two that make no sense together, and the order that does.
    """
    for policy in policies:
        if isinstance(policy, type) or not isinstance(policy, Policy):
            raise ConfigurationError(f"{policy!r} is no policy: use Cache(), Budget(), RetryPolicy() or Limits()")
    kinds = [policy.kind for policy in policies]
    for position, outer in enumerate(kinds):
        for inner in kinds[position + 1 :]:
            if reason := _BAD_ORDER.get((outer, inner)):
                raise ConfigurationError(f"policies: {outer} around {inner} makes no sense; {reason}.")
    if "retry" in kinds:
        return tuple(policies)
    outside = max((position + 1 for position, kind in enumerate(kinds) if kind in ("cache", "budget")), default=0)
    return (*policies[:outside], retry, *policies[outside:])


def chain(policies: Sequence[Policy], innermost: Inner) -> Inner:
    """Return one function that runs a call through all policies, the outermost first."""
    inner = innermost
    for policy in reversed(policies):
        inner = partial(policy.wrap, inner=inner)
    return inner
