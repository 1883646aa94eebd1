"""What every kind of batch is to `Batch`: a handful of flows, whether a service runs it or this process does."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeAlias

from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError, StructuredOutputError
from llmlab.formats import Format
from llmlab.providers import Provider
from llmlab.toolkit.batches.status import BatchStatus
from llmlab.transport.driver import Flow, Sleep
from llmlab.types.completion import Completion
from llmlab.types.options import ResponseFormat
from llmlab.types.request import Request
from llmlab.types.structured_output import with_parsed

Outcome: TypeAlias = Completion | LLMError
_log = logging.getLogger("llmlab")

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two looks at a batch. Each pause is twice as long as the one before."""


class Service(ABC):
    """One batch, and how to ask for it.

    Args:
        provider: who runs it.
        batch_id: its id; "" while it is not submitted.
    """

    share: ClassVar[float] = 1.0
    """What part of the usual price a request in a batch costs."""
    most: ClassVar[int] = 0
    """Requests that a batch may have at most; 0 for no limit."""

    def __init__(self, provider: Provider, batch_id: str = "") -> None:
        self.provider = provider
        self.id = batch_id
        self.status = BatchStatus("running", 0)
        self.found: dict[str, Outcome] = {}
        """What is there, by the id of the request: its place in the list, unless somebody else made the batch."""
        self.forms: dict[str, ResponseFormat | None] = {}
        """The form that an answer shall have, where the requests are known; after a restart they are not."""
        self._pause = FIRST_PAUSE

    @abstractmethod
    def submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Hand the requests in."""

    @abstractmethod
    def look(self) -> Flow[None]:
        """Find out how the batch is doing."""

    @abstractmethod
    def fetch(self) -> Flow[None]:
        """Get the results that are there."""

    @abstractmethod
    def cancel(self) -> Flow[None]:
        """Have the batch stopped."""

    @property
    def way_on(self) -> str:
        """What somebody can do who stops waiting."""
        return f"The batch goes on: wait again, or later open_batch({self.id!r}, {self.provider.name!r})."

    def start(self, *, tasks: bool) -> None:
        """Begin to work, where the work is done in this process: in tasks of the running loop, or in threads.
        A second time changes nothing."""
        return

    def pause(self, longest: float | None) -> Flow[None]:
        """Wait until it is worth another look, for so many seconds at most."""
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        yield Sleep(pause if longest is None else min(pause, longest))

    def check(self, requests: Sequence[Request]) -> None:
        """Take note of requests, and refuse those that are right one by one and wrong together.

        Raises:
            LLMInvalidRequestError: says what to change.
        """
        if self.most and len(requests) > self.most:
            raise self.refused(f"a batch holds {self.most:,} requests, not {len(requests):,}. Submit several batches")
        self.forms = {str(number): request.response_format for number, request in enumerate(requests)}
        late = [number for number, request in enumerate(requests) if request.deadline is not None]
        if late:
            raise self.refused(f"request {late[0]} has a deadline, and a batch has none. Use batch.wait(timeout=…)")

    def refused(self, message: str) -> LLMInvalidRequestError:
        """Return the error for requests that cannot be a batch."""
        return LLMInvalidRequestError(f"{message}. Nothing was sent.", provider=self.provider.name)

    def answer(self, name: str, format: Format, body: Mapping[str, Any], source: str) -> Outcome:
        """Return one result as a `Completion`. Its latency is 0, since nobody waited for it."""
        read = format.decode(body)
        answer = replace(read, provider=self.provider.name, raw_response=body, source=source)  # type: ignore[arg-type]
        try:
            return with_parsed(answer, self.forms.get(name))
        except StructuredOutputError as error:
            return error

    def not_begun(self, code: str) -> LLMError:
        """Return the error for a request that was cancelled, or expired."""
        if code == "expired":
            return LLMAPIError(
                "the batch expired before this request was begun. Submit the request again.",
                provider=self.provider.name,
                code=code,
            )
        return LLMError("the batch was cancelled before this request.", provider=self.provider.name, code=code)

    def damaged(self, line: Mapping[str, Any]) -> None:
        """Note a line of a results file that says for no request what came of it."""
        _log.warning("a line of the results of %s cannot be used: %.120s", self.id, line)

    def outcomes(self) -> list[Outcome | None]:
        """Return what is there, in the order of the requests; None for what may still come."""
        # A batch that was refused as a whole names lines, and often says no total.
        refused = self.status.state == "failed" or not self.status.total
        if not all(name.isdecimal() and (refused or int(name) < self.status.total) for name in self.found):
            return list(self.found.values())
        total = max([self.status.total, *(int(name) + 1 for name in self.found)])
        return [self.found.get(str(number)) or self._missing(number) for number in range(total)]

    def _missing(self, number: int) -> LLMError | None:
        if not self.status.over:
            return None
        if self.status.state == "failed":
            return LLMInvalidRequestError(f"the batch was refused: {self.status.reason}.", provider=self.provider.name)
        if self.status.state != "done":
            return self.not_begun(self.status.state)
        return LLMAPIError(
            f"{self.provider.name} gave no result for request {number}: its line in the results of batch {self.id} is "
            "missing or damaged. Ask for the results again, or submit the request again.",
            provider=self.provider.name,
        )
