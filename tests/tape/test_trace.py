"""What went over the wire, as a lesson shows it."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMError
from llmlab.lab.tape.trace import LONGEST, Trace
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

ASKED = TapeRequest("POST", "openai", "/v1/responses?key=abcdefgh", {"authorization": "Bearer x"}, {"input": "Hi"})
EVENTS = (
    (0.4, {"type": "response.created"}),
    *((0.4 + number / 10, {"type": "response.output_text.delta", "delta": str(number)}) for number in range(1, 6)),
    (1.0, {"type": "response.completed"}),
)
STREAM = TapeAnswer(200, {"x-request-id": "req_1"}, events=EVENTS, framing="named_sse", source="recorded")
PLAIN = TapeAnswer(404, {}, {"error": {"message": "no model", "key": "sk-abc1234567"}}, seconds=0.3, source="simulated")


def trace_of(*answers: TapeAnswer | None) -> Trace:
    trace = Trace()
    for answer in answers:
        trace.begin(ASKED).answer = answer
    return trace


def test_an_exchange_tells_what_was_said() -> None:
    last = trace_of(STREAM, PLAIN).last
    assert (last.number, last.method, last.alias, last.status, last.source) == (2, "POST", "openai", 404, "simulated")
    assert (last.request, last.response, last.seconds, last.streamed) == ({"input": "Hi"}, PLAIN.body, 0.3, False)
    assert last.path == "/v1/responses?key=abcdefgh"


def test_a_stream_tells_its_events() -> None:
    last = trace_of(STREAM).last
    assert last.response[0] == {"type": "response.created"}
    assert (len(last.response), last.seconds, last.streamed) == (7, 1.0, True)


def test_an_exchange_without_an_answer_says_so() -> None:
    last = trace_of(None).last
    assert (last.status, last.source, last.seconds, last.response) == (None, None, None, None)
    assert repr(last) == "<Exchange POST openai /v1/responses?key=[redacted] → no answer yet>"
    assert repr(last.show()).endswith("← no answer yet")


def test_an_empty_trace_tells_what_to_do() -> None:
    trace = Trace()
    assert repr(trace) == "nothing has been asked yet"
    assert trace._repr_markdown_() == "*nothing has been asked yet*"
    with pytest.raises(LLMError, match="nothing has been asked yet"):
        _ = trace.last
    with pytest.raises(LLMError, match="stream=True"):
        trace.events()


def test_the_trace_is_a_stable_list() -> None:
    """A lesson prints it and compares it: no clock, no header, no secret."""
    trace = trace_of(STREAM, PLAIN)
    assert repr(trace) == (
        "  1  POST openai /v1/responses?key=[redacted] → 200, recorded, 7 events\n"
        "  2  POST openai /v1/responses?key=[redacted] → 404, simulated"
    )
    assert trace._repr_markdown_() == (
        "| # | service | request | answer |\n|--:|---|---|---|\n"
        "| 1 | openai | `POST /v1/responses?key=[redacted]` | 200, recorded, 7 events |\n"
        "| 2 | openai | `POST /v1/responses?key=[redacted]` | 404, simulated |"
    )
    assert [exchange.number for exchange in trace] == [1, 2]
    assert (len(trace), trace[0].number) == (2, 1)


def test_clearing_forgets_but_counts_on() -> None:
    trace = trace_of(STREAM)
    trace.clear()
    assert len(trace) == 0
    assert trace.begin(ASKED).number == 2


def test_a_long_session_does_not_eat_the_memory() -> None:
    assert len(trace_of(*[PLAIN] * (LONGEST + 5))) == LONGEST


def test_the_events_of_the_last_stream_can_be_counted() -> None:
    events = trace_of(STREAM, PLAIN).events()
    counts = events.value_counts(sort=False)
    assert list(counts.items()) == [
        ("response.created", 1),
        ("response.output_text.delta", 5),
        ("response.completed", 1),
    ]
    assert events.name == "event"


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"type": "ping"}, "ping"),
        ({"object": "chat.completion.chunk", "choices": []}, "chat.completion.chunk"),
        ({"message": {"content": "x"}, "done": False}, "message"),
        ({"done": True}, "done"),
        ({"error": {"code": 500}}, "error"),
        ({}, "message"),
        ("data: [DONE]", "[DONE]"),
        (": OPENROUTER PROCESSING", "comment"),
        ("data: not JSON", "text"),
    ],
)
def test_events_of_every_wire_have_a_name(event: Any, name: str) -> None:
    answer = TapeAnswer(events=((0.0, event),), framing="sse")
    assert list(trace_of(answer).events()) == [name]


def test_the_wire_is_shown_as_json() -> None:
    view = trace_of(PLAIN).last.show()
    assert repr(view) == (
        "→ POST /v1/responses?key=[redacted]\n"
        '{"input": "Hi"}\n'
        "\n"
        "← 404, simulated\n"
        '{"error": {"message": "no model", "key": "[redacted]"}}'
    )
    markdown = view._repr_markdown_()
    assert markdown.startswith('**→ `POST /v1/responses?key=[redacted]`**\n\n```json\n{"input": "Hi"}\n```\n\n**← 404')
    assert "sk-abc" not in markdown
    assert "Bearer" not in markdown


def test_a_long_stream_is_shown_by_its_kinds_of_events() -> None:
    view = trace_of(STREAM).last.show()
    assert repr(view).partition("← ")[2].splitlines() == [
        "200, recorded, 7 events",
        '0.40 s  {"type": "response.created"}',
        '0.50 s  {"type": "response.output_text.delta", "delta": "1"}',
        '0.60 s  {"type": "response.output_text.delta", "delta": "2"}',
        "        … 3 more of response.output_text.delta",
        '1.00 s  {"type": "response.completed"}',
    ]
    assert "```text\n0.40 s" in view._repr_markdown_()


def test_long_values_are_shortened() -> None:
    body = {"embedding": list(range(100)), "text": "x" * 2000, "few": [1, 2]}
    answer = TapeAnswer(body=body, source="recorded")
    shown = repr(trace_of(answer).last.show())
    assert '"… 96 more"' in shown
    assert "… 1000 more characters" in shown
    assert len(shown) < 1500
    event = TapeAnswer(events=((0.0, {"type": "a", "text": "y" * 500}),), framing="sse")
    assert "more characters" in repr(trace_of(event).last.show())


def test_fields_that_hold_nothing_are_counted() -> None:
    answer = TapeAnswer(body={"a": None, "b": [], "c": {"d": None, "e": 0, "f": ""}}, source="recorded")
    lines = repr(trace_of(answer).last.show()).splitlines()
    assert lines[-2:] == ['{"c": {"e": 0, "f": ""}}', "… and 3 fields that hold nothing"]


def test_what_does_not_fit_on_a_line_is_laid_out() -> None:
    answer = TapeAnswer(body={"first": ["x" * 50, "y" * 50], "second": 1}, source="recorded")
    lines = repr(trace_of(answer).last.show()).splitlines()
    assert lines[-7:] == [
        "{",
        '  "first": [',
        f'    "{"x" * 50}",',
        f'    "{"y" * 50}"',
        "  ],",
        '  "second": 1',
        "}",
    ]


def test_no_body_is_not_shown_as_null() -> None:
    view = Trace().begin(TapeRequest("GET", "openai", "/v1/models")).show()
    assert repr(view) == "→ GET /v1/models\n\n← no answer yet"
    assert "```" not in view._repr_markdown_()


def test_text_and_bytes_are_shown_as_what_they_are() -> None:
    assert repr(trace_of(TapeAnswer(502, body="<html>", framing="text")).last.show()).endswith("recorded\n<html>")
    assert repr(trace_of(TapeAnswer(body=b"\xff\x00", framing="text")).last.show()).endswith("recorded\n2 bytes")


def test_a_body_with_a_fence_does_not_break_the_markdown() -> None:
    view = trace_of(TapeAnswer(body="```python\n1\n```", framing="text")).last.show()
    assert "````json\n```python" in view._repr_markdown_()
