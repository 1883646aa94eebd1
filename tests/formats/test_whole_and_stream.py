"""Oddities that people reported, read whole and as a stream. If one fails, `stream=True` changes the answer."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMAPIError, LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, FORMATS, OLLAMA, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES
from llmlab.formats.sse import DONE
from llmlab.types.messages import ToolCall
from tests.formats.answers import WRITERS, Wire, both, read

ARGUMENTS: list[tuple[Any, dict[str, Any], str]] = [
    ('{"a": 1}', {"a": 1}, ""),
    ({"a": 1}, {"a": 1}, ""),
    ({}, {}, ""),
    ("", {}, ""),
    (None, {}, ""),
    ("null", {}, ""),
    ("[]", {}, ""),
    ([], {}, ""),
    ('"{\\"a\\": 1}"', {"a": 1}, ""),
    ('{"a": "\\ud83d\\ude00 \\ud83d"}', {"a": "😀 \ufffd"}, ""),
    ('{"a": "\ud83d\ude00 \ud83d"}', {"a": "😀 \ufffd"}, ""),
    ({"a": "\ud83d"}, {"a": "\ufffd"}, ""),
    ({"a": float("nan")}, {}, '{"a": NaN}'),
    ('{"a": Infinity}', {}, '{"a": Infinity}'),
    ('{"a": 1e999}', {}, '{"a": 1e999}'),
    ('{"a": 1, "a": 2}', {}, '{"a": 1, "a": 2}'),
    ("{oops", {}, "{oops"),
    ("5", {}, "5"),
]


@pytest.mark.parametrize("name", WRITERS)
def test_arguments_in_every_form(name: str, subtests: pytest.Subtests) -> None:
    for written, arguments, unparsed in ARGUMENTS:
        with subtests.test(written=written):
            (call,) = both(name, "", [Wire("c", "add", written)]).tool_calls
            assert call == ToolCall("c", "add", arguments, unparsed)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("text", "read_as"),
    [("", ""), (None, ""), ("😀", "😀"), ("\ud83d\ude00!", "😀!"), ("a\ud83d", "a\ufffd"), ("\ude00b", "\ufffdb")],
)
def test_texts_of_whole_characters(name: str, text: str, read_as: str) -> None:
    """Some servers cut a text between the two halves of an emoji; half of it can be neither printed nor sent."""
    assert both(name, text).content == read_as


@pytest.mark.parametrize("name", WRITERS)
def test_two_calls_without_ids_have_ids_of_their_own(name: str) -> None:
    for nothing in (None, "", 7):
        one, other = both(name, "", [Wire(nothing, "f", '{"a": 1}'), Wire(nothing, "f", '{"a": 2}')]).tool_calls
        assert one.id
        assert other.id
        assert one.id != other.id
        assert (one.arguments, other.arguments) == ({"a": 1}, {"a": 2})


def delta(index: Any = 0, identifier: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    call = {"index": index, "id": identifier, "function": {"name": name, "arguments": arguments}}
    return {"choices": [{"delta": {"tool_calls": [call]}}]}


STREAMED_CALLS: dict[str, list[dict[str, Any]]] = {
    "all at index 0, told apart by their ids": [delta(0, "a", "f", '{"x": 1}'), delta(0, "b", "f", '{"x": 2}')],
    "all at index 0, in parts": [
        delta(0, "a", "f", '{"x"'),
        delta(0, "a", "f", ": 1}"),
        delta(0, "b", "f", ""),
        delta(0, None, None, '{"x": 2}'),
    ],
    "all at index 0, another id in every part": [
        delta(0, "a", "f", ""),
        delta(0, "z", None, '{"x": 1}'),
        delta(1, "b", "f", '{"x"'),
        delta(1, "y", "", ": 2}"),
    ],
    "name and id repeated": [
        delta(0, "a", "f", '{"x"'),
        delta(0, "a", "f", ": 1}"),
        delta(1, "b", "f", '{"x"'),
        delta(1, "b", "f", ": 2}"),
    ],
    "the rest of the second call at an index of its own": [
        delta(0, "a", "f", '{"x": 1}'),
        delta(0, "b", "f", '{"x"'),
        delta(1, None, None, ": 2}"),
    ],
    "an id alone says whose part it is": [
        delta(0, "a", "f", '{"x"'),
        delta(1, "b", "f", '{"x": 2}'),
        delta(7, "a", None, ": 1}"),
    ],
    "objects, then empty texts": [
        delta(0, "a", "f", {"x": 1}),
        delta(0, "a", None, ""),
        delta(1, "b", "f", {"x": 2}),
        delta(1, None, None, None),
    ],
}


@pytest.mark.parametrize("kind", STREAMED_CALLS)
def test_streamed_calls_are_told_apart(kind: str) -> None:
    answer = read(OPENAI_CHAT, [*STREAMED_CALLS[kind], DONE])
    assert answer.tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "f", {"x": 2}))


def test_two_calls_at_index_0_without_ids() -> None:
    """Gemini's compatible endpoint sends an empty id with each, and every one at index 0."""
    answer = read(OPENAI_CHAT, [delta(0, "", "f", '{"x": 1}'), delta(0, "", "f", '{"x": 2}'), DONE])
    assert [call.arguments for call in answer.tool_calls] == [{"x": 1}, {"x": 2}]


