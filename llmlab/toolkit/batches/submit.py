"""Submit a batch, or open a batch that was submitted before."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmlab.providers import Provider, get_provider
from llmlab.toolkit.batches.batch import Batch
from llmlab.toolkit.batches.local import LocalBatch
from llmlab.toolkit.batches.requests import Item, to_requests
from llmlab.toolkit.batches.services import AnthropicBatch, OpenAIBatch, ServiceBatch
from llmlab.transport.driver import Flow, run, run_async

_SERVICES: dict[str, type[ServiceBatch]] = {"openai": OpenAIBatch, "anthropic": AnthropicBatch}


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
    return run(_submit(requests, provider, in_flight, path, options, tasks=False))


async def submit_batch_async(
    requests: Iterable[Item],
    provider: Provider | str | None = None,
    *,
    in_flight: int = 4,
    path: str | Path | None = None,
    **options: Any,
) -> Batch:
    """The async twin of `submit_batch`. Calls of this process run in tasks of the running event loop."""
    return await run_async(_submit(requests, provider, in_flight, path, options, tasks=True))


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
    return run(_open(batch_id, provider, in_flight, begin, tasks=False))


async def open_batch_async(
    batch_id: str | Path, provider: Provider | str | None = None, *, in_flight: int = 4, begin: bool = True
) -> Batch:
    """The async twin of `open_batch`."""
    return await run_async(_open(batch_id, provider, in_flight, begin, tasks=True))


def _submit(
    requests: Iterable[Item],
    provider: Provider | str | None,
    in_flight: int,
    path: str | Path | None,
    options: dict[str, Any],
    *,
    tasks: bool,
) -> Flow[Batch]:
    provider = _find(provider)
    checked = to_requests(requests, provider, options)
    service = _SERVICES.get(provider.name)
    batch = service(provider) if service else LocalBatch(provider, path, in_flight)
    yield from batch._submit(checked)
    batch._start(tasks=tasks)
    return batch


def _open(
    batch_id: str | Path, provider: Provider | str | None, in_flight: int, begin: bool, *, tasks: bool
) -> Flow[Batch]:
    provider = _find(provider)
    service = _SERVICES.get(provider.name)
    batch = service(provider, str(batch_id)) if service else LocalBatch(provider, batch_id, in_flight)
    yield from batch._open()
    if begin:
        batch._start(tasks=tasks)
    return batch


def _find(provider: Provider | str | None) -> Provider:
    return provider if isinstance(provider, Provider) else get_provider(provider)
