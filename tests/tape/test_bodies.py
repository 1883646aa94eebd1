"""Bytes of answers and their parsed form: what real servers send must be recorded as what they meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.lab.wire.bodies import parse_answer, render_body, render_event
from llmlab.lab.wire.messages import TapeAnswer
from tests.exchanges import EXCHANGES

NAMED = 'event: message_start\ndata: {"type":"message_start","text":"é漢😀"}\n\nevent: ping\ndata: {"type":"ping"}\n\n'
PLAIN = ': OPENROUTER PROCESSING\n\ndata: {"id":1}\n\ndata: {"id":2}\n\ndata: [DONE]\n\n'
SSE = {"content-type": "text/event-stream; charset=utf-8"}
LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


def parse(text: str | bytes, headers: dict[str, str], size: int = 7) -> TapeAnswer:
    data = text.encode() if isinstance(text, str) else text
    pieces = [(float(start), data[start : start + size]) for start in range(0, len(data), size)]
    return parse_answer(200, headers, pieces, 2.5)


def events(answer: TapeAnswer) -> list[Any]:
    return [event for _, event in answer.events or ()]


def render(answer: TapeAnswer) -> str:
    if answer.events is None:
        return render_body(answer).decode()
    return b"".join(render_event(event, answer.framing) for _, event in answer.events).decode()


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_events_are_read_however_they_are_cut(line_end: str) -> None:
    for size in (1, 7, 10_000):
        named = parse(NAMED.replace("\n", line_end), SSE, size)
        assert (named.framing, render(named)) == ("named_sse", NAMED)
        assert events(named) == [{"type": "message_start", "text": "é漢😀"}, {"type": "ping"}]
        plain = parse(PLAIN.replace("\n", line_end), SSE, size)
        assert (plain.framing, render(plain)) == ("sse", PLAIN)
        assert events(plain) == [": OPENROUTER PROCESSING", {"id": 1}, {"id": 2}, "data: [DONE]"]


def test_an_event_has_the_moment_of_its_last_byte() -> None:
    pieces = [(0.2, b'data: {"a"'), (0.7, b': 1}\n\ndata: {"b": 2}\n'), (0.9, b"\n")]
    assert parse_answer(200, SSE, pieces, 1.0).events == ((0.7, {"a": 1}), (0.9, {"b": 2}))


def test_a_missing_end_loses_only_what_is_half() -> None:
    """A reader who leaves early, or a server that dies, must not spoil the recording."""
    assert events(parse('data: {"a":1}\n\ndata: {"b":2}', SSE)) == [{"a": 1}, {"b": 2}]
    assert events(parse('data: {"a":1}\n\ndata: {"b":', SSE)) == [{"a": 1}]
    assert events(parse('{"a":1}\n{"b":', LINES)) == [{"a": 1}]
    assert events(parse(NAMED.encode()[:40], SSE)) == []


def test_data_over_several_lines_is_one_event() -> None:
    assert events(parse('data: {"a":\ndata: 1}\n\n', SSE)) == [{"a": 1}]


def test_an_unusual_event_stays_as_it_was_written() -> None:
    blocks = ["data: not JSON", "data: [1]", 'id: 7\ndata: {"a":1}', "retry: 100", "event: ping"]
    for block in (*blocks, 'event: error\ndata: {"error":{"code":500}}'):
        answer = parse(f'data: {{"id":1}}\n\n{block}\n\ndata: {{"id":2}}\n\n', SSE)
        assert block in render(answer) or events(answer)[1] == json.loads(block.partition("data: ")[2])
        assert len(events(answer)) == 3


def test_an_unnamed_event_among_named_ones_stays_unnamed() -> None:
    text = 'event: a\ndata: {"type":"a"}\n\ndata: {"type":"b"}\n\ndata: {"x":1}\n\n'
    answer = parse(text, SSE)
    assert events(answer) == [{"type": "a"}, 'data: {"type":"b"}', {"x": 1}]
    assert render(answer) == text


def test_json_lines_are_a_stream() -> None:
    text = '{"message":"é","done":false}\n{"done":true}\n'
    answer = parse(text, LINES)
    assert (answer.framing, events(answer)) == ("ndjson", [{"message": "é", "done": False}, {"done": True}])
    assert render(answer) == text


def test_json_lines_are_seen_where_the_server_calls_them_json() -> None:
    assert parse('{"a":1}\n{"a":2}\n', JSON).framing == "ndjson"
    assert parse('{"a":1}\noops\n', LINES).events is not None


def test_one_json_line_in_a_json_answer_is_no_stream() -> None:
    assert parse('{"a":1}\n', JSON) == TapeAnswer(200, JSON, {"a": 1}, seconds=2.5, source="live")


def test_a_file_stays_letter_by_letter() -> None:
    """The results of a batch come back as they were written, one line or many."""
    for text in ('{"a": 1}\n', '{"a": 1}\n{"a": 2}\n'):
        answer = parse(text, {"content-type": "application/octet-stream"})
        assert (answer.framing, answer.body, render(answer)) == ("text", text, text)


def test_an_error_in_place_of_a_stream_is_a_plain_answer() -> None:
    answer = parse('{"error":{"message":"no"}}', SSE)
    assert (answer.framing, answer.body, answer.events) == ("json", {"error": {"message": "no"}}, None)


def test_a_stream_without_a_content_type_is_recognised() -> None:
    assert events(parse(PLAIN, {}))[1] == {"id": 1}


def test_an_answer_that_is_not_json_comes_back_unchanged() -> None:
    for data in (b"<html>502</html>", b'{"cut": ', b"\xff\x00", b""):
        answer = parse(data, JSON)
        assert (answer.framing, render_body(answer)) == ("text", data)
        assert answer.body in (None, data, data.decode("utf-8", "replace"))
    assert parse("[" * 100_000, JSON, 50_000).framing == "text", "nested too deep"


def test_halves_of_characters_do_not_break_a_recording() -> None:
    answer = parse('{"a":"\\ud83d", "b":"\\ud83d\\ude00"}', JSON)
    assert answer.body == {"a": "?", "b": "😀"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=3), min_size=2, max_size=5), st.integers(1, 20))
def test_every_event_comes_back(said: list[dict[str, Any]], size: int) -> None:
    for framing, headers in (("sse", SSE), ("ndjson", LINES)):
        answer = TapeAnswer(200, headers, events=tuple((0.0, event) for event in said), framing=framing)  # type: ignore[arg-type]
        assert events(parse(render(answer), headers, size)) == said


def test_exchanges_come_back_as_they_were() -> None:
    """Every event of a stream is stored, in its order, whatever its service made of it."""
    for one in EXCHANGES:
        if one.expect.get("cut"):
            continue
        answer = parse(one.body, one.headers)
        again = parse(render(answer), one.headers)
        assert (again.framing, again.body, events(again)) == (answer.framing, answer.body, events(answer)), one.name
        if one.stream:
            lines = [line for line in one.body.splitlines() if line.startswith(("data:", "{"))]
            assert len([event for event in events(answer) if not str(event).startswith(":")]) == len(lines), one.name
