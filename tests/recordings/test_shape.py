"""The shape of an answer: what breaks a reader's code is told, and what changes with every answer is not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmlab.lab.tape.json_shape import differences, text_of
from llmlab.lab.wire.messages import TapeAnswer


def plain(body: Any, **details: Any) -> TapeAnswer:
    return TapeAnswer(body=body, **details)


def stream(*events: Any) -> TapeAnswer:
    return TapeAnswer(events=tuple((0.1 * number, event) for number, event in enumerate(events)), framing="sse")


START, DELTA, STOP = {"type": "start", "id": "a"}, {"type": "delta", "text": "Hi"}, {"type": "stop"}


def test_a_changed_shape_is_reported() -> None:
    """A maintainer reads which name, type or event it is, and where."""
    for recorded, now, expected in (
        (plain({"a": 1}), plain({"a": 1, "b": 2}), ["new: b"]),
        (plain({"a": 1, "b": 2}), plain({"a": 1}), ["gone: b"]),
        (plain({"a": {"b": {"c": 1}}}), plain({"a": {}}), ["gone: a.b"]),
        (plain({"a": 1}), plain({"a": "1"}), ["type of a: recorded number, now text"]),
        (plain({"a": [{"b": 1}]}), plain({"a": [{"b": True}]}), ["type of a[].b: recorded number, now boolean"]),
        (plain({"a": []}), plain({"a": {}}), ["type of a: recorded list, now object"]),
        (plain([]), plain({}), ["type of the body: recorded list, now object"]),
        (
            plain({"content": [{"type": "text", "text": "Hi"}]}),
            plain({"content": [{"type": "text", "text": "Hi", "citations": []}]}),
            ["new: content[text].citations"],
        ),
        (
            plain({"content": [{"type": "output_text"}]}),
            plain({"content": [{"type": "text"}]}),
            ["items of content: recorded output_text, now text"],
        ),
        (plain({}), plain({}, status=202), ["status: recorded 200, now 202"]),
        (plain({}), stream(START), ["framing: recorded json, now sse"]),
        (stream(START, DELTA), stream(START, DELTA, STOP), ["new event: stop"]),
        (stream(START, DELTA, STOP), stream(START, STOP), ["event gone: delta"]),
        (
            stream(START, DELTA, STOP),
            stream(DELTA, START, STOP),
            ["order of events: start came before delta, and now comes after it"],
        ),
        (stream(START), stream({**START, "at": 1}), ["new: at in start"]),
        (stream(DELTA), stream({**DELTA, "text": 1}), ["type of text in delta: recorded text, now number"]),
    ):
        assert differences(recorded, now) == expected


def test_ordinary_changes_are_not_reported() -> None:
    """A report that cries wolf every night is not read."""
    for recorded, now in (
        (plain({"text": "Hi", "n": 1}), plain({"text": "Good bye", "n": 2.5})),
        (plain({"error": None}), plain({"error": {"code": 1}})),
        (plain({"data": [{"id": "a"}]}), plain({"data": []})),
        (plain({"data": [{"a": 1}, {"a": 2}]}), plain({"data": [{"a": 1}]})),
        (
            plain({"output": [{"type": "reasoning", "summary": []}, {"type": "message"}]}),
            plain({"output": [{"type": "message"}]}),
        ),
        (
            plain({"content": [{"type": "tool_use", "input": {"city": "Oslo"}}]}),
            plain({"content": [{"type": "tool_use", "input": {"place": 1}}]}),
        ),
        (stream(START, DELTA, DELTA, STOP), stream(START, DELTA, STOP)),
        (
            stream(START, {"type": "ping"}, DELTA),
            stream(": OPENROUTER PROCESSING", START, DELTA, {"type": "ping"}),
        ),
    ):
        assert differences(recorded, now) == differences(now, recorded) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("type"), inner),
    max_leaves=8,
)


@given(JSON)
def test_an_answer_has_the_shape_of_itself(body: Any) -> None:
    """Whatever a service may send, comparing it neither fails nor finds a difference to itself."""
    assert differences(plain(body), plain(body)) == []
    assert differences(stream({"value": body}), stream({"value": body})) == []


def test_the_words_of_an_answer_are_found_in_every_format() -> None:
    """Whether an answer has changed is a question of its words, not of ids and times."""
    assert text_of(plain({"id": "a", "choices": [{"message": {"content": "Hi"}}]})) == "Hi"
    assert text_of(stream(START, DELTA, {"type": "delta", "text": " there"})) == "Hi there"
