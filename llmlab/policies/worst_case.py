"""How many tokens a call could use at most, said before it is sent and without asking anybody.

A token is at least one byte of what is written, so bytes are a bound that no tokenizer breaks; English text needs a
quarter of it. Images, and what a service adds by itself, are bounded by what the vendors document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llmlab.errors import LLMError
from llmlab.models import ModelSpec, Rates, find_spec
from llmlab.policies.base import Call
from llmlab.types.completion import Completion
from llmlab.types.messages import Message

_CALL, _MESSAGE = 64, 32
"""Tokens around a conversation and around each message."""
_TOOLS = 1_024
"""Tokens of the instructions that a vendor adds where there are tools or a schema."""
_IMAGE = 25_000
"""More than any of the vendors counts for one image at its highest detail."""
_UNSEEN = ("previous_response_id", "conversation", "prompt", "tools")
"""Fields of a vendor's own that let the service read what is not in the request."""
_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


class Tokens(NamedTuple):
    """Tokens read, those of them that came from a vendor's prompt cache, and tokens written."""

    input: int
    output: int
    cached: int = 0

    def rates(self, steps: Sequence[Rates]) -> Rates | None:
        """Return the prices for a request of this length, or None if there are none."""
        return next((step for step in steps if self.input > step.above or not step.above), None)

    def cost(self, steps: Sequence[Rates]) -> float:
        """Return what they cost in USD, 0 without prices."""
        if (step := self.rates(steps)) is None:
            return 0.0
        return (self.input - self.cached) * step.input + self.cached * step.cached + self.output * step.output


def worst_case(call: Call) -> Tokens | None:
    """Return the most tokens that a call could use, or None if nobody knows."""
    spec = find_spec(call.request.model, call.provider)
    # An embedding writes nothing.
    most, longest = _read(call, spec), 0 if call.request.max_tokens == 0 else _written(call.body, spec)
    return None if most is None or longest is None else Tokens(most, longest)


def used_by(completion: Completion, error: LLMError | None, worst: Tokens | None) -> Tokens:
    """Return the tokens that an answer used.

    Where the service did not say, as with a stream that was left or broke, it is the most that can have been used for
    what came. Reasoning that was not shown is not in it.

    Args:
        completion: the answer, as far as it came.
        error: what ended it too early, if something did.
        worst: the most that it could use.
    """
    usage = completion.usage
    # Anthropic counts what came from its cache in the total only.
    read, written = max(usage.input_tokens, usage.total_tokens - usage.output_tokens), usage.output_tokens
    if error is not None or completion.finish_reason is None or not usage.total_tokens:
        read = read or (worst.input if worst else 0)
        came = _came(completion)
        written = max(written, came if worst is None else min(came, worst.output))
    return Tokens(read, written, min(usage.cached_tokens, read))


def _came(completion: Completion) -> int:
    calls = (f"{call.name}{call.unparsed}{_json(call.arguments)}" for call in completion.tool_calls)
    return sum(map(_bytes, (completion.content, completion.reasoning, completion.refusal, *calls)))


def _read(call: Call, spec: ModelSpec | None) -> int | None:
    request, window = call.request, spec.context_window if spec else None
    if request.file_search is not None or any(name in request.extra for name in _UNSEEN):
        return window
    most = _CALL + sum(map(_message, request.messages))
    if request.tools:
        most += _TOOLS + sum(_bytes(f"{tool.name}{tool.description}{_json(tool.parameters)}") for tool in request.tools)
    if (wanted := request.response_format) is not None:
        most += _TOOLS + _bytes(_json(wanted.schema))
    if request.extra:
        most += _bytes(_json(request.extra))
    return most if window is None else min(most, window)


def _message(message: Message) -> int:
    most = _MESSAGE + _bytes(message.content) + _IMAGE * len(message.images)
    if message.tool_calls:
        most += sum(_MESSAGE + _bytes(f"{call.name}{_json(call.arguments)}") for call in message.tool_calls)
    return most


def _written(body: Mapping[str, Any], spec: ModelSpec | None) -> int | None:
    given = next((body[name] for name in _LIMITS if name in body), None)
    if given is None and isinstance(options := body.get("options"), Mapping):
        given = options.get("num_predict")
    if not isinstance(given, int) or given <= 0:
        given = (spec.max_output_tokens or spec.context_window) if spec else None
    copies = [body[name] for name in ("n", "best_of") if isinstance(body.get(name), int)]
    return None if given is None else given * max([1, *copies])


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
