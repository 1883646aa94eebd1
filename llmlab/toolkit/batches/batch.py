"""A batch: submit requests, or open a batch that was submitted before; then wait for its results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmlab._utils.clock import now
from llmlab.errors import LLMError, LLMTimeoutError
from llmlab.models import price_of
from llmlab.providers import Provider, get_provider
from llmlab.toolkit.batches.anthropic_batch import AnthropicBatch
from llmlab.toolkit.batches.base import BatchService, BatchStatus, Outcome
from llmlab.toolkit.batches.local import LocalBatch
from llmlab.toolkit.batches.openai_batch import OpenAIBatch
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.toolkit.batches.requests import Item, to_requests
from llmlab.transport.driver import Flow

if TYPE_CHECKING:
    from pandas import DataFrame

_SERVICES: dict[str, type[BatchService]] = {"openai": OpenAIBatch, "anthropic": AnthropicBatch}
_COLUMNS = ("request", "state", "answer", "model", "input_tokens", "output_tokens", "cost", "error")


class Batch:
    """Many requests together, from `submit_batch` or `open_batch`.

    Every method that sends something has a twin in `_async`. A result that was fetched stays, whatever fails later.
    """

    def __init__(self, service: BatchService) -> None:
        self._service = service
        self._provider = service.provider

    @property
    def id(self) -> str:
        """The argument for `open_batch`: the service's id, or the path of the file."""
        return self._service.id

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self._provider.name

    @property
    def is_remote(self) -> bool:
        """Whether a service runs it, so that it continues after the end of this process."""
        return not isinstance(self._service, LocalBatch)

    @property
    def status(self) -> BatchStatus:
        """The last known status; `poll` updates it."""
        return self._service.status

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
        self._service.start(tasks=False)
        return self._provider.run(self._wait(timeout, progress))

    async def wait_async(self, timeout: float | None = None, *, progress: bool | Show = True) -> list[Outcome | None]:
        """The async twin of `wait`. Cancelling it does not change the batch."""
        self._service.start(tasks=True)
        return await self._provider.run_async(self._wait(timeout, progress))

    def results(self) -> list[Outcome | None]:
        """Return the results in the order of the requests: a `Completion`, an `LLMError`, or None for a result that
        may still come. Services have results when the batch is over, also a cancelled or expired one.

        Results of a batch of another program, with other ids than 0, 1, 2 …, are in the order of the results file.
        """
        return self._provider.run(self._results())

    async def results_async(self) -> list[Outcome | None]:
        """The async twin of `results`."""
        return await self._provider.run_async(self._results())

    def cancel(self) -> BatchStatus:
        """Stop the batch. Requests that are being answered are finished, and paid."""
        return self._provider.run(self._cancel())

    async def cancel_async(self) -> BatchStatus:
        """The async twin of `cancel`."""
        return await self._provider.run_async(self._cancel())

    def frame(self) -> DataFrame:
        """Return the results so far as a pandas table, a row for each request: state (answered, failed or waiting),
        answer, model, tokens, cost in USD at the price of batches, and error."""
        # Takes a third of a second to load, and only a table needs it.
        from pandas import DataFrame

        rows = [(number, *self._row(outcome)) for number, outcome in enumerate(self._service.outcomes())]
        return DataFrame(rows, columns=list(_COLUMNS)).set_index("request")

    def __repr__(self) -> str:
        return f"Batch({self.id!r}, {self.provider}, {self.status})"

    def _row(self, outcome: Outcome | None) -> tuple[Any, ...]:
        if outcome is None:
            return "waiting", "", "", 0, 0, None, ""
        if isinstance(outcome, LLMError):
            return "failed", "", "", 0, 0, None, f"{type(outcome).__name__}: {outcome.message}"
        usage, cost = outcome.usage, outcome.usage.cost
        if cost is None:
            usual = price_of(usage.input_tokens, usage.output_tokens, outcome.model, self.provider)
            cost = None if usual is None else usual * self._service.price_factor
        return "answered", outcome.content, outcome.model, usage.input_tokens, usage.output_tokens, cost, ""

    def _poll(self) -> Flow[BatchStatus]:
        if not self.status.over:
            yield from self._service.refresh()
        return self.status

    def _results(self) -> Flow[list[Outcome | None]]:
        yield from self._poll()
        if len(self._service.results) < max(1, self.status.total):
            yield from self._service.fetch()
        return self._service.outcomes()

    def _wait(self, timeout: float | None, shown: bool | Show) -> Flow[list[Outcome | None]]:
        progress, end = Progress(shown), None if timeout is None else now() + timeout
        hint = self._service.resume_hint
        try:
            while not (yield from self._poll()).over:
                progress.show(f"batch {self.status}")
                left = None if end is None else end - now()
                if left is not None and left <= 0:
                    message = f"the batch is not over after {timeout:g} s ({self.status}). {hint}"
                    raise LLMTimeoutError(message, provider=self.provider)
                yield from self._service.pause(left)
            progress.show(f"batch {self.status}")
            return (yield from self._results())
        except LLMError as error:
            if error.status_code != 404 and hint not in error.message:
                error.add_note(hint)
            raise
        finally:
            progress.end()

    def _cancel(self) -> Flow[BatchStatus]:
        yield from self._service.cancel()
        return self.status