def test_the_call_of_an_old_server_is_read() -> None:
    call = {"name": "f", "arguments": '{"x": 1}'}
    whole = OPENAI_CHAT.decode({"choices": [{"message": {"function_call": call}, "finish_reason": "function_call"}]})
    assert OPENAI_CHAT.decode({"choices": [{"message": {"function_call": None}}]}).tool_calls == ()
    events: list[dict[str, Any]] = [
        {"choices": [{"delta": {"function_call": {"name": "f", "arguments": '{"x"'}}}]},
        {"choices": [{"delta": {"function_call": {"arguments": ": 1}"}}, "finish_reason": "function_call"}]},
    ]
    for answer in (whole, read(OPENAI_CHAT, events)):
        assert [(one.name, one.arguments) for one in answer.tool_calls] == [("f", {"x": 1})]
        assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("name", ["openai_chat", "openai_completions"])
def test_of_several_choices_the_first_is_the_answer(name: str) -> None:
    """With `extra={"n": 2}` the choices arrive in any order; mixed, they are one senseless text."""

    def choice(index: int, text: str, end: str | None = None, key: str = "delta") -> dict[str, Any]:
        content = {"text": text} if name == "openai_completions" else {key: {"content": text}}
        return {"index": index, **content, "finish_reason": end}

    format, head = FORMATS[name], {"id": "a", "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    choices = [choice(1, "BLUE TWO", "length", "message"), choice(0, "red one", "stop", "message")]
    whole = format.decode({**head, "choices": choices, "usage": usage})
    events = [
        {**head, "choices": [choice(0, "red")]},
        {**head, "choices": [choice(1, "BLUE")]},
        {**head, "choices": [choice(1, " TWO"), choice(0, " one")]},
        {**head, "choices": [choice(0, "", "stop")]},
        {**head, "choices": [choice(1, "", "length")], "usage": usage},
        DONE,
    ]
    assert read(format, events) == whole
    assert (whole.content, whole.finish_reason, whole.usage.output_tokens) == ("red one", "stop", 4)
    (other,) = whole.alternatives
    assert (other.content, other.finish_reason, other.model, other.usage.output_tokens) == (
        "BLUE TWO",
        "length",
        "m",
        0,
    )


def test_a_count_that_is_null_does_not_take_a_known_one_away() -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 25, "output_tokens": 1}}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": None, "output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    usage = read(ANTHROPIC_MESSAGES, events).usage
    assert (usage.input_tokens, usage.output_tokens) == (25, 5)
    details = [{"cached_tokens": 2}, {"cached_tokens": None}, None]
    chunks = [
        {"choices": [{"delta": {}}], "usage": {"prompt_tokens": 9, "prompt_tokens_details": one}} for one in details
    ]
    usage = read(OPENAI_CHAT, [*chunks, {"choices": [], "usage": {"prompt_tokens": None}}, DONE]).usage
    assert (usage.input_tokens, usage.cached_tokens) == (9, 2)


NO_ANSWER: list[tuple[str, dict[str, Any]]] = [
    *(
        ("openai_chat", {"id": "x", "choices": choices})
        for choices in (None, [], [None], [{}], "no", [{"message": None}])
    ),
    ("openai_completions", {"choices": [{"index": 0}]}),
    ("openai_responses", {"id": "x", "status": "completed", "output": []}),
    ("openai_responses", {"output": None}),
    ("anthropic_messages", {"type": "message", "content": None}),
    ("ollama", {"model": "m", "done": True}),
    ("ollama_generate", {"model": "m", "done": True}),
    *((name, body) for name in FORMATS for body in ({}, {"status": "ok"}, {"jsonrpc": "2.0", "result": {}})),
]


