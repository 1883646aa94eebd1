"""Anthropic's endpoints: the Anthropic lesson breaks when one of these does."""

from __future__ import annotations

import pytest
from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from pydantic import TypeAdapter
from simulator_asking import HEADERS, WEATHER, ask, events, messages, said, user

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
TOOL = {"name": WEATHER["name"], "description": WEATHER["description"], "input_schema": WEATHER["parameters"]}


def test_messages_answer_is_a_message_of_the_sdk() -> None:
    """Else `client.messages.create` gives the learner half an object."""
    answer = messages("What is 2 + 2?")
    parsed = Message.model_validate(answer.body)
    assert parsed.content[0].text == "2 + 2 = 4"  # type: ignore[union-attr]
    assert (parsed.stop_reason, parsed.model) == ("end_turn", "claude-haiku-5-5")
    assert answer.headers["request-id"].startswith("req_")
    assert "anthropic-ratelimit-tokens-remaining" in answer.headers


def test_stream_has_the_order_of_the_real_service() -> None:
    """Else the SDK's stream helper and hand-written loops go wrong."""
    answer = messages("Why is the sky blue?", stream=True)
    assert answer.framing == "named_sse"
    got = events(answer)
    kinds = [event["type"] for event in got]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    for event in got:
        if event["type"] != "ping":  # the SDK has no type for it and passes over it
            EVENT.validate_python(event)
    text = "".join(event["delta"]["text"] for event in got if event["type"] == "content_block_delta")
    assert text == said(messages("Why is the sky blue?"))


def test_tool_use_and_its_result() -> None:
    """Else the tool loop of the lesson has nothing to run."""
    first = messages("What's the weather in Oslo and Rome?", tools=[TOOL])
    parsed = Message.model_validate(first.body)
    assert parsed.stop_reason == "tool_use"
    uses = [block for block in parsed.content if block.type == "tool_use"]
    assert [use.input for use in uses] == [{"location": "Oslo"}, {"location": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses]
    turns = [
        *user("What's the weather in Oslo and Rome?"),
        {"role": "assistant", "content": first.body["content"]},
        {"role": "user", "content": results},
    ]
    answer = said(messages(turns, tools=[TOOL]))
    assert answer == "- get_current_weather(Oslo) says: sunny.\n- get_current_weather(Rome) says: sunny."
    lost = messages([*turns[:2], *user("And?")], tools=[TOOL])
    assert "without `tool_result` blocks" in lost.body["error"]["message"]


def test_streamed_tool_use_gives_its_input_in_pieces() -> None:
    """Else the SDK cannot put the input together."""
    got = events(messages("What's the weather in Oslo?", tools=[TOOL], stream=True))
    pieces = [event["delta"]["partial_json"] for event in got if event["type"] == "content_block_delta"]
    assert len(pieces) > 2
    assert "".join(pieces) == '{"location": "Oslo"}'
    assert got[-2]["delta"]["stop_reason"] == "tool_use"


def test_system_prompt_stop_sequences_and_limit_are_followed() -> None:
    """Else three settings that the lesson explains do nothing."""
    assert said(messages("Say hello", system="You are a pirate.")) == "Arr, matey! Hello"
    stopped = messages("Count to 10", stop_sequences=["5"]).body
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "5")
    cut = messages("Explain a rainbow to a child.", max_tokens=7).body
    assert (cut["stop_reason"], cut["usage"]["output_tokens"]) == ("max_tokens", 7)


def test_thinking_comes_as_a_block_of_its_own() -> None:
    """Else thinking cannot be shown."""
    body = messages("What is 2 + 2?", thinking={"type": "adaptive"}).body
    assert [block.type for block in Message.model_validate(body).content] == ["thinking", "text"]
    for event in events(messages("What is 2 + 2?", thinking={"type": "adaptive"}, stream=True)):
        if event["type"] != "ping":
            EVENT.validate_python(event)


def test_count_tokens_agrees_with_the_bill() -> None:
    """Else counting before a call tells another number than the call."""
    body = {"model": "claude-haiku-5-5", "messages": user("Hello there"), "system": "Be kind."}
    counted = MessageTokensCount.model_validate(ask("anthropic", "/v1/messages/count_tokens", body).body)
    assert counted.input_tokens == messages("Hello there", system="Be kind.").body["usage"]["input_tokens"]


def test_models_are_listed_and_found() -> None:
    """Else `client.models.list()` fails offline."""
    page = ask("anthropic", "/v1/models", method="GET").body
    ids = [ModelInfo.model_validate(item).id for item in page["data"]]
    assert "claude-haiku-5-5" in ids
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[-1], False)
    assert ask("anthropic", "/v1/models/claude-haiku-4-5", method="GET").body["id"] == "claude-haiku-4-5-20251001"


@pytest.mark.parametrize(
    ("change", "status", "kind", "message"),
    [
        ({"model": "claude-3-opus-20240229"}, 404, "not_found_error", "model: claude-3-opus-20240229"),
        ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens: Field required"),
        ({"max_tokens": 0}, 400, "invalid_request_error", "max_tokens: Input should be greater"),
        ({"max_tokens": 10_000_000}, 400, "invalid_request_error", "max_tokens: 10000000 > 128000"),
        ({"messages": []}, 400, "invalid_request_error", "messages: at least one message is required"),
        ({"messages": None}, 400, "invalid_request_error", "messages: Field required"),
        (
            {"messages": [{"role": "system", "content": "x"}]},
            400,
            "invalid_request_error",
            'messages: Unexpected role "system"',
        ),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "invalid_request_error", "messages.0.role: Input"),
        ({"max_tokens": "9"}, 400, "invalid_request_error", "max_tokens: Input should be a valid integer"),
        ({"messages": "Hi"}, 400, "invalid_request_error", "messages: Input should be a valid list"),
        ({"messages": ["Hi"]}, 400, "invalid_request_error", "messages.0: Input should be a valid dictionary"),
        ({"messages": [{"role": "user"}]}, 400, "invalid_request_error", "messages.0.content: Field required"),
        (
            {"messages": [{"role": "user", "content": ""}]},
            400,
            "invalid_request_error",
            "messages.0: all messages must",
        ),
        ({"tools": [{"name": "a b", "input_schema": {}}]}, 400, "invalid_request_error", "tools.0.custom.name: String"),
        ({"temperature": "hot"}, 400, "invalid_request_error", "temperature: Input should be a valid number"),
        ({"temperature": 1.5}, 400, "invalid_request_error", "temperature: range: 0..1"),
        ({"tools": [{"name": "f"}]}, 400, "invalid_request_error", "tools.0.custom.input_schema: Field required"),
    ],
)
def test_anthropic_refuses_in_its_own_words(change: dict, status: int, kind: str, message: str) -> None:  # type: ignore[type-arg]
    """Else a learner sees another error offline than live."""
    answer = messages("Hi", **change)
    assert answer.status == status
    assert answer.body["type"] == "error"
    assert answer.body["error"]["type"] == kind
    assert answer.body["error"]["message"].startswith(message)
    assert answer.body["request_id"] == answer.headers["request-id"]


def test_version_header_is_required() -> None:
    """Else raw REST code works offline and fails live."""
    key_only = {"x-api-key": HEADERS["anthropic"]["x-api-key"]}
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": user("Hi")}
    answer = ask("anthropic", "/v1/messages", body, headers=key_only)
    assert answer.body["error"]["message"] == "anthropic-version: header is required"
