"""Calls as OpenTelemetry spans, if the program has set up a tracer, which also means that the library is loaded.

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
from llmlab.policies.ledger.record import CACHE_NOT_IN_INPUT, CallRecord

_OPERATIONS: Final = {
    "embeddings": "embeddings",
    "openai_completions": "text_completion",
    "ollama_generate": "text_completion",
}
"""The operation's name by wire format; all other formats are "chat"."""


def export_span(call: Call, record: CallRecord) -> None:
    """Send a finished call to OpenTelemetry, which is loaded; prompt and answer only if the ledger stores content."""
    trace = sys.modules["opentelemetry.trace"]
    operation = _OPERATIONS.get(call.format.name, "chat")
    # Waits that the tape shortened count in full, as in the ledger.
    begin, end = record.time, record.time + max(0.0, now() - call.started)
    span = trace.get_tracer("llmlab").start_span(
        f"{operation} {record.asked_model}", kind=trace.SpanKind.CLIENT, start_time=int(begin * 1e9)
    )
    if span.is_recording():
        span.set_attributes({"gen_ai.operation.name": operation, **dict(_attributes(call, record))})
        if record.error:
            span.set_status(trace.StatusCode.ERROR, record.error)
    span.end(int(end * 1e9))


def _attributes(call: Call, record: CallRecord) -> Iterator[tuple[str, Any]]:
    yield "gen_ai.provider.name", record.provider
    yield "gen_ai.request.model", record.asked_model
    address = urlsplit(call.base_url)
    yield "server.address", address.hostname or ""
    yield "server.port", address.port or (80 if address.scheme == "http" else 443)
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        if (value := getattr(call.request, name)) is not None:
            yield f"gen_ai.request.{name}", value
    if record.source:
        yield "gen_ai.response.model", record.model
        # The conventions count all input tokens, also those from a service's cache.
        more = record.cached_tokens if record.provider in CACHE_NOT_IN_INPUT else 0
        yield "gen_ai.usage.input_tokens", record.input_tokens + more
        yield "gen_ai.usage.output_tokens", record.output_tokens
        yield "gen_ai.usage.cache_read.input_tokens", record.cached_tokens
        yield "gen_ai.usage.reasoning.output_tokens", record.reasoning_tokens
        yield "llmlab.source", record.source
    if record.finish_reason:
        yield "gen_ai.response.finish_reasons", [record.finish_reason]
    if record.error:
        yield "error.type", record.error
    if record.prompt:
        messages = [({"role": one["role"]}, one["content"]) for one in json.loads(record.prompt)]
        yield "gen_ai.input.messages", _messages(messages)
    if record.answer:
        head = {"role": "assistant", "finish_reason": record.finish_reason}
        yield "gen_ai.output.messages", _messages([(head, record.answer)])


def _messages(messages: list[tuple[dict[str, str], str]]) -> str:
    parts = [{**head, "parts": [{"type": "text", "content": text}]} for head, text in messages]
    return json.dumps(parts, ensure_ascii=False)