@pytest.mark.parametrize(("name", "body"), NO_ANSWER)
def test_what_holds_no_answer_is_an_error_that_shows_it(name: str, body: dict[str, Any]) -> None:
    """An empty `Completion` would pass for an answer, and a failover would not go on."""
    with pytest.raises(LLMAPIError, match=r"the service answered, but with no answer: '\{"):
        FORMATS[name].decode(body)


EMPTY: list[tuple[str, dict[str, Any], str | None]] = [
    ("openai_chat", {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}, "stop"),
    ("openai_chat", {"choices": [{"message": None, "finish_reason": "content_filter"}]}, "content_filter"),
    ("openai_completions", {"choices": [{"text": "", "finish_reason": "length"}]}, "length"),
    ("openai_responses", {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ("anthropic_messages", {"content": [], "stop_reason": "end_turn"}, "stop"),
    ("ollama", {"message": {"content": ""}, "done": True, "done_reason": "load"}, "stop"),
    ("ollama_generate", {"response": "", "done": True, "done_reason": "stop"}, "stop"),
]


@pytest.mark.parametrize(("name", "body", "reason"), EMPTY)
def test_an_empty_answer_is_an_answer(name: str, body: dict[str, Any], reason: str) -> None:
    """A model may say nothing, or have no room to."""
    answer = FORMATS[name].decode(body)
    assert (answer.content, answer.finish_reason) == ("", reason)


ENDS: list[tuple[str, dict[str, Any]]] = [
    *((name, DONE) for name in ("openai_chat", "openai_completions", "openai_responses", "anthropic_messages")),
    ("anthropic_messages", {"type": "message_stop"}),
    ("openai_responses", {"type": "response.completed", "response": {"status": "completed", "output": []}}),
    ("ollama", {"done": True}),
]


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_an_end_without_an_answer_is_an_error(name: str, end: dict[str, Any]) -> None:
    with pytest.raises(LLMStreamError, match="before its answer began"):
        FORMATS[name].stream().feed(end)


def test_an_answer_in_the_events_alone_is_whole() -> None:
    """Some gateways end with an empty `output`, or with [DONE] in place of `response.completed`."""
    deltas = [{"type": "response.output_text.delta", "delta": "Hi"}]
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": ""}
    called = [
        {"type": "response.output_item.added", "output_index": 0, "item": call},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"x":'},
        {"type": "response.output_item.done", "output_index": 0, "item": {**call, "arguments": '{"x": 1}'}},
        {"type": "response.output_item.done", "output_index": 0, "item": {**call, "call_id": "b"}},
    ]
    completed = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
    for end in (completed, DONE):
        assert read(OPENAI_RESPONSES, [*deltas, end]).content == "Hi"
        calls = read(OPENAI_RESPONSES, [*called, end])
        assert calls.tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "f"))
        assert calls.finish_reason == "tool_calls"


def test_a_message_beside_an_empty_delta_is_not_read_twice() -> None:
    """Perplexity repeats the whole text in every event."""
    events: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": "Hi"}, "message": {"content": "Hi"}}]},
        {"choices": [{"delta": {}, "message": {"content": "Hi"}, "finish_reason": "stop"}]},
    ]
    assert read(OPENAI_CHAT, events).content == "Hi"


def test_a_reason_to_end_that_is_empty_ends_nothing() -> None:
    decoder = OPENAI_CHAT.stream()
    decoder.feed({"choices": [{"delta": {"content": "Hi"}, "finish_reason": ""}]})
    assert not decoder.finished


def test_a_half_that_waits_is_shown_with_what_follows() -> None:
    decoder = OLLAMA.stream()
    shown = [
        decoder.feed({"message": {"content": part, "thinking": part}})
        for part in ("a\ud83d", "", "\ude00b", "\ud83d", "c")
    ]
    assert [(one.text, one.reasoning) for one in shown if one] == [(part, part) for part in ("a", "😀b", "\ufffdc")]
    assert decoder.completion().content == decoder.completion().reasoning == "a😀b\ufffdc"


def test_text_completion_without_a_choice_waits_for_its_text() -> None:
    assert read(OPENAI_COMPLETIONS, [{"choices": []}, {"choices": [{"text": "Hi"}]}, DONE]).content == "Hi"
