"""Anthropic's Messages API: the Anthropic lesson breaks when one of these does."""

from __future__ import annotations

from typing import Any

from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from pydantic import TypeAdapter
from simulator_requests import HEADERS, WEATHER, ask, events, messages, text_of, user

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
TOOL = {"name": WEATHER["name"], "description": WEATHER["description"], "input_schema": WEATHER["parameters"]}
WHY = "Why is the sky blue?"


def test_an_answer_is_a_message_of_the_sdk() -> None:
    """Else `client.messages.create` gives the learner half an object."""
    answer = messages("What is 2 + 2?")
    parsed = Message.model_validate(answer.body)
    assert parsed.content[0].text == "2 + 2 = 4"  # type: ignore[union-attr]
    assert (parsed.stop_reason, parsed.model) == ("end_turn", "claude-haiku-5-5")
    assert answer.headers["request-id"].startswith("req_")
    assert "anthropic-ratelimit-tokens-remaining" in answer.headers


def test_a_stream_has_the_order_of_the_real_service_and_the_whole_text() -> None:
    """Else the SDK's stream helper and hand-written loops go wrong."""
    answer = messages(WHY, stream=True)
    assert answer.framing == "named_sse"
    got = events(answer)
    kinds = [event["type"] for event in got]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    text = "".join(event["delta"]["text"] for event in got if event["type"] == "content_block_delta")
    assert text == text_of(messages(WHY))


def test_every_event_is_one_of_the_sdk() -> None:
    """Else the SDK cannot put text, input and thoughts together."""
    for more in ({}, {"tools": [TOOL]}, {"thinking": {"type": "adaptive", "display": "summarized"}}):
        for event in events(messages("What's the weather in Oslo?", stream=True, **more)):
            if event["type"] != "ping":  # the SDK has no type for it and passes over it
                EVENT.validate_python(event)


def test_tools_are_called_and_their_results_used() -> None:
    """Else the tool loop of the lesson has nothing to run."""
    asked = user("What's the weather in Oslo and Rome?")
    first = messages(asked, tools=[TOOL])
    parsed = Message.model_validate(first.body)
    assert parsed.stop_reason == "tool_use"
    uses = [block for block in parsed.content if block.type == "tool_use"]
    assert [use.input for use in uses] == [{"location": "Oslo"}, {"location": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses]
    results[1] |= {"content": "no such city", "is_error": True}
    turns = [*asked, {"role": "assistant", "content": first.body["content"]}, {"role": "user", "content": results}]
    answer = text_of(messages(turns, tools=[TOOL]))
    assert answer == "- get_current_weather(Oslo) says: sunny.\n- get_current_weather(Rome) failed: no such city"
    lost = messages([*turns[:2], *user("And?")], tools=[TOOL])
    assert "without `tool_result` blocks" in lost.body["error"]["message"]
    unasked = messages([{"role": "user", "content": results}], tools=[TOOL])
    assert "unexpected `tool_use_id`" in unasked.body["error"]["message"]
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    got = events(messages(asked, tools=[TOOL], tool_choice=choice, stream=True))
    pieces = [event["delta"]["partial_json"] for event in got if event["type"] == "content_block_delta"]
    assert (len(pieces) > 2, "".join(pieces)) == (True, '{"location": "Oslo"}')
    assert got[-2]["delta"]["stop_reason"] == "tool_use"


def test_settings_are_followed() -> None:
    """Else system prompt, stop sequences and limit do nothing, or counting contradicts the bill."""
    assert text_of(messages("Say hello", system="You are a pirate.")) == "Arr, matey! Hello"
    stopped = messages("Count to 10", stop_sequences=["5"]).body
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "5")
    cut = messages("Explain a rainbow to a child.", max_tokens=7).body
    assert (cut["stop_reason"], cut["usage"]["output_tokens"]) == ("max_tokens", 7)
    body = {"model": "claude-haiku-5-5", "messages": user("Hello there"), "system": "Be kind."}
    counted = MessageTokensCount.model_validate(ask("anthropic", "/v1/messages/count_tokens", body).body)
    assert counted.input_tokens == messages("Hello there", system="Be kind.").body["usage"]["input_tokens"]


