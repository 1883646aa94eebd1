"""From what a person writes to checked requests. All mistakes are told at once, each with its place in the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from llmlab.errors import LLMInvalidRequestError
from llmlab.providers import Provider
from llmlab.types.messages import Prompt
from llmlab.types.request import Request

Item: TypeAlias = Prompt | Request | Mapping[str, Any]
"""A prompt, a `Request`, or a dict with `prompt` and options such as `max_tokens`."""


def to_requests(items: Iterable[Item], provider: Provider, options: Mapping[str, Any]) -> list[Request]:
    """Return items as requests that the provider can be asked.

    Args:
        items: at least one.
        provider: who will be asked.
        options: what holds for every item that says nothing else.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which item.
    """
    if isinstance(items, (str, Mapping)) or not isinstance(items, Iterable):
        raise LLMInvalidRequestError('a list of prompts is wanted, such as ["Why is the sky blue?", "Who was Ada?"]')
    requests, wrong = [], []
    for number, item in enumerate(items):
        try:
            request = to_request(item, provider, options)
            if provider.name != "failover":
                provider.encode(request, False)
            requests.append(request)
        except LLMInvalidRequestError as error:
            wrong.append(f"\n- request {number}: {error.message}")
    if wrong:
        raise LLMInvalidRequestError(
            f"{len(wrong)} of {len(wrong) + len(requests)} requests are wrong, and nothing was sent:{''.join(wrong)}",
            provider=provider.name,
        )
    if not requests:
        raise LLMInvalidRequestError("the list of requests is empty; put at least one prompt in")
    return requests


def to_request(item: Item, provider: Provider, options: Mapping[str, Any]) -> Request:
    """Return one item as a request; see `to_requests`."""
    prompt, given = item, dict[str, Any]()
    if isinstance(item, Request):
        prompt, given = item.messages, given_options(item)
    elif isinstance(item, Mapping) and "role" not in item:
        given = {str(name): value for name, value in item.items()}
        names = [name for name in ("prompt", "messages") if name in given]
        if len(names) != 1:
            raise LLMInvalidRequestError('a request is a dict with "prompt" and options, or a message with "role"')
        prompt = given.pop(names[0])
    return provider.request(prompt, **{**options, **given})  # type: ignore[arg-type]


def given_options(request: Request) -> dict[str, Any]:
    """Return what a request says beyond its messages."""
    values = {item.name: getattr(request, item.name) for item in fields(request) if item.name != "messages"}
    return {name: value for name, value in values.items() if value not in (None, (), {}, "")}
