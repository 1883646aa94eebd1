"""From wire JSON to an answer. If one fails, odd JSON from a service becomes a KeyError in somebody's lesson."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.errors import LLMAPIError, LLMError, LLMStreamError
from llmlab.formats import FORMATS, OLLAMA, OPENAI_CHAT, OPENAI_RESPONSES, Format
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.sse import DONE
from llmlab.types.completion import Completion
from llmlab.types.messages import ToolCall
from tests.core import bodies

ALL = list(FORMATS.values())
# The words of the wire formats, so that arbitrary JSON gets past the first field.
WORDS = re.findall(
    r"\S+",
    """
    type id index output_index model content text delta message choices error usage response done tool_calls function
    name arguments input output status finish_reason stop_reason done_reason refusal thinking reasoning item code raw
    reasoning_content content_block partial_json summary incomplete_details metadata prompt_tokens input_tokens cost
    total_tokens output_tokens_details eval_count created_at detail msg tool_use text_delta content_block_start [DONE]
    content_block_delta message_start message_delta message_stop input_json_delta thinking_delta function_call completed
    output_text incomplete response.output_item.added response.function_call_arguments.delta response.completed
    response.failed response.output_text.delta response.refusal.delta response.reasoning_text.delta
    """,
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)


OBJECTS = st.dictionaries(st.sampled_from(WORDS), st.recursive(LEAVES, _nested, max_leaves=15), max_size=8)


@pytest.mark.parametrize("format", ALL, ids=lambda format: format.name)
@given(body=OBJECTS)
def test_no_body_makes_decoding_raise_anything_but_an_api_error(format: Format, body: dict[str, Any]) -> None:
    try:
        answer = format.decode(body)
    except LLMAPIError:
        return
    assert isinstance(answer, Completion)
    assert isinstance(answer.content, str)
    repr(answer)
    answer._repr_markdown_()


@pytest.mark.parametrize("format", ALL, ids=lambda format: format.name)
@given(events=st.lists(OBJECTS, max_size=5))
def test_no_event_makes_a_stream_raise_anything_but_a_stream_error(
    format: Format, events: list[dict[str, Any]]
) -> None:
    decoder = format.stream()
    shown = ""
    for event in events:
        try:
            if chunk := decoder.feed(event):
                shown += chunk.text
        except LLMStreamError:
            break
        assert decoder.completion().content.startswith(shown) or format is OPENAI_RESPONSES
    assert isinstance(decoder.completion(), Completion)


@given(body=OBJECTS | st.recursive(LEAVES, _nested, max_leaves=9), status=st.integers(200, 599))
def test_no_error_body_makes_reading_it_raise(body: Any, status: int) -> None:
    find_problem(body)
    assert isinstance(to_error(status, {}, body, provider="p", model="m"), LLMError)


@pytest.mark.parametrize(
    ("format", "body", "events"),
    [
        (FORMATS["openai_responses"], bodies.RESPONSES, bodies.RESPONSES_EVENTS),
        (FORMATS["openai_chat"], bodies.CHAT, bodies.CHAT_EVENTS),
        (FORMATS["anthropic_messages"], bodies.ANTHROPIC, bodies.ANTHROPIC_EVENTS),
        (FORMATS["ollama"], bodies.OLLAMA, bodies.OLLAMA_EVENTS),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_streamed_answer_equals_the_whole_one(
    format: Format, body: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    decoder = format.stream()
    pieces = [str(chunk) for event in events if (chunk := decoder.feed(event))]
    assert pieces == list(bodies.PIECES)
    assert decoder.finished
    assert decoder.completion() == format.decode(body)
    assert decoder.completion().usage.total_tokens == 8


def test_numbers_that_are_none_count_as_nothing() -> None:
    """JSON as Python reads it has NaN and 1e999; neither may break an answer that is otherwise fine."""
    for odd in ("NaN", "1e999", "-Infinity", "1" + "0" * 400, '"7"', "true", "null", "[]"):
        text = '{"choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": ODD, "cost": ODD}}'
        body = json.loads(text.replace("ODD", odd))
        answer = OPENAI_CHAT.decode(body)
        assert (answer.content, answer.usage.input_tokens, answer.usage.cost) == ("Hi", 0, None)


def call(**details: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"tool_calls": [details]}}]}


@pytest.mark.parametrize(
    "deltas",
    [
        [
            call(index=0, id="a", function={"name": "f", "arguments": ""}),
            call(index=1, id="b", function={"name": "g", "arguments": '{"y"'}),
            call(index=0, function={"arguments": '{"x": 1}'}),
            call(index=1, function={"arguments": ": 2}"}),
        ],
        [
            call(id="a", function={"name": "f", "arguments": '{"x":'}),
            call(function={"arguments": " 1}"}),
            call(id="b", function={"name": "g", "arguments": '{"y":'}),
            call(function={"arguments": " 2}"}),
        ],
    ],
    ids=["interleaved", "without index"],
)
def test_parallel_tool_calls_are_told_apart(deltas: list[dict[str, Any]]) -> None:
    decoder = OPENAI_CHAT.stream()
    for delta in deltas:
        decoder.feed(delta)
    assert decoder.completion().tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))


@pytest.mark.parametrize("format", [OPENAI_CHAT, OLLAMA], ids=lambda format: format.name)
def test_tool_calls_without_ids_get_ids_of_their_own(format: Format) -> None:
    """A result must say which call it answers."""
    message = {"tool_calls": [{"function": {"name": "f", "arguments": {}}}] * 2}
    body = {"message": message, "choices": [{"message": message}]}
    first, second = format.decode(body).tool_calls
    assert first.id
    assert second.id
    assert first.id != second.id
    assert format.decode(body).tool_calls == (first, second)


def test_the_same_tool_call_in_a_later_answer_has_another_id() -> None:
    """With one id for two calls, a conversation is refused, or its results are mixed up."""
    message = {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    first, second = (
        OLLAMA.decode({"created_at": time, "message": message}).tool_calls
        for time in ("2026-11-14T10:00:00Z", "2026-11-14T10:00:07Z")
    )
    assert first[0].id != second[0].id


def test_streamed_tool_calls_without_ids_and_index_get_ids_of_their_own() -> None:
    decoder = OPENAI_CHAT.stream()
    for name in ("f", "g"):
        decoder.feed(call(function={"name": name, "arguments": '{"a":'}))
        decoder.feed(call(function={"arguments": " 1}"}))
    calls = decoder.completion().tool_calls
    assert [(made.name, made.arguments) for made in calls] == [("f", {"a": 1}), ("g", {"a": 1})]
    assert len({made.id for made in calls}) == 2


@pytest.mark.parametrize(
    ("written", "arguments", "unparsed"),
    [
        ('{"a": 1}', {"a": 1}, ""),
        ("", {}, ""),
        (None, {}, ""),
        ("  ", {}, ""),
        ("{oops", {}, "{oops"),
        ("[1]", {}, "[1]"),
        ("[" * 100_000, {}, "[" * 100_000),
    ],
    ids=["object", "empty", "nothing", "blank", "broken", "list", "deep"],
)
def test_arguments_that_are_no_object_are_kept_as_text(written: Any, arguments: dict[str, Any], unparsed: str) -> None:
    body = {"choices": [{"message": {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": written}}]}}]}
    assert OPENAI_CHAT.decode(body).tool_calls == (ToolCall("1", "f", arguments, unparsed),)


def test_a_server_that_does_not_stream_is_still_heard() -> None:
    """Some compatible servers ignore `stream` and send the whole answer; its text must not be lost."""
    decoder = OPENAI_CHAT.stream()
    assert str(decoder.feed(bodies.CHAT)) == bodies.TEXT
    assert decoder.finished
    assert decoder.completion() == OPENAI_CHAT.decode(bodies.CHAT)


@pytest.mark.parametrize("choice", [{"delta": {"content": "Hi"}}, {"text": "Hi"}], ids=["chat", "text"])
def test_the_end_marker_ends_a_stream_without_a_reason_to_end(choice: dict[str, Any]) -> None:
    decoder = FORMATS["openai_completions" if "text" in choice else "openai_chat"].stream()
    decoder.feed({"choices": [choice]})
    assert not decoder.finished
    assert decoder.feed(DONE) is None
    assert decoder.finished
    assert decoder.ended
