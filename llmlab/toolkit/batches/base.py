"""What all kinds of batches have in common: their status, and the flows of a batch."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError, StructuredOutputError
from llmlab.formats import Format
from llmlab.providers import Provider
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow, Sleep
from llmlab.types.completion import Completion
from llmlab.types.options import ResponseFormat
from llmlab.types.request import Request
from llmlab.types.structured_output import with_parsed

Outcome: TypeAlias = Completion | LLMError
State: TypeAlias = Literal["running", "cancelling", "done", "cancelled", "expired", "failed"]
"""`failed` means that the service refused the whole batch; a batch with failed requests is `done`."""

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two requests for the status. Each pause is twice as long as the one before."""
_log = logging.getLogger("llmlab")


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The status of a batch, in the same words for all services.

    Args:
        state: running, cancelling, done, cancelled, expired or failed.
        total: requests in the batch; 0 if the service has not said yet.
        succeeded: requests with an answer. Anthropic reports 0 until the whole batch is over.
        failed: requests with an error.
        cancelled: requests that were not started, because the batch was cancelled.
        expired: requests that were not started in time.
        expires_at: when the service ends the batch, UTC; None for a batch of this process.
        reason: why the whole batch failed.
    """

    state: State
    total: int
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def over(self) -> bool:
        """Whether no more results will come."""
        return self.state not in ("running", "cancelling")

    @property
    def finished(self) -> int:
        """Number of requests that are answered, failed, cancelled or expired."""
        return self.succeeded + self.failed + self.cancelled + self.expired

    def __str__(self) -> str:
        counts = [f"{count} {name}" for name in ("failed", "cancelled", "expired") if (count := getattr(self, name))]
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.state}: {', '.join([f'{self.succeeded} of {self.total} answered', *counts])}{reason}"


class BatchService(ABC):
    """One batch, at a service or in this process.

    Args:
        provider: who answers.
        batch_id: its id; "" before it is submitted.
    """

    price_factor: ClassVar[float] = 1.0
    """Share of the usual price that a request in a batch costs."""
    max_requests: ClassVar[int] = 0
    """Requests in a batch at most; 0 for no limit."""

    def __init__(self, provider: Provider, batch_id: str = "") -> None:
        self.provider = provider
        self.id = batch_id
        self.status = BatchStatus("running", 0)
        self.results: dict[str, Outcome] = {}
        """By the id of the request, which is its index in the list, unless another program submitted the batch."""
        self._response_formats: dict[str, ResponseFormat | None] = {}
        self._pause = _FIRST_PAUSE

    @abstractmethod
    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Submit the requests."""

    @abstractmethod
    def refresh(self) -> Flow[None]:
        """Update the status."""

    @abstractmethod
    def fetch(self) -> Flow[None]:
        """Get the results that are available."""

    @abstractmethod
    def cancel(self) -> Flow[None]:
        """Stop the batch."""

    @property
    def resume_hint(self) -> str:
        """What a person can do after a wait that ended early."""
        return f"The batch continues: wait again, or later open_batch({self.id!r}, {self.provider.name!r})."

    def start(self, *, tasks: bool) -> None:
        """Start to work, if this process does the work: in tasks of the running loop, or in threads."""
        return

    def pause(self, longest: float | None) -> Flow[None]:
        """Wait until the next refresh makes sense, `longest` seconds at most."""
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        yield Sleep(pause if longest is None else min(pause, longest))

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse requests that are right one by one and wrong together.

        Raises:
            LLMInvalidRequestError: says what to change.
        """
        if self.max_requests and len(requests) > self.max_requests:
            limit = f"a batch holds {self.max_requests:,} requests, not {len(requests):,}"
            raise self.refuse(f"{limit}. Submit several batches")
        for number, request in enumerate(requests):
            self._response_formats[str(number)] = request.response_format
            if request.deadline is not None:
                raise self.refuse(f"request {number} has a deadline, and a batch has none. Use batch.wait(timeout=…)")

    def refuse(self, message: str) -> LLMInvalidRequestError:
        """Return the error for requests that cannot be a batch."""
        return LLMInvalidRequestError(f"{message}. Nothing was sent.", provider=self.provider.name)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Flow[Mapping[str, Any]]:
        """Send a request about this batch, with retries.

        Raises:
            LLMInvalidRequestError: if the service has no such batch.
        """
        try:
            return (yield from self.provider.post_json(WireRequest(method, path, body)))
        except LLMError as error:
            if error.status_code != 404:
                raise
            raise LLMInvalidRequestError(
                f"{self.provider.name} has no batch {self.id!r}, or not any more: services keep batches for some "
                "weeks, and show them to the keys of one project or workspace only. Check the id and the key.",
                provider=self.provider.name,
                status_code=404,
                request_id=error.request_id,
                code=error.code,
            ) from error

    def decode(self, name: str, format: Format, body: Mapping[str, Any], source: str) -> Outcome:
        """Return the answer to a request. Its latency is 0, because no call waited for it."""
        answer = replace(format.decode(body), provider=self.provider.name, raw_response=body, source=source)  # type: ignore[arg-type]
        try:
            return with_parsed(answer, self._response_formats.get(name))
        except StructuredOutputError as error:
            return error

    def not_started(self, code: str) -> LLMError:
        """Return the error for a request of a cancelled or expired batch."""
        if code == "expired":
            message = "the batch expired before this request was started. Submit the request again."
            return LLMAPIError(message, provider=self.provider.name, code=code)
        return LLMError("the batch was cancelled before this request.", provider=self.provider.name, code=code)

    def take(self, line: Mapping[str, Any], name: str, outcome: Outcome | None) -> None:
        """Store a result. A damaged line is reported, and costs no other result."""
        if name and outcome is not None:
            self.results[name] = outcome
        else:
            _log.warning("a line of the results of %s cannot be used: %.120s", self.id, line)

    def outcomes(self) -> list[Outcome | None]:
        """Return the results in the order of the requests; None for a result that may still come."""
        # The status of a refused batch often has no total, and its errors name lines.
        any_number = self.status.state == "failed" or not self.status.total
        if not all(name.isdecimal() and (any_number or int(name) < self.status.total) for name in self.results):
            return list(self.results.values())
        total = max([self.status.total, *(int(name) + 1 for name in self.results)])
        return [self.results.get(str(number)) or self._missing(number) for number in range(total)]

    def _missing(self, number: int) -> LLMError | None:
        if not self.status.over:
            return None
        if self.status.state == "failed":
            return LLMInvalidRequestError(f"the batch was refused: {self.status.reason}.", provider=self.provider.name)
        if self.status.state != "done":
            return self.not_started(self.status.state)
        return LLMAPIError(
            f"{self.provider.name} gave no result for request {number}: its line in the results of batch {self.id} is "
            "missing or damaged. Ask for the results again, or submit the request again.",
            provider=self.provider.name,
        )
