"""Retry a call whose error is temporary.

    RetryPolicy(max_retries=5, on=["rate_limit", "timeout"], delay=lambda retry: 0.5 * retry, on_retry=print)

Connection errors, timeouts and temporary statuses are retried, a wrong request or a refused key is not. A stream is
retried only until its first chunk, because what a reader has seen cannot be taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

from llmlab._utils.clock import chance, now
from llmlab.errors import (
    ERROR_KINDS,
    ConfigurationError,
    LLMConnectionError,
    LLMError,
    LLMStreamError,
)
from llmlab.policies.base import Call
from llmlab.transport.driver import Flow, Sleep
from llmlab.types.validation import is_number

RETRY_STATUS = frozenset({408, 409, 429, *range(500, 600)} - {501})
"""Temporary statuses. Proxies have their own above 504; 529 is Anthropic's "overloaded"."""

Result = TypeVar("Result")
Which: TypeAlias = Callable[[LLMError], bool] | Sequence[str | type[LLMError]]
_log = logging.getLogger("llmlab")


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """A retry that comes next.

    Args:
        retry: its number, from 1.
        of: how many there are at most.
        seconds: the wait before it.
        error: of the last attempt.
    """

    retry: int
    of: int
    seconds: float
    error: LLMError

    def __str__(self) -> str:
        return f"retry {self.retry} of {self.of} in {self.seconds:.1f} s: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to retry, after which errors and waits.

    Args:
        max_retries: tries beyond the first.
        base_delay: seconds before the first retry; each further wait is twice as long.
        jitter: share of the wait that is added at random, so that many clients do not come back at the same moment.
        max_wait: seconds. A service that asks for more is not waited for; the error says how long it asked.
        total: seconds after which no further try begins. To end a call in the middle of a try, give it a deadline.
        on: the errors to retry: names of `ERROR_KINDS`, classes, or a function of the error; else all that pass.
            Classes and functions are taken at their word, also for what will fail again.
        delay: gives the seconds before retry 1, 2, …, in place of `base_delay`, which it leaves without jitter.
        on_retry: called before the wait of each retry. Its exception ends the call.

    Raises:
        ConfigurationError: for a number below 0, an unknown name, or a `delay` that is no function.
    """

    kind: ClassVar[str] = "retry"

    max_retries: int = 3
    base_delay: float = 2.0
    jitter: float = 0.25
    max_wait: float = 120.0
    total: float | None = None
    on: Which | None = None
    delay: Callable[[int], float] | None = None
    on_retry: Callable[[RetryEvent], object] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.on, (str, type)):
            object.__setattr__(self, "on", (self.on,))
        for name in ("max_retries", "base_delay", "jitter", "max_wait", "total"):
            if (value := getattr(self, name)) is not None and not is_number(value):
                raise ConfigurationError(f"{name} of a retry must be 0 or more, not {value!r}")
        for name, such in (("delay", "lambda retry: 0.5"), ("on_retry", "print")):
            if (value := getattr(self, name)) is not None and not callable(value):
                raise ConfigurationError(f"{name} of a retry must be a function, such as {such}, not {value!r}")
        for item in () if self.on is None or callable(self.on) else self.on:
            known = (
                item in ERROR_KINDS if isinstance(item, str) else isinstance(item, type) and issubclass(item, LLMError)
            )
            if not known:
                raise ConfigurationError(
                    f"a retry is for {', '.join(ERROR_KINDS)}, or for classes of LLMError, not {item!r}"
                )

    def wait_before(self, retry: int, error: LLMError) -> float | None:
        """Return the seconds to wait before retry number `retry` (1, 2, …), or None to give up."""
        if retry > self.max_retries or not self.is_for(error):
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.max_wait else None
        wait = (
            self.base_delay * 2.0 ** min(retry - 1, 64) * (1 + self.jitter * chance())
            if self.delay is None
            else max(0.0, self.delay(retry))
        )
        return min(wait, self.max_wait)

    def is_for(self, error: LLMError) -> bool:
        """Return whether an error is one of those that are retried."""
        if self.on is None:
            return is_passing(error)
        if callable(self.on):
            return self.on(error)
        return any(
            isinstance(error, ERROR_KINDS[item]) and is_passing(error)
            if isinstance(item, str)
            else isinstance(error, item)
            for item in self.on
        )

    def wrap(self, call: Call | None, inner: Callable[[Any], Flow[Result]]) -> Flow[Result]:
        """Run a call until it succeeds, fails for good, or its deadline is nearer than the next try.

        Each retry is logged. A flow that is no call has no deadline.
        """
        retry, started = 0, now() if self.total is not None else 0.0
        while True:
            try:
                return (yield from inner(call))
            except LLMError as error:
                retry += 1
                wait = self.wait_before(retry, error)
                if wait is None or (self.total is not None and now() - started + wait >= self.total):
                    raise
                if call is not None and (left := call.remaining()) is not None and wait >= left:
                    raise call.too_late() from error
                event = RetryEvent(retry, self.max_retries, wait, error)
                _log.warning("%s", event)
                if self.on_retry:
                    self.on_retry(event)
            yield Sleep(wait)

    def run(self, attempt: Callable[[], Flow[Result]]) -> Flow[Result]:
        """Run a flow that is no call. `attempt` begins one attempt."""
        return self.wrap(None, lambda _: attempt())


def is_passing(error: LLMError) -> bool:
    """Return whether an error is temporary: the same request may succeed later."""
    if error.code == "deadline":
        return False
    if error.should_retry is not None:
        return error.should_retry
    if error.code == "insufficient_quota":
        return False
    if isinstance(error, LLMStreamError) and error.status_code is None:
        # Cut before its first chunk, without a reason: like a lost connection.
        return error.code is None
    return isinstance(error, LLMConnectionError) or error.status_code in RETRY_STATUS
