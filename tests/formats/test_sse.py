"""From bytes to events. If one fails, an answer depends on how the network happened to cut it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.formats.sse import DONE, Framing, JSONLines, ServerSentEvents

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5)
ENDS = st.sampled_from(["\n", "\r\n"])
FRAMINGS = [ServerSentEvents, JSONLines]


def framed(framing: Framing, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
    events = [event for piece in pieces for event in framing.feed(piece)]
    return events + framing.flush()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def written(events: list[dict[str, Any]], kind: Callable[[], Framing], end: str) -> bytes:
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    if kind is JSONLines:
        return "".join(line + end for line in lines).encode("utf-8", "replace")
    return "".join(f": comment{end}event: x{end}data: {line}{end}{end}" for line in lines).encode("utf-8", "replace")


@pytest.mark.parametrize("kind", FRAMINGS)
@given(events=EVENTS, places=st.lists(st.integers(0, 10**6), max_size=9), end=ENDS)
def test_any_cut_gives_the_same_events(
    kind: Callable[[], Framing], events: list[dict[str, Any]], places: list[int], end: str
) -> None:
    data = written(events, kind, end)
    expected = framed(kind(), [data])
    assert len(expected) == len(events)
    assert framed(kind(), cut(data, places)) == expected


@pytest.mark.parametrize("kind", FRAMINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_character_survives_being_cut_into_bytes(kind: Callable[[], Framing], end: str) -> None:
    events = [{"text": "Grüße, 世界 👋"}, {"text": "\u2028 is no line end"}]
    data = written(events, kind, end)
    assert framed(kind(), [data[i : i + 1] for i in range(len(data))]) == events


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_no_bytes_make_a_framing_raise(pieces: list[bytes]) -> None:
    for kind in FRAMINGS:
        assert all(isinstance(event, dict) for event in framed(kind(), pieces))


STREAMS: list[Any] = [
    (b'data: {"a": 1}\n\n', [{"a": 1}]),
    (b'data:{"a": 1}\n\n', [{"a": 1}]),
    (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
    (b': OPENROUTER PROCESSING\n\ndata: {"a": 1}\n\n: OPENROUTER PROCESSING\n\n', [{"a": 1}]),
    (b'id: 7\nretry: 3\nevent: ping\ndata: {"a": 1}\n\n', [{"a": 1}]),
    (b'data: {"a": 1}\n\n\n\ndata: {"b": 2}\n\n', [{"a": 1}, {"b": 2}]),
    (b'data: {"a": 1}\n\ndata: {"b": 2}', [{"a": 1}, {"b": 2}]),
    (b'data: {"a": 1}\n\ndata: {"b":', [{"a": 1}]),
    (b'data: {"a": 1}\n\ndata: [DONE]\n\n', [{"a": 1}, DONE]),
    (b"data: [DONE]", [DONE]),
    (b'data: \n\ndata: {"a": 1}\n\n', [{"a": 1}]),
    (b"data: 5\n\ndata: [1]\n\n", []),
    (b"", []),
    (b"\n\n", []),
    (b": only a comment\n\n", []),
]


def test_server_sent_events_as_real_servers_write_them(subtests: pytest.Subtests) -> None:
    for data, events in STREAMS:
        with subtests.test(data=data):
            assert framed(ServerSentEvents(), [data]) == events
            assert framed(ServerSentEvents(), [data.replace(b"\n", b"\r\n")]) == events


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b'{"a": 1}\n{"b": 2}\n', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n{"b":', [{"a": 1}]),
        (b"5\n[1]\n", []),
        (b"", []),
    ],
)
def test_json_lines_as_real_servers_write_them(data: bytes, events: list[dict[str, Any]]) -> None:
    assert framed(JSONLines(), [data]) == events
    assert framed(JSONLines(), [data.replace(b"\n", b"\r\n")]) == events


@pytest.mark.parametrize("text", ['{"error": {"message": "no"}}', '{\n  "error": {\n    "message": "no"\n  }\n}\n'])
def test_a_plain_json_body_in_place_of_a_stream_is_one_event(text: str) -> None:
    """Proxies answer a request for a stream with a plain error; its reason must not be lost."""
    for size in (1, 7, 1000):
        pieces = [text.encode()[i : i + size] for i in range(0, len(text), size)]
        assert framed(ServerSentEvents(), pieces) == [{"error": {"message": "no"}}]


def test_a_page_in_place_of_a_stream_is_named() -> None:
    (event,) = framed(ServerSentEvents(), [b"<html>", b"Welcome</html>"])
    assert event["error"]["message"] == "the stream holds something that is not JSON: '<html>Welcome</html>'"


@pytest.mark.parametrize("bad", [b'{"a": oops}', b"[" * 100_000], ids=["word", "too deep"])
def test_what_came_before_a_broken_event_is_not_lost_with_it(bad: bytes) -> None:
    for framing, data in (
        (ServerSentEvents(), b'data: {"a": 1}\n\ndata: ' + bad + b'\n\ndata: {"b": 2}\n\n'),
        (JSONLines(), b'{"a": 1}\n' + bad + b'\n{"b": 2}\n'),
    ):
        first, broken, last = framed(framing, [data])
        assert (first, last) == ({"a": 1}, {"b": 2})
        assert "not JSON" in broken["error"]["message"]
        assert len(broken["error"]["message"]) < 200
