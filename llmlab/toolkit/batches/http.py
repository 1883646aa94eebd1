"""How a service's batch endpoints are asked: once, again where that does no harm, and line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmlab.errors import LLMError, LLMInvalidRequestError
from llmlab.providers import Provider
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow


def once(provider: Provider, wire: WireRequest) -> Flow[Mapping[str, Any]]:
    """Ask, and never try again: a batch that was made twice is paid twice."""
    return (yield from provider.post_json(wire, retry=False))


def again(provider: Provider, wire: WireRequest, batch_id: str) -> Flow[Mapping[str, Any]]:
    """Ask for a batch, and try again as calls do.

    Raises:
        LLMInvalidRequestError: if the service has no such batch, or not any more.
    """
    try:
        return (yield from provider.post_json(wire))
    except LLMError as error:
        raise gone(error, provider, batch_id) from error


def lines(provider: Provider, path: str, take: Callable[[Mapping[str, Any], str], None]) -> Flow[None]:
    """Fetch a file of JSON lines, and try again as calls do.

    Args:
        provider: whose file it is.
        path: of the file.
        take: is given each line as soon as it is there, and its source. A line that is no JSON comes as an error.
    """

    yield from provider.read_lines(path, take)


def gone(error: LLMError, provider: Provider, batch_id: str) -> LLMError:
    """Return the error for a batch that is not there, or the error as it is."""
    if error.status_code != 404:
        return error
    return LLMInvalidRequestError(
        f"{provider.name} has no batch {batch_id!r}, or not any more: services keep batches for some weeks, and show "
        "them to the keys of one project or workspace only. Check the id and the key.",
        provider=provider.name,
        status_code=404,
        request_id=error.request_id,
        code=error.code,
    )
