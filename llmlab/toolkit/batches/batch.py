"""What a user holds: a batch and its status. Services and this process each have a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from llmlab._utils.clock import now
from llmlab.errors import LLMAPIError, LLMError, LLMInvalidRequestError, LLMTimeoutError
from llmlab.models import price_of
from llmlab.providers import Provider
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion
from llmlab.types.request import Request

if TYPE_CHECKING:
    from pandas import DataFrame

Outcome: TypeAlias = Completion | LLMError
State: TypeAlias = Literal["running", "cancelling", "done", "cancelled", "expired", "failed"]
"""`failed` means that the service refused the whole batch; a batch with failed requests is `done`."""

_COLUMNS = ("state", "answer", "model", "input_tokens", "output_tokens", "cost", "error")


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


class Batch(ABC):
    """Many requests together, from `submit_batch` or `open_batch`.

    Every method that sends something has a twin in `_async`. A result that was fetched stays, whatever fails later.
    """

    is_remote: ClassVar[bool] = True
    """Whether a service runs it, so that it continues after the end of this process."""
    price_factor: ClassVar[float] = 1.0
    """Share of the usual price that a request in a batch costs."""

    def __init__(self, provider: Provider, batch_id: str) -> None:
        self.id = batch_id
        """The argument for `open_batch`: the service's id, or the path of the file."""
        self.status = BatchStatus("running", 0)
        """The last known status; `poll` updates it."""
        self._provider = provider
        # By the id of the request, which is its index in the list, unless another program submitted the batch.
        self._results: dict[str, Outcome] = {}

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self._provider.name

    def poll(self) -> BatchStatus:
        """Update and return the status.

        Raises:
            LLMError: one of its subclasses; see `llmlab.errors`. The batch continues.
        """
        return self._provider.run(self._poll())

    async def poll_async(self) -> BatchStatus:
        """The async twin of `poll`."""
        return await self._provider.run_async(self._poll())

    def wait(self, timeout: float | None = None, *, progress: bool | Show = True) -> list[Outcome | None]:
        """Wait until it is over, and return what `results` does. A batch of a service takes up to a day.

        Args:
            timeout: seconds to wait at most; None for no limit.
            progress: whether to show the status in a notebook or a terminal; or a function that gets the text.

        Raises:
            LLMTimeoutError: it is not over in time. It continues, and you can wait again.
            LLMError: another subclass, with the same advice.
        """
        self._start(tasks=False)
        return self._provider.run(self._wait(timeout, progress))

    async def wait_async(self, timeout: float | None = None, *, progress: bool | Show = True) -> list[Outcome | None]:
        """The async twin of `wait`. Cancelling it does not change the batch."""
        self._start(tasks=True)
        return await self._provider.run_async(self._wait(timeout, progress))

    def results(self) -> list[Outcome | None]:
        """Return the results in the order of the requests: a `Completion`, an `LLMError`, or None for a result that
        may still come. Services have results when the batch is over, also a cancelled or expired one.

        Results of a batch of another program, with other ids than 0, 1, 2 …, are in the order of the results file.
        """
        return self._provider.run(self._fetch_all())

    async def results_async(self) -> list[Outcome | None]:
        """The async twin of `results`."""
        return await self._provider.run_async(self._fetch_all())

    def cancel(self) -> BatchStatus:
        """Stop the batch. Requests that are being answered are finished, and paid."""
        self._provider.run(self._cancel())
        return self.status

    async def cancel_async(self) -> BatchStatus:
        """The async twin of `cancel`."""
        await self._provider.run_async(self._cancel())
        return self.status

    def frame(self) -> DataFrame:
        """Return the results so far as a pandas table, a row for each request: state (answered, failed or waiting),
        answer, model, tokens, cost in USD at the price of batches, and error."""
        # Takes a third of a second to load, and only a table needs it.
        from pandas import DataFrame

        table = DataFrame([self._row(outcome) for outcome in self._outcomes()], columns=list(_COLUMNS))
        return table.rename_axis("request")

    def __repr__(self) -> str:
        return f"Batch({self.id!r}, {self.provider}, {self.status})"

    @abstractmethod
    def _submit(self, requests: Sequence[Request]) -> Flow[None]:
        """Submit the requests."""

    @abstractmethod
    def _refresh(self) -> Flow[None]:
        """Update the status."""

    @abstractmethod
    def _pause(self, longest: float | None) -> Flow[None]:
        """Wait until the next refresh makes sense, `longest` seconds at most."""

    @abstractmethod
    def _fetch(self) -> Flow[None]:
        """Get the results that are available."""

    @abstractmethod
    def _cancel(self) -> Flow[None]:
        """Stop the batch."""

    def _open(self) -> Flow[None]:
        """Find a batch that was submitted before."""
        return self._refresh()

    def _start(self, *, tasks: bool) -> None:
        """Start to work, if this process does the work: in tasks of the running loop, or in threads."""
        return

    @property
    def _resume_hint(self) -> str:
        return f"The batch continues: wait again, or later open_batch({self.id!r}, {self.provider!r})."

    def _poll(self) -> Flow[BatchStatus]:
        if not self.status.over:
            yield from self._refresh()
        return self.status

    def _fetch_all(self) -> Flow[list[Outcome | None]]:
        yield from self._poll()
        if len(self._results) < max(1, self.status.total):
            yield from self._fetch()
        return self._outcomes()

    def _wait(self, timeout: float | None, shown: bool | Show) -> Flow[list[Outcome | None]]:
        progress, end = Progress(shown), None if timeout is None else now() + timeout
        try:
            while not (yield from self._poll()).over:
                progress.show(f"batch {self.status}")
                left = None if end is None else end - now()
                if left is not None and left <= 0:
                    message = f"the batch is not over after {timeout:g} s ({self.status}). {self._resume_hint}"
                    raise LLMTimeoutError(message, provider=self.provider)
                yield from self._pause(left)
            progress.show(f"batch {self.status}")
            return (yield from self._fetch_all())
        except LLMError as error:
            if error.status_code != 404 and self._resume_hint not in error.message:
                error.add_note(self._resume_hint)
            raise
        finally:
            progress.end()

    def _outcomes(self) -> list[Outcome | None]:
        """Return the results in the order of the requests; None for a result that may still come."""
        # The status of a refused batch often has no total, and its errors name lines.
        any_number = self.status.state == "failed" or not self.status.total
        if not all(name.isdecimal() and (any_number or int(name) < self.status.total) for name in self._results):
            return list(self._results.values())
        total = max([self.status.total, *(int(name) + 1 for name in self._results)])
        return [self._results.get(str(number)) or self._missing(number) for number in range(total)]

    def _missing(self, number: int) -> LLMError | None:
        if not self.status.over:
            return None
        if self.status.state == "failed":
            return LLMInvalidRequestError(f"the batch was refused: {self.status.reason}.", provider=self.provider)
        if self.status.state != "done":
            return self._not_started(self.status.state)
        return LLMAPIError(
            f"{self.provider} gave no result for request {number}: its line in the results of batch {self.id} is "
            "missing or damaged. Ask for the results again, or submit the request again.",
            provider=self.provider,
        )

    def _not_started(self, code: str) -> LLMError:
        """Return the error for a request of a cancelled or expired batch."""
        if code == "expired":
            message = "the batch expired before this request was started. Submit the request again."
            return LLMAPIError(message, provider=self.provider, code=code)
        return LLMError("the batch was cancelled before this request.", provider=self.provider, code=code)

    def _refuse(self, message: str) -> LLMInvalidRequestError:
        return LLMInvalidRequestError(f"{message}. Nothing was sent.", provider=self.provider)

    def _row(self, outcome: Outcome | None) -> tuple[Any, ...]:
        if outcome is None:
            return "waiting", "", "", 0, 0, None, ""
        if isinstance(outcome, LLMError):
            return "failed", "", "", 0, 0, None, f"{type(outcome).__name__}: {outcome.message}"
        usage, cost = outcome.usage, outcome.usage.cost
        if cost is None:
            usual = price_of(usage.input_tokens, usage.output_tokens, outcome.model, self.provider)
            cost = None if usual is None else usual * self.price_factor
        return "answered", outcome.content, outcome.model, usage.input_tokens, usage.output_tokens, cost, ""
