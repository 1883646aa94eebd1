"""Calls as OpenTelemetry spans, by the semantic conventions for generative AI, where a program has set a tracer up.

Nothing is imported here and nothing is done elsewhere: who sets up a tracer has loaded the library.
Source: OpenTelemetry, "Semantic conventions for generative client AI spans".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from llmlab._utils.clock import now
from llmlab.policies import Call
from llmlab.policies.ledger.costs import CACHED_APART
from llmlab.policies.ledger.record import Entry

_OPERATIONS: Final = {
    "embeddings": "embeddings",
    "openai_completions": "text_completion",
    "ollama_generate": "text_completion",
}
"""What the conventions call a call, by its wire format; all others are chats."""


def export(call: Call, entry: Entry) -> None:
    """Hand a call that is over to OpenTelemetry, if somebody listens there. What was asked and answered comes along
    only where the ledger keeps content."""
    if (trace := sys.modules.get("opentelemetry.trace")) is None:
        return
    # The time of a policy's wait counts in full, as in the ledger.
    begin, end = int(entry.time * 1e9), int((entry.time + max(0.0, now() - call.started)) * 1e9)
    span = trace.get_tracer("llmlab").start_span(
        f"{_operation(call)} {entry.asked_model}", kind=trace.SpanKind.CLIENT, start_time=begin
    )
    if span.is_recording():
        span.set_attributes(dict(_attributes(call, entry)))
        if entry.error:
            span.set_status(trace.StatusCode.ERROR, entry.error)
    span.end(end)


def _operation(call: Call) -> str:
    return _OPERATIONS.get(call.format.name, "chat")


def _attributes(call: Call, entry: Entry) -> Iterator[tuple[str, Any]]:
    yield "gen_ai.operation.name", _operation(call)
    yield "gen_ai.provider.name", entry.provider
    yield "gen_ai.request.model", entry.asked_model
    address = urlsplit(call.base_url)
    yield "server.address", address.hostname or ""
    yield "server.port", address.port or (80 if address.scheme == "http" else 443)
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        if (value := getattr(call.request, name)) is not None:
            yield f"gen_ai.request.{name}", value
    if entry.source:
        yield "gen_ai.response.model", entry.model
        # The conventions want all that was read, also what came from a vendor's cache.
        apart = entry.cached_tokens if entry.provider in CACHED_APART else 0
        yield "gen_ai.usage.input_tokens", entry.input_tokens + apart
        yield "gen_ai.usage.output_tokens", entry.output_tokens
        yield "gen_ai.usage.cache_read.input_tokens", entry.cached_tokens
        yield "gen_ai.usage.reasoning.output_tokens", entry.reasoning_tokens
        yield "llmlab.source", entry.source
    if entry.finish_reason:
        yield "gen_ai.response.finish_reasons", [entry.finish_reason]
    if entry.error:
        yield "error.type", entry.error
    if entry.prompt:
        said = [
            {"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]}
            for one in json.loads(entry.prompt)
        ]
        yield "gen_ai.input.messages", json.dumps(said, ensure_ascii=False)
    if entry.answer:
        parts = [{"type": "text", "content": entry.answer}]
        answer = {"role": "assistant", "parts": parts, "finish_reason": entry.finish_reason}
        yield "gen_ai.output.messages", json.dumps([answer], ensure_ascii=False)
