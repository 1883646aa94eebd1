"""A batch, and how to come by one: hand requests in, or take up again what is under way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmlab._utils.clock import now
from llmlab.errors import LLMError, LLMTimeoutError
from llmlab.models import price_of
from llmlab.providers import Provider, get_provider
from llmlab.toolkit.batches.anthropic_batch import AnthropicBatch
from llmlab.toolkit.batches.base import Outcome, Service
from llmlab.toolkit.batches.items import Item, to_requests
from llmlab.toolkit.batches.local import BatchHere
from llmlab.toolkit.batches.openai_batch import OpenAIBatch
from llmlab.toolkit.batches.progress import Progress, Show
from llmlab.toolkit.batches.status import BatchStatus
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion

if TYPE_CHECKING:
    from pandas import DataFrame

_SERVICES: dict[str, type[Service]] = {"openai": OpenAIBatch, "anthropic": AnthropicBatch}


class Batch:
    """Many requests under way together. Made by `submit_batch` and `open_batch`.

    Every method that asks has a twin in `_async`. What was fetched once stays, whatever fails later.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._provider = service.provider

    @property
    def id(self) -> str:
        """What `open_batch` finds it by: the service's id, or the path of its file."""
        return self._service.id

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self._provider.name

    @property
    def is_remote(self) -> bool:
        """Whether a service runs it, so that it goes on when this process ends."""
        return not isinstance(self._service, BatchHere)

    @property
    def status(self) -> BatchStatus:
        """How it was doing when it was last asked; `poll` asks again."""
        return self._service.status

    def poll(self) -> BatchStatus:
        """Ask how it is doing.

        Raises:
            LLMError: one of its subclasses; see `llmlab.errors`. The batch goes on.
        """
        return self._provider.run(self._polled())

    async def poll_async(self) -> BatchStatus:
        """The async twin of `poll`."""
        return await self._provider.run_async(self._polled())

    def wait(self, timeout: float | None = None, *, progress: bool | Show = True) -> list[Outcome | None]:
        """Wait until it is over, and return what `results` does. A batch of a service takes up to a day.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.
            progress: whether to show how far it is, where somebody looks; or a function that is given the text.

        Raises:
            LLMTimeoutError: it is not over in time. It goes on, and can be waited for again.
            LLMError: one of its other subclasses. The same is true.
        """
        self._service.start(tasks=False)
        return self._provider.run(self._waited(timeout, progress))

    async def wait_async(self, timeout: float | None = None, *, progress: bool | Show = True) -> list[Outcome | None]:
        """The async twin of `wait`. Cancelling it leaves the batch alone."""
        self._service.start(tasks=True)
        return await self._provider.run_async(self._waited(timeout, progress))

    def results(self) -> list[Outcome | None]:
        """Return what is there, in the order of the requests: a `Completion`, an `LLMError`, or None for what may
        still come. Services give results when the batch is over, also when it was cancelled or has expired.

        A batch that was made elsewhere, with ids other than 0, 1, 2 …, is returned in the order of its results.
        """
        return self._provider.run(self._fetched())

    async def results_async(self) -> list[Outcome | None]:
        """The async twin of `results`."""
        return await self._provider.run_async(self._fetched())

    def cancel(self) -> BatchStatus:
        """Have it stopped. What is being answered is finished, and paid."""
        return self._provider.run(self._cancelled())

    async def cancel_async(self) -> BatchStatus:
        """The async twin of `cancel`."""
        return await self._provider.run_async(self._cancelled())

    def frame(self) -> DataFrame:
        """Return what was fetched as a table of pandas, a row for each request: state (answered, failed or waiting),
        answer, model, tokens, cost in USD at the price of batches, and error."""
        # Loads in a third of a second, and not everybody wants a table.
        from pandas import DataFrame

        columns = ("request", "state", "answer", "model", "input_tokens", "output_tokens", "cost", "error")
        rows = [(number, *self._row(outcome)) for number, outcome in enumerate(self._service.outcomes())]
        return DataFrame(rows, columns=list(columns)).set_index("request")

    def __repr__(self) -> str:
        return f"Batch({self.id!r}, {self.provider}, {self.status})"

    def _row(self, outcome: Outcome | None) -> tuple[Any, ...]:
        if isinstance(outcome, Completion):
            usage = outcome.usage
            usual = price_of(usage.input_tokens, usage.output_tokens, outcome.model, self.provider)
            cost = usage.cost if usage.cost is not None or usual is None else usual * self._service.share
            return "answered", outcome.content, outcome.model, usage.input_tokens, usage.output_tokens, cost, ""
        if outcome is None:
            return "waiting", "", "", 0, 0, None, ""
        return "failed", "", "", 0, 0, None, f"{type(outcome).__name__}: {outcome.message}"

    def _polled(self) -> Flow[BatchStatus]:
        if not self.status.over:
            yield from self._service.look()
        return self.status

    def _fetched(self) -> Flow[list[Outcome | None]]:
        yield from self._polled()
        if len(self._service.found) < max(1, self.status.total):
            yield from self._service.fetch()
        return self._service.outcomes()

    def _waited(self, timeout: float | None, shown: bool | Show) -> Flow[list[Outcome | None]]:
        progress, end = Progress(shown), None if timeout is None else now() + timeout
        try:
            while not (yield from self._polled()).over:
                progress.say(f"batch {self.status}")
                left = None if end is None else end - now()
                if left is not None and left <= 0:
                    raise LLMTimeoutError(
                        f"the batch is not over after {timeout:g} s ({self.status}). {self._service.way_on}",
                        provider=self.provider,
                    )
                yield from self._service.pause(left)
            progress.say(f"batch {self.status}")
            return (yield from self._fetched())
        except LLMError as error:
            if error.status_code != 404 and self._service.way_on not in error.message:
                error.add_note(self._service.way_on)
            raise
        finally:
            progress.end()

    def _cancelled(self) -> Flow[BatchStatus]:
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
    """Hand many requests in at once. OpenAI and Anthropic answer within a day, at half the price; for providers
    without batches, the calls are made here, several at once.

    Args:
        requests: prompts, messages, `Request`s, or dicts with `prompt` and options. All are checked before anything
            is sent.
        provider: who answers, or its name; else the backend of the settings.
        in_flight: calls at once, for providers without batches.
        path: a file for providers without batches, so that the batch can go on after a restart; services keep theirs.
        options: what `complete` takes, for every request that says nothing else.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which request; nothing was sent.
        LLMError: one of its other subclasses; see `llmlab.errors`.
    """
    made = _provider(provider)
    service, submitting = _submitting(requests, made, in_flight, path, options)
    made.run(submitting)
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
    """The async twin of `submit_batch`. Calls that are made here are made in tasks of this event loop."""
    made = _provider(provider)
    service, submitting = _submitting(requests, made, in_flight, path, options)
    await made.run_async(submitting)
    service.start(tasks=True)
    return Batch(service)


