"""Calls as OpenTelemetry spans. If one fails, a team's dashboards miss calls, or show private content."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmlab.errors import LLMRateLimitError
from llmlab.policies.ledger import Ledger
from llmlab.types.completion import Usage
from tests.ledger.records import answer, call


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What a tracer receives. The library sets up only one tracer per process, so this test replaces it."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield memory
    provider.shutdown()


def span_of(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_call_is_a_span_by_the_conventions(exporter: InMemorySpanExporter) -> None:
    usage = Usage(10, 20, 30, cached_tokens=4, reasoning_tokens=3)
    done = answer(model="gpt-6-luna-2026", usage=usage, finish_reason="stop", source="live")
    with trace.get_tracer("program").start_as_current_span("work") as outer:
        Ledger().note(call(temperature=0.5, max_tokens=50), done, None)
    span, _ = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("chat gpt-6-luna", trace.SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-6-luna",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.response.model": "gpt-6-luna-2026",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "server.address": "api.openai.com",
        "server.port": 443,
        "llmlab.source": "live",
    }
    assert span.start_time
    assert span.end_time
    assert span.end_time >= span.start_time
    assert span.parent
    assert span.parent.span_id == outer.get_span_context().span_id


def test_a_failed_call_is_a_span_with_its_error(exporter: InMemorySpanExporter) -> None:
    Ledger().note(call(), None, LLMRateLimitError("slow down"))
    span = span_of(exporter)
    assert (span.attributes or {})["error.type"] == "LLMRateLimitError"
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "gen_ai.response.model" not in (span.attributes or {})


def test_content_is_included_on_request_only(exporter: InMemorySpanExporter) -> None:
    for content in (False, True):
        Ledger(content=content).note(call(prompt="Hi"), answer(content="Hello."), None)
    without, content = (dict(span.attributes or {}) for span in exporter.get_finished_spans())
    assert not [name for name in without if "messages" in name]
    assert json.loads(str(content["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    ]
    assert json.loads(str(content["gen_ai.output.messages"])) == [
        {"role": "assistant", "finish_reason": "", "parts": [{"type": "text", "content": "Hello."}]}
    ]


def test_nothing_happens_without_a_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library may be missing, or not set up."""
    ledger = Ledger()
    ledger.note(call(), answer(), None)
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    ledger.note(call(), answer(), None)
    assert len(ledger) == 2
    assert "opentelemetry.trace" not in sys.modules


def test_tokens_from_a_services_cache_are_input_tokens(exporter: InMemorySpanExporter) -> None:
    """Anthropic counts them apart, the conventions do not: a dashboard would show a tenth of what was sent."""
    usage = Usage(100, 20, 1020, cached_tokens=900)
    Ledger().note(call(provider="anthropic"), answer(usage=usage, source="live"), None)
    attributes = span_of(exporter).attributes or {}
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.cache_read.input_tokens"]) == (1000, 900)


def test_other_operations_are_not_called_chat(exporter: InMemorySpanExporter) -> None:
    """Embeddings would make the chats of a dashboard look cheap and fast."""
    for name in ("embeddings", "openai_completions"):
        one = call()
        one.format = replace(one.format, name=name)
        Ledger().note(one, answer(), None)
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["embeddings gpt-6-luna", "text_completion gpt-6-luna"]
    assert (spans[0].attributes or {})["gen_ai.operation.name"] == "embeddings"
