"""What a policy is: a generator around a call, which may wait, try again, answer by itself, or refuse.

Policies know a `Call` and nothing of providers or sockets. `arranged` refuses orders without sense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from llmlab._utils.clock import now
from llmlab.errors import ConfigurationError, LLMError, LLMTimeoutError
from llmlab.formats import Format
from llmlab.transport.driver import Flow
from llmlab.transport.streams import StreamState
from llmlab.types.completion import Completion
from llmlab.types.request import Request

Answer: TypeAlias = Completion | StreamState
AtEnd: TypeAlias = Callable[[Completion | None, LLMError | None], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request.

    Args:
        started: when, on the clock of the policies.
        ended: when its answer was there, or for a stream its first piece.
        seconds: how long that took; recorded ones where the answer is, which the clock need not have waited for.
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
        provider: who is asked.
        base_url: where the service is.
        format: the wire format.
        request: what is asked.
        body: the same as wire JSON.
        stream: whether the answer is wanted piece by piece.
        attempt: sends the request once and reads the answer, past all policies.
        started: when, on the clock of the policies (`llmlab._utils.clock.now`), in seconds.
        attempts: what was sent so far.
        headers: of the last HTTP answer, also of one that is an error.
        elapsed: seconds that the last HTTP answer took.
        finished: whether the answer came to its end; a stream may be left before that.
    """

    provider: str
    base_url: str
    format: Format
    request: Request
    body: dict[str, Any]
    stream: bool
    attempt: Callable[[Call], Flow[Answer]]
    started: float = field(default_factory=now)
    attempts: list[Attempt] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    elapsed: float = 0.0
    finished: bool = True
    _at_end: list[AtEnd] | None = field(default_factory=list)

    @property
    def deadline(self) -> float | None:
        """The second of the policies' clock at which all must be over, or None."""
        return None if self.request.deadline is None else self.started + self.request.deadline

    def remaining(self) -> float | None:
        """Return the seconds left before the deadline, or None if there is none.

        Raises:
            LLMTimeoutError: if none is left. Its cause is what failed last.
        """
        if self.deadline is None:
            return None
        if (left := self.deadline - now()) > 0:
            return left
        raise self.too_late()

    def too_late(self) -> LLMTimeoutError:
        """Return the error for a call that is not over at its deadline."""
        failed = next((attempt.error for attempt in reversed(self.attempts) if attempt.error), None)
        last = f" The last attempt ended with: {failed.message}" if failed else ""
        so_far = (
            f"{len(self.attempts)} attempt{'' if len(self.attempts) == 1 else 's'}" if self.attempts else "no attempt"
        )
        error = LLMTimeoutError(
            f"the deadline of {self.request.deadline:g} s leaves no time to go on, after {so_far}. "
            f"Give the call more time: deadline=<seconds>.{last}",
            provider=self.provider,
            code="deadline",
        )
        error.__cause__ = failed
        return error

    def at_end(self, callback: AtEnd) -> None:
        """Have something done at the end: after the whole answer, an error, both (a broken stream), or neither.

        Args:
            callback: called once, with the answer as far as it came and the error. It must not raise.
        """
        if self._at_end is not None:
            self._at_end.append(callback)

    def end(self, completion: Completion | None = None, error: LLMError | None = None) -> None:
        """End this call. Only the first time counts."""
        callbacks, self._at_end = self._at_end, None
        for callback in callbacks or ():
            callback(completion, error)


@runtime_checkable
class Policy(Protocol):
    """Something that happens around a call."""

    kind: ClassVar[str]
    """cache, budget, retry or limits; or a name of your own, which may stand anywhere."""

    def around(self, call: Call, inner: Callable[[], Flow[Answer]]) -> Flow[Answer]:
        """Return the answer of `inner`, of another try of it, or of one's own."""
        ...


_SENSELESS = {
    ("retry", "cache"): "an answer that is kept needs no retry: put the cache before the retry",
    ("limits", "cache"): "an answer that is kept needs no place in the line: put the cache before the limits",
    ("retry", "budget"): "each retry would be reserved like a call of its own: put the budget before the retry",
    ("limits", "budget"): "a call would wait only to be refused: put the budget before the limits",
    ("limits", "retry"): "only the first try would wait for its turn: put the limits after the retry",
}
"""What must not stand outside of what, and why."""

_ALONE = {
    "retry": "two retries multiply: three tries of three are nine",
    "cache": "what the outer cache lets through, the inner one does not have either",
    "limits": "a call would keep its place in one line while it waits in the other, and two could wait for ever",
}
"""What stands once at most, and why."""


def arranged(policies: Sequence[Policy], retry: Policy) -> tuple[Policy, ...]:
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
    for place, outer in enumerate(kinds):
        for inner in kinds[place + 1 :]:
            if reason := _SENSELESS.get((outer, inner)) or (_ALONE.get(outer) if inner == outer else None):
                raise ConfigurationError(f"policies: {outer} around {inner} makes no sense; {reason}.")
    if "retry" in kinds:
        return tuple(policies)
    outside = max((place + 1 for place, kind in enumerate(kinds) if kind in ("cache", "budget")), default=0)
    return (*policies[:outside], retry, *policies[outside:])


def run_through(policies: Sequence[Policy], call: Call, innermost: Callable[[], Flow[Answer]]) -> Flow[Answer]:
    """Run a call through its policies. It ends here, unless its answer is a stream, which ends it when it is read."""
    inner = innermost
    for policy in reversed(policies):
        inner = _around(policy, call, inner)
    try:
        answer = yield from inner()
    except BaseException as error:
        call.end(None, error if isinstance(error, LLMError) else None)
        raise
    return answer


def _around(policy: Policy, call: Call, inner: Callable[[], Flow[Answer]]) -> Callable[[], Flow[Answer]]:
    return lambda: policy.around(call, inner)