def open_batch(
    batch_id: str | Path, provider: Provider | str | None = None, *, in_flight: int = 4, begin: bool = True
) -> Batch:
    """Take up again a batch that is under way, after a restart or on another machine.

    Args:
        batch_id: the service's id; for a provider without batches, the path of the batch's file.
        provider: who runs it, or its name; else the backend of the settings.
        in_flight: calls at once, for providers without batches.
        begin: whether to go on with what is missing at once, for providers without batches; else `wait` does.

    Raises:
        LLMInvalidRequestError: there is no such batch, or it was kept in memory only.
        LLMError: one of its other subclasses; see `llmlab.errors`.
    """
    made = _provider(provider)
    service, looking = _looking(batch_id, made, in_flight)
    made.run(looking)
    if begin:
        service.start(tasks=False)
    return Batch(service)


async def open_batch_async(
    batch_id: str | Path, provider: Provider | str | None = None, *, in_flight: int = 4, begin: bool = True
) -> Batch:
    """The async twin of `open_batch`."""
    made = _provider(provider)
    service, looking = _looking(batch_id, made, in_flight)
    await made.run_async(looking)
    if begin:
        service.start(tasks=True)
    return Batch(service)


def _submitting(
    requests: Iterable[Item], provider: Provider, in_flight: int, path: str | Path | None, options: dict[str, Any]
) -> tuple[Service, Flow[None]]:
    checked = to_requests(requests, provider, options)
    kind = _SERVICES.get(provider.name)
    service = kind(provider) if kind else BatchHere(provider, in_flight, path)
    service.check(checked)
    return service, service.submit(checked)


def _looking(batch_id: str | Path, provider: Provider, in_flight: int) -> tuple[Service, Flow[None]]:
    kind = _SERVICES.get(provider.name)
    if kind:
        service = kind(provider, str(batch_id))
        return service, service.look()
    here = BatchHere(provider, in_flight, batch_id)
    here.open()
    return here, here.look()


def _provider(provider: Provider | str | None) -> Provider:
    return provider if isinstance(provider, Provider) else get_provider(provider)