def submit_batch(
    requests: Iterable[Item],
    provider: Provider | str | None = None,
    *,
    in_flight: int = 4,
    path: str | Path | None = None,
    **options: Any,
) -> Batch:
    """Submit many requests at once. OpenAI and Anthropic answer within a day, at half the price; for other providers,
    this process sends the calls, several at once.

    Args:
        requests: prompts, messages, `Request`s, or dicts with `prompt` and options. All are checked before anything
            is sent.
        provider: who answers, or its name; by default the backend of the settings.
        in_flight: calls at once, for providers without batches.
        path: a file for providers without batches, so that the batch can continue after a restart.
        options: what `complete` takes, for every request that does not set it itself.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which request; nothing was sent.
        LLMError: another subclass; see `llmlab.errors`.
    """
    service, flow = _submit(requests, _find(provider), in_flight, path, options)
    service.provider.run(flow)
    service.start(tasks=False)
    return Batch(service)


async def submit_batch_async(
    requests: Iterable[Item],
    provider: Provider | str | None = None,
    *,
    in_flight: int = 4,
    path: str | Path | None = None,
    **options: Any,
) -> Batch:
    """The async twin of `submit_batch`. Calls of this process run in tasks of the running event loop."""
    service, flow = _submit(requests, _find(provider), in_flight, path, options)
    await service.provider.run_async(flow)
    service.start(tasks=True)
    return Batch(service)


def open_batch(
    batch_id: str | Path, provider: Provider | str | None = None, *, in_flight: int = 4, begin: bool = True
) -> Batch:
    """Open a batch that was submitted before, after a restart or on another machine.

    Args:
        batch_id: the service's id; for a provider without batches, the path of the batch's file.
        provider: who runs it, or its name; by default the backend of the settings.
        in_flight: calls at once, for providers without batches.
        begin: whether to send the missing requests now, for providers without batches; else `wait` sends them.

    Raises:
        LLMInvalidRequestError: there is no such batch, or it was in memory only.
        LLMError: another subclass; see `llmlab.errors`.
    """
    service = _open(batch_id, _find(provider), in_flight)
    service.provider.run(service.refresh())
    if begin:
        service.start(tasks=False)
    return Batch(service)


async def open_batch_async(
    batch_id: str | Path, provider: Provider | str | None = None, *, in_flight: int = 4, begin: bool = True
) -> Batch:
    """The async twin of `open_batch`."""
    service = _open(batch_id, _find(provider), in_flight)
    await service.provider.run_async(service.refresh())
    if begin:
        service.start(tasks=True)
    return Batch(service)


def _submit(
    requests: Iterable[Item], provider: Provider, in_flight: int, path: str | Path | None, options: dict[str, Any]
) -> tuple[BatchService, Flow[None]]:
    checked = to_requests(requests, provider, options)
    kind = _SERVICES.get(provider.name)
    service = kind(provider) if kind else LocalBatch(provider, in_flight, path)
    service.check(checked)
    return service, service.submit(checked)


def _open(batch_id: str | Path, provider: Provider, in_flight: int) -> BatchService:
    if kind := _SERVICES.get(provider.name):
        return kind(provider, str(batch_id))
    local = LocalBatch(provider, in_flight, batch_id)
    local.open()
    return local


def _find(provider: Provider | str | None) -> Provider:
    return provider if isinstance(provider, Provider) else get_provider(provider)
