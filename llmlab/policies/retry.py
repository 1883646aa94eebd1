"""Try again when trying again can help.

One policy for all providers: connection errors, timeouts and the passing statuses are retried, a wrong request or a
refused key is not. A stream is retried only until its first piece; what a reader has seen is never taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from llmlab.errors import LLMConnectionError, LLMError, LLMStreamError
from llmlab.flow import Flow, Sleep
from llmlab.policies.base import Answer, Call
from llmlab.waiting import chance

RETRY_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""Statuses that pass. 529 is Anthropic's "overloaded"."""

Result = TypeVar("Result")
_log = logging.getLogger("llmlab")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently to try again.

    Args:
        max_retries: tries beyond the first.
        base_delay: seconds before the first retry; each further wait is twice as long.
        jitter: share of the wait that is added at random, so that many clients do not come back at the same moment.
        max_wait: seconds. A service that asks for more is not waited for; the error says how long it asked.
    """

    kind: ClassVar[str] = "retry"

    max_retries: int = 3
    base_delay: float = 2.0
    jitter: float = 0.25
    max_wait: float = 120.0

    def wait_before(self, retry: int, error: LLMError) -> float | None:
        """Return the seconds to wait before retry number `retry` (1, 2, …), or None to give up."""
        if retry > self.max_retries or not is_passing(error):
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.max_wait else None
        wait = self.base_delay * 2.0 ** (retry - 1) * (1 + self.jitter * chance())
        return min(wait, self.max_wait)

    def around(self, call: Call, inner: Callable[[], Flow[Answer]]) -> Flow[Answer]:
        """Run a call until it succeeds, fails for good, or its deadline is nearer than the next try."""
        return retried(inner, self, call)


def is_passing(error: LLMError) -> bool:
    """Return whether the same request may succeed a moment later."""
    if error.code == "insufficient_quota":
        return False
    if isinstance(error, LLMStreamError) and error.status_code is None:
        # Cut before its first piece, with no reason given: as good as a lost connection.
        return error.code is None
    return isinstance(error, LLMConnectionError) or error.status_code in RETRY_STATUS


def retried(attempt: Callable[[], Flow[Result]], policy: RetryPolicy, call: Call | None = None) -> Flow[Result]:
    """Run `attempt` until it succeeds, fails for good, or the policy gives up. Each retry is logged with its reason.

    Args:
        attempt: begins one attempt.
        policy: when to try again.
        call: whose deadline holds, if it has one.
    """
    retry = 0
    while True:
        try:
            return (yield from attempt())
        except LLMError as error:
            retry += 1
            wait = policy.wait_before(retry, error)
            if wait is None:
                raise
            if call is not None and (left := call.remaining()) is not None and wait >= left:
                raise call.too_late() from error
            _log.warning(
                "retry %d of %d in %.1f s: %s: %s", retry, policy.max_retries, wait, type(error).__name__, error
            )
        yield Sleep(wait)
