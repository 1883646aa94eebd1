"""From prompts in a list to checked requests. All mistakes are reported at once, each with its index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeAlias

from llmlab.errors import LLMInvalidRequestError
from llmlab.providers import Provider
from llmlab.types.messages import Prompt
from llmlab.types.options import ResponseFormat
from llmlab.types.request import Request

Item: TypeAlias = Prompt | Request | Mapping[str, Any]
"""A prompt, a `Request`, or a dict with `prompt` and options such as `max_tokens`."""
_UNSET: tuple[Any, ...] = (None, (), {}, "")


def to_requests(items: Iterable[Item], provider: Provider, options: Mapping[str, Any]) -> list[Request]:
    """Return items as requests that the provider can send.

    Args:
        items: at least one.
        provider: who will answer.
        options: for every item that does not set them itself.

    Raises:
        LLMInvalidRequestError: lists what is wrong with which item.
    """
    if isinstance(items, (str, Mapping)) or not isinstance(items, Iterable):
        raise LLMInvalidRequestError('expected a list of prompts, such as ["Why is the sky blue?", "Who was Ada?"]')
    requests, wrong = [], []
    for number, item in enumerate(items):
        try:
            request = _to_request(item, provider, options)
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


def to_json(value: Any) -> Any:
    """Return a request, or a part of one, as JSON values; of a dataclass, the fields that are set."""
    if isinstance(value, ResponseFormat):
        return {"title": value.name, **value.schema}
    if is_dataclass(value):
        return {name: to_json(one) for name, one in _set_fields(value).items()}
    if isinstance(value, Mapping):
        return {str(name): to_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _to_request(item: Item, provider: Provider, options: Mapping[str, Any]) -> Request:
    prompt: Any = item
    own: dict[str, Any] = {}
    if isinstance(item, Request):
        own = _set_fields(item)
        prompt = own.pop("messages")
    elif isinstance(item, Mapping) and "role" not in item:
        own = {str(name): value for name, value in item.items()}
        names = [name for name in ("prompt", "messages") if name in own]
        if len(names) != 1:
            raise LLMInvalidRequestError('a request is a dict with "prompt" and options, or a message with "role"')
        prompt = own.pop(names[0])
    return provider.request(prompt, **{**options, **own})


def _set_fields(value: Any) -> dict[str, Any]:
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: one for name, one in values.items() if one not in _UNSET}
