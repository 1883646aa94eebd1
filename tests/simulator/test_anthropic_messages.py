"""Anthropic's Messages API: the Anthropic lesson breaks when one of these does."""

from __future__ import annotations

from anthropic.types import Message, ModelInfo, RawMessageStreamEvent
from pydantic import TypeAdapter
from simulator_requests import WEATHER, ask, events, messages, text_of, user

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
TOOL = {"name": WEATHER["name"], "description": WEATHER["description"], "input_schema": WEATHER["parameters"]}
WHY = "Why is the sky blue?"


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
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    got = events(messages(asked, tools=[TOOL], tool_choice=choice, stream=True))
    pieces = [event["delta"]["partial_json"] for event in got if event["type"] == "content_block_delta"]
    assert (len(pieces) > 2, "".join(pieces)) == (True, '{"location": "Oslo"}')
    assert got[-2]["delta"]["stop_reason"] == "tool_use"


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
