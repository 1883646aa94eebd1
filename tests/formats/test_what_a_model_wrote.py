"""What a model wrote can be sent back, to any service. If one fails, a conversation ends because of its own answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmlab.formats import FORMATS
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import build_request
from tests.formats.answers import WRITERS, Wire, both

# Python's text can hold halves of characters, which no UTF-8 can.
HALVES = st.text(st.sampled_from('a \n\t\ud83d\ude00\ud800é😀\ufffd\ufeff{}[]"\\'), max_size=6)
TEXTS = st.sampled_from(["", "\n\n", "Hi", "Hi \ud83d", "\ude00", "\ud83d\ude00"]) | HALVES
IDS = st.sampled_from(["call_1", "functions.add:0", "", None, "x" * 99, "call 1", "a\ud83d", 7]) | HALVES
NAMES = st.sampled_from(["add", "functions.add", "", None, "tool with spaces", "x" * 99]) | HALVES
WRITTEN = [
    '{"a": 1}', "", "  ", "null", "[]", '""', "{}", "{oops", "[1]", "5", '{"a": NaN}', '{"a": -Infinity}',
    '{"a": 1e999}',
    '{"a": 1, "a": 2}', '{"a": "\\ud83d"}', '{"a": "\\ud83d\\ude00"}', '"{\\"a\\": 1}"', '{"a": ' + "9" * 5000 + "}",
    '{"a": ' + "[" * 300 + "]" * 300 + "}", "[" * 100_000, "\ufeff{}",
]  # fmt: skip
ARGUMENTS: st.SearchStrategy[Any] = (
    st.sampled_from(WRITTEN)
    | HALVES
    | st.none()
    | st.dictionaries(HALVES, st.floats() | HALVES | st.none(), max_size=3)
)
CALLS = st.lists(st.builds(Wire, IDS, NAMES, ARGUMENTS), max_size=3)
ADD = ToolDefinition("add", "Add.", {"type": "object", "properties": {"a": {"type": "number"}}})


def goes_on(answer: Completion) -> list[Message]:
    """Return the conversation after an answer, with a result for each of its calls."""
    results = [Message(Role.TOOL, "done", name=call.name, tool_call_id=call.id) for call in answer.tool_calls]
    return [Message(Role.USER, "Hi"), answer.message, *results, Message(Role.USER, "More")]


def check_ids(called: list[str], answered: list[str]) -> None:
    assert called == answered
    assert len(set(called)) == len(called)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,40}", one) for one in called)


def check_name(name: str) -> None:
    assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", name)


def check_chat(body: dict[str, Any]) -> None:
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    check_ids([one["id"] for one in calls], [one["tool_call_id"] for one in body["messages"] if one["role"] == "tool"])
    assert all(one["content"] or one.get("tool_calls") for one in body["messages"])
    for call in calls:
        check_name(call["function"]["name"])
        assert isinstance(json.loads(call["function"]["arguments"]), dict)


def check_responses(body: dict[str, Any]) -> None:
    calls = [item for item in body["input"] if item.get("type") == "function_call"]
    results = [item for item in body["input"] if item.get("type") == "function_call_output"]
    check_ids([one["call_id"] for one in calls], [one["call_id"] for one in results])
    for call in calls:
        check_name(call["name"])
        assert isinstance(json.loads(call["arguments"]), dict)


def check_anthropic(body: dict[str, Any]) -> None:
    blocks = [block for turn in body["messages"] if isinstance(turn["content"], list) for block in turn["content"]]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    check_ids([one["id"] for one in calls], [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"])
    assert all(
        turn["content"] and (isinstance(turn["content"], list) or turn["content"].strip()) for turn in body["messages"]
    )
    assert all(block["text"].strip() for block in blocks if block["type"] == "text")
    for call in calls:
        check_name(call["name"])
        assert isinstance(call["input"], dict)


def check_ollama(body: dict[str, Any]) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls", ()):
            check_name(call["function"]["name"])
            assert isinstance(call["function"]["arguments"], dict)


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "openai_chat": check_chat,
    "openai_responses": check_responses,
    "anthropic_messages": check_anthropic,
    "ollama": check_ollama,
}


@pytest.mark.parametrize("name", WRITERS)
@example(text="Hi \ud83d", calls=[], size=1)
@example(text="\n\n", calls=[Wire("functions.add:0", "add", "{}"), Wire("functions.add:0", "add", "null")], size=3)
@given(text=TEXTS, calls=CALLS, size=st.integers(1, 4))
def test_after_any_answer_the_conversation_goes_on_with_every_service(
    name: str, text: str, calls: list[Wire], size: int
) -> None:
    answer = both(name, text, calls, size)
    assert answer.tool_calls == tuple(call for call in answer.tool_calls if call.id)
    str(answer).encode()
    repr(answer).encode()
    request = build_request(goes_on(answer), "m", {"tools": [ADD]})
    for service, check in CHECKS.items():
        body = FORMATS[service].encode(request, False)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        check(body)


def test_equal_ids_in_a_conversation_are_told_apart() -> None:
    """Some servers count the calls of each answer from 0. Anthropic refuses an id that comes twice."""
    turn = [
        Message(Role.ASSISTANT, tool_calls=(ToolCall("call_0", "add", {"a": 1}), ToolCall("call_0", "add", {"a": 2}))),
        Message(Role.TOOL, "1", tool_call_id="call_0"),
        Message(Role.TOOL, "2", tool_call_id="call_0"),
    ]
    request = build_request([Message(Role.USER, "Hi"), *turn, *turn], "m", {"tools": [ADD]})
    body = FORMATS["openai_chat"].encode(request, False)
    check_chat(body)
    assert body["messages"][1]["tool_calls"][0]["id"] == "call_0", "what fits stays as it is"
    check_anthropic(FORMATS["anthropic_messages"].encode(request, False))


def test_a_call_without_a_result_gets_one() -> None:
    """A run that was stopped leaves such calls, and every service refuses all later requests."""
    calls = (ToolCall("a", "add", {}), ToolCall("b", "add", {}))
    half = [Message(Role.ASSISTANT, tool_calls=calls), Message(Role.TOOL, "1", tool_call_id="b")]
    for rest in ([], [Message(Role.USER, "Stop")]):
        request = build_request([Message(Role.USER, "Hi"), *half, *rest], "m", {"tools": [ADD]})
        sent = FORMATS["openai_chat"].encode(request, False)["messages"]
        results = {one["tool_call_id"]: one["content"] for one in sent if one["role"] == "tool"}
        assert results == {"b": "1", "a": "There is no result: the tool was not called."}
        assert [one["role"] for one in sent[2:4]] == ["tool", "tool"]


def test_an_empty_answer_is_sent_as_an_ellipsis() -> None:
    """Many servers refuse an answer without text and calls, some two turns of one speaker."""
    prompt = [Message(Role.USER, "Hi"), Message(Role.ASSISTANT, " "), Message(Role.USER, "More")]
    for service in ("openai_chat", "anthropic_messages", "ollama"):
        assert FORMATS[service].encode(build_request(prompt, "m", {}), False)["messages"][1]["content"] == "…"


def test_a_name_that_is_offered_is_not_changed() -> None:
    """A server of one's own may take other names; the call must name the tool that is offered."""
    tool, call = ToolDefinition("files.read", "Read."), ToolCall("1", "files.read", {})
    prompt = [
        Message(Role.USER, "Hi"),
        Message(Role.ASSISTANT, tool_calls=(call,)),
        Message(Role.TOOL, "x", tool_call_id="1"),
    ]
    body = FORMATS["openai_chat"].encode(build_request(prompt, "m", {"tools": [tool]}), False)
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "files.read"
