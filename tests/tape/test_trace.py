"""What went over the wire, as a lesson shows it: the same on every machine, with no waiting."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

import llmlab
from llmlab._utils import clock
from llmlab.errors import LLMError
from llmlab.lab.tape.exchange import event_name
from llmlab.lab.tape.trace import LONGEST, Attempt, Timeline, Trace
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.faults.conftest import no_sleep as no_sleep
from tests.faults.shapes import SHAPES, ask

REQUEST = TapeRequest("POST", "openai", "/v1/responses?key=abcdefgh", {"authorization": "Bearer x"}, {"input": "Hi"})
EVENTS = (
    (0.4, {"type": "response.created"}),
    *((0.4 + number / 10, {"type": "response.output_text.delta", "delta": str(number)}) for number in range(1, 6)),
    (1.0, {"type": "response.completed"}),
)
STREAM = TapeAnswer(200, {"x-request-id": "req_1"}, events=EVENTS, framing="named_sse", source="recorded")
COLUMNS = ["call", "attempt", "time", "service", "path", "status", "seconds", "fault", "wait", "why"]
PLAIN = TapeAnswer(404, {}, {"error": {"message": "no model", "key": "sk-abc1234567"}}, seconds=0.3, source="simulated")


def trace_of(*answers: TapeAnswer | None) -> Trace:
    trace = Trace()
    for answer in answers:
        trace.begin(REQUEST).answer = answer
    return trace


def shown(body: Any, **details: Any) -> str:
    """Return how an answer is shown, without its request."""
    return repr(trace_of(TapeAnswer(body=body, **details)).last.show()).partition("← ")[2]


def test_an_exchange_says_what_was_sent_and_answered() -> None:
    last = trace_of(STREAM, PLAIN).last
    assert (last.number, last.method, last.alias, last.status, last.source) == (2, "POST", "openai", 404, "simulated")
    assert (last.request, last.response, last.seconds, last.streamed) == ({"input": "Hi"}, PLAIN.body, 0.3, False)
    assert last.path == "/v1/responses?key=abcdefgh"
    stream = trace_of(STREAM).last
    assert (stream.response[0], len(stream.response)) == ({"type": "response.created"}, 7)
    assert (stream.seconds, stream.streamed) == (1.0, True)


def test_an_exchange_without_an_answer_says_so() -> None:
    last = trace_of(None).last
    assert (last.status, last.source, last.seconds, last.response) == (None, None, None, None)
    assert repr(last) == "<Exchange POST openai /v1/responses?key=[redacted] → no answer yet>"
    view = Trace().begin(TapeRequest("GET", "openai", "/v1/models")).show()
    assert repr(view) == "→ GET /v1/models\n\n← no answer yet"
    assert "```" not in view._repr_markdown_()


def test_an_empty_trace_says_what_to_do() -> None:
    trace = Trace()
    assert repr(trace) == repr(trace.timeline()) == "nothing has been asked yet"
    assert trace._repr_markdown_() == "*nothing has been asked yet*"
    assert (list(trace.frame().columns), len(trace.frame())) == (COLUMNS, 0)
    assert ElementTree.fromstring(trace.timeline()._repr_svg_()).tag.endswith("svg")
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
    assert ([exchange.number for exchange in trace], len(trace), trace[0].number) == ([1, 2], 2, 1)
    trace.clear()
    assert (len(trace), trace.begin(REQUEST).number) == (0, 3)


def test_a_long_session_does_not_eat_the_memory() -> None:
    assert len(trace_of(*[PLAIN] * (LONGEST + 5))) == LONGEST


def test_the_events_of_the_last_stream_can_be_counted() -> None:
    events = trace_of(STREAM, PLAIN).events()
    counts = {"response.created": 1, "response.output_text.delta": 5, "response.completed": 1}
    assert (dict(events.value_counts(sort=False)), events.name) == (counts, "event")


def test_events_of_every_wire_format_have_a_name() -> None:
    for event, name in (
        ({"type": "ping"}, "ping"),
        ({"object": "chat.completion.chunk", "choices": []}, "chat.completion.chunk"),
        ({"message": {"content": "x"}, "done": False}, "message"),
        ({"done": True}, "done"),
        ({"error": {"code": 500}}, "error"),
        ({}, "message"),
        ("data: [DONE]", "[DONE]"),
        (": OPENROUTER PROCESSING", "comment"),
        ("data: not JSON", "text"),
    ):
        assert event_name(event) == name


def test_the_wire_is_shown_as_json() -> None:
    view = trace_of(PLAIN).last.show()
    assert repr(view) == (
        '→ POST /v1/responses?key=[redacted]\n{"input": "Hi"}\n\n'
        '← 404, simulated\n{"error": {"message": "no model", "key": "[redacted]"}}'
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


def test_long_values_are_shortened_and_empty_ones_counted() -> None:
    text = shown({"embedding": list(range(100)), "text": "x" * 2000, "few": [1, 2]})
    assert '"… 96 more"' in text
    assert "… 1000 more characters" in text
    assert len(text) < 1500
    assert "more characters" in shown(None, events=((0.0, {"type": "a", "text": "y" * 500}),), framing="sse")
    lines = shown({"a": None, "b": [], "c": {"d": None, "e": 0, "f": ""}}).splitlines()
    assert lines[-2:] == ['{"c": {"e": 0, "f": ""}}', "… and 3 fields that hold nothing"]


def test_a_long_body_is_laid_out_over_lines() -> None:
    long = ["x" * 50, "y" * 50]
    lines = shown({"first": long, "second": 1}).splitlines()[1:]
    assert lines == ["{", '  "first": [', f'    "{long[0]}",', f'    "{long[1]}"', "  ],", '  "second": 1', "}"]


def test_text_and_bytes_are_shown_as_what_they_are() -> None:
    assert shown("<html>", status=502, framing="text").endswith("recorded\n<html>")
    assert shown(b"\xff\x00", framing="text").endswith("recorded\n2 bytes")
    view = trace_of(TapeAnswer(body="```python\n1\n```", framing="text")).last.show()
    assert "````json\n```python" in view._repr_markdown_(), "a fence in a body does not end the block"


# Attempts


def tried(*faults: str, shape: str = "whole", **options: Any) -> list[Attempt]:
    llmlab.start("offline")
    with llmlab.get_provider("openai", **options) as llm, llmlab.faults(faults):
        ask(llm, shape)
    return llmlab.trace().attempts


@pytest.mark.parametrize("shape", SHAPES)
def test_each_attempt_is_a_row_with_time_status_wait_and_reason(shape: str, no_socket: None, no_sleep: None) -> None:
    rows = tried("rate_limit;retry_after=2;times=2", shape=shape)
    found = [(row.call, row.attempt, row.time, row.status, row.fault, row.wait) for row in rows]
    assert found == [
        (1, 1, 0.0, 429, "rate_limit", 2.0),
        (1, 2, 2.2, 429, "rate_limit", 2.0),
        (1, 3, 4.4, 200, "", None),
    ]
    assert rows[0].why == "rate_limit was injected; Retry-After: 2; tried again after 2 s"
    assert rows[2].why == "simulated answer"


@pytest.mark.parametrize("shape", ["whole", "async stream"])
def test_the_same_lesson_gives_the_same_picture(shape: str, no_sleep: None) -> None:
    """Waits have jitter, which on a network is drawn at random."""
    faults = ("server_error", "connect_refused", "timeout")
    first = tried(*faults, shape=shape, timeout=5)
    picture = llmlab.trace().timeline()._repr_svg_()
    llmlab.stop()
    assert tried(*faults, shape=shape, timeout=5) == first
    assert llmlab.trace().timeline()._repr_svg_() == picture
    assert [(row.status, row.failed) for row in first] == [(500, True), (None, True), (None, True), (200, False)]
    assert len({(row.wait or 0) / 2**number for number, row in enumerate(first[:3])}) == 3


def test_a_date_is_waited_for_exactly_and_a_final_error_says_so(no_sleep: None) -> None:
    """A date that is read against the wall clock would be another wait in every run."""
    rows = tried("rate_limit;retry_after=3;as_date=true")
    assert (rows[0].wait, rows[0].why) == (3.0, "rate_limit was injected; Retry-After: a date; tried again after 3 s")
    with pytest.raises(LLMError):
        tried("unauthorized")
    assert llmlab.trace().attempts[-1].why == "unauthorized was injected; not tried again"


def test_calls_side_by_side_and_repeated_calls_are_told_apart(no_sleep: None) -> None:
    llmlab.start("offline")

    async def ask_three() -> None:
        async with llmlab.get_provider("openai") as llm:
            with llmlab.faults("rate_limit", times=3, retry_after=1):
                await asyncio.gather(*(llm.complete_async("Hi") for _ in range(3)))

    asyncio.run(ask_three())
    rows = [(row.call, row.attempt, row.status) for row in llmlab.trace().attempts]
    assert rows == [(call, attempt, status) for call in (1, 2, 3) for attempt, status in ((1, 429), (2, 200))]
    llmlab.trace().clear()
    with llmlab.get_provider("openai", max_retries=0) as llm, llmlab.faults("server_error", times=1):
        with pytest.raises(LLMError):
            llm.complete("Hi")
        llm.complete("Hi")
    assert [(row.call, row.attempt) for row in llmlab.trace().attempts] == [(1, 1), (2, 1)]


def test_policies_wait_at_the_lessons_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    for pace, real in ((0, 0.0), (0.5, 3.5), (2, 14.0)):
        waits.clear()
        llmlab.start("offline", pace=pace)
        with llmlab.get_provider("openai") as llm, llmlab.faults("rate_limit", retry_after=7, times=1):
            llm.complete("Hi")
        assert real in waits
        assert llmlab.trace().attempts[-2].wait == 7


def test_live_and_without_the_tape_waits_and_chance_are_real() -> None:
    llmlab.start("offline", pace=0)
    assert clock.real_seconds(3) == 0
    llmlab.start("live", pace=0)
    assert clock.real_seconds(3) == 3
    llmlab.stop()
    assert clock.real_seconds(3) == 3
    assert len({clock.chance() for _ in range(20)}) > 1


def test_the_table_is_a_data_frame_of_fixed_columns(no_sleep: None) -> None:
    tried("rate_limit", "timeout")
    frame = llmlab.trace().frame()
    assert list(frame.columns) == COLUMNS
    assert [str(frame[name].dtype) for name in ("call", "time", "status", "wait")] == [
        *("int64", "float64", "Int64", "float64")
    ]
    assert list(frame["status"].dropna()) == [429, 200]
    assert frame["wait"].isna().tolist() == [False, False, True]


def test_the_trace_names_injected_faults(no_sleep: None) -> None:
    tried("rate_limit", "connect_refused")
    lines = repr(llmlab.trace()).splitlines()
    assert lines[0] == "  1  POST openai /v1/responses → 429, simulated, injected rate_limit"
    assert lines[1] == "  2  POST openai /v1/responses → ConnectError, injected connect_refused"
    assert "429, simulated, injected rate_limit |" in llmlab.trace()._repr_markdown_()
    assert repr(llmlab.trace()[1].show()).endswith("← ConnectError, injected connect_refused")


def test_an_error_inside_an_answer_counts_as_a_failure() -> None:
    trace = Trace()
    trace.begin(REQUEST).answer = TapeAnswer(200, {}, {"error": {"code": 502}}, source="live")
    trace.add_wait(1.5)
    trace.begin(REQUEST)
    first, second = trace.attempts
    assert (first.why, first.wait) == ("the answer holds an error; tried again after 1.5 s", 1.5)
    assert (second.attempt, second.why) == (2, "no answer yet")
    assert "abcdefgh" not in str(trace.attempts) + repr(trace.timeline()) + trace.timeline()._repr_svg_()


def test_the_picture_is_read_without_colour(no_sleep: None) -> None:
    """Failures are open bars with a cross and answers full ones, and each bar has its status as text."""
    tried("rate_limit", "server_error")
    picture = ElementTree.fromstring(llmlab.trace().timeline()._repr_svg_())
    found = [element.tag.rpartition("}")[2] for element in picture.iter()]
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    fills = [element.get("fill") for element in picture.iter() if element.tag.endswith("rect")][1:]
    assert found.count("line") == 2
    assert {"429", "500", "200", "1  openai", "0 s"} <= set(texts)
    assert [fill == "#ffffff" for fill in fills] == [True, True, False]
    description = next(element.text for element in picture.iter() if element.tag.endswith("desc"))
    assert description == repr(llmlab.trace().timeline())
    row = Attempt(1, 1, 0, "<b>&", "/v1", 200, 0.5, "", None, "<script>", False)
    assert ElementTree.fromstring(Timeline([row])._repr_svg_()) is not None