def test_models_are_listed_in_pages_and_found() -> None:
    """Else `client.models.list()` fails offline, or stops after a page."""
    page = ask("anthropic", "/v1/models", method="GET").body
    ids = [ModelInfo.model_validate(item).id for item in page["data"]]
    assert "claude-haiku-5-5" in ids
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[-1], False)
    part = ask("anthropic", f"/v1/models?limit=2&after_id={ids[0]}", method="GET").body
    assert ([model["id"] for model in part["data"]], part["has_more"]) == (ids[1:3], True)
    assert ask("anthropic", "/v1/models?limit=x", method="GET").status == 400
    assert ask("anthropic", "/v1/models/claude-haiku-4-5", method="GET").body["id"] == "claude-haiku-4-5-20251001"


def test_thoughts_are_shown_as_the_model_does() -> None:
    """Else a program that never sees a thought live is shown some offline."""
    adaptive, budget = {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}
    for model, thinking, shown in [
        ("claude-haiku-5-5", adaptive, False),
        ("claude-haiku-5-5", adaptive | {"display": "summarized"}, True),
        ("claude-haiku-5-5", adaptive | {"display": "omitted"}, False),
        ("claude-sonnet-4-6", adaptive, True),
        ("claude-haiku-4-5", budget, True),
        ("claude-haiku-4-5", budget | {"display": "omitted"}, False),
    ]:
        asked: dict[str, Any] = {"model": model, "thinking": thinking, "max_tokens": 4096}
        body = messages(WHY, **asked).body
        block = Message.model_validate(body).content[0]
        assert block.type == "thinking", asked
        assert (bool(block.thinking), bool(block.signature)) == (shown, True), asked
        assert body["usage"]["output_tokens_details"]["thinking_tokens"] > 0, asked
        deltas = [event["delta"] for event in events(messages(WHY, stream=True, **asked)) if "delta" in event]
        kinds = {delta["type"] for delta in deltas if "type" in delta}
        assert kinds == {"signature_delta", "text_delta"} | ({"thinking_delta"} if shown else set()), asked


def test_effort_changes_the_thinking() -> None:
    """Else `effort` does nothing."""
    counts = []
    for effort in ("low", "medium", "high"):
        body = messages(WHY, thinking={"type": "adaptive"}, output_config={"effort": effort}).body
        counts.append(body["usage"]["output_tokens_details"]["thinking_tokens"])
    assert counts[0] < counts[1] < counts[2]


def test_thinking_has_conditions() -> None:
    """Else the conditions of thinking are learned live, one error after the other."""
    adaptive, budget = {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}
    for change, part in [
        ({"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "greater than or equal to 1024"),
        ({"thinking": budget}, "`max_tokens` must be greater"),
        ({"thinking": adaptive, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"thinking": adaptive, "tool_choice": {"type": "any"}}, "tool_choice forces tool use"),
        ({"thinking": {"type": "deep"}}, "does not match any of the expected tags"),
        ({"thinking": adaptive, "output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"thinking": budget, "max_tokens": 4096}, '"thinking.type.enabled" is not supported'),
        ({"thinking": adaptive, "model": "claude-haiku-4-5"}, "adaptive thinking is not supported"),
    ]:
        answer = messages("Hi", **change)
        assert (answer.status, part in answer.body["error"]["message"]) == (400, True), change


def test_wrong_requests_are_refused_in_anthropics_words() -> None:
    """Else a learner sees another error offline than live."""
    for change, message in [
        ({"model": "claude-3-opus-20240229"}, "model: claude-3-opus-20240229"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 10_000_000}, "max_tokens: 10000000 > 128000"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": "Hi"}, "messages: Input should be a valid list"),
        ({"messages": ["Hi"]}, "messages.0: Input should be a valid dictionary"),
        ({"messages": [{"role": "system", "content": "x"}]}, 'messages: Unexpected role "system"'),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: Input"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must"),
        ({"tools": [{"name": "a b", "input_schema": {}}]}, "tools.0.custom.name: String"),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        ({"temperature": "hot"}, "temperature: Input should be a valid number"),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
    ]:
        answer = messages("Hi", **change)
        assert (answer.status, answer.body["type"]) == (404 if "model" in change else 400, "error"), change
        kind = "not_found_error" if "model" in change else "invalid_request_error"
        assert answer.body["error"]["type"] == kind, change
        assert answer.body["error"]["message"].startswith(message), change
        assert answer.body["request_id"] == answer.headers["request-id"], change
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": user("Hi")}
    unversioned = ask("anthropic", "/v1/messages", body, headers={"x-api-key": HEADERS["anthropic"]["x-api-key"]})
    assert unversioned.body["error"]["message"] == "anthropic-version: header is required"
