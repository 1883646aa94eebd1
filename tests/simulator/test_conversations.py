"""Conversations in several requests: tool loops, stored responses, and Anthropic's pages of models."""

from __future__ import annotations

import json

from anthropic.types import Message, ModelInfo
from openai.types.responses import Response
from simulator_requests import WEATHER, ask, events, messages, responses, text_of, user

OPENAI_TOOL = {"type": "function", **WEATHER}
CLAUDE_TOOL = {"name": WEATHER["name"], "description": "The weather", "input_schema": WEATHER["parameters"]}


def test_responses_call_tools_and_use_their_results() -> None:
    """Else the tool lesson has no tool call to show."""
    question = {"role": "user", "content": "What's the weather in Paris?"}
    got = events(responses([question], tools=[OPENAI_TOOL], stream=True))
    assert (
        "".join(event["delta"] for event in got if event["type"].endswith("arguments.delta")) == '{"location":"Paris"}'
    )
    for body in (responses([question], tools=[OPENAI_TOOL]).body, got[-1]["response"]):
        (call,) = Response.model_validate(body).output
        assert call.type == "function_call"
        assert json.loads(call.arguments) == {"location": "Paris"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": '{"temperature": 21}'}
    answer = text_of(responses([question, call.model_dump(), result], tools=[OPENAI_TOOL]))
    assert answer == "get_current_weather(Paris) says: temperature 21."
    forced = responses("Tell me a joke", tools=[OPENAI_TOOL], tool_choice={"type": "function", "name": WEATHER["name"]})
    assert forced.body["output"][0]["type"] == "function_call"
    for parallel, many in ((True, 2), (False, 1)):
        body = responses("Weather in Oslo and Rome?", tools=[OPENAI_TOOL], parallel_tool_calls=parallel).body
        assert [item["type"] for item in body["output"]] == ["function_call"] * many


def test_a_conversation_goes_on_and_is_forgotten_when_deleted() -> None:
    """Else the second request of a conversation forgets the first, or a deleted one is still there."""
    first = responses("My name is Ada.").body["id"]
    assert text_of(responses("What is my name?", previous_response_id=first)) == "Your name is Ada."
    assert ask("openai", f"/v1/responses/{first}", method="GET").body["id"] == first
    assert ask("openai", f"/v1/responses/{first}", method="DELETE").body["deleted"]
    assert ask("openai", f"/v1/responses/{first}", method="GET").status == 404
    gone = responses("What is my name?", previous_response_id=first)
    assert (gone.status, gone.body["error"]["code"]) == (400, "previous_response_not_found")


def test_messages_call_tools_and_use_their_results() -> None:
    """Else the tool loop of the lesson has nothing to run."""
    asked = user("What's the weather in Oslo and Rome?")
    first = messages(asked, tools=[CLAUDE_TOOL])
    parsed = Message.model_validate(first.body)
    assert parsed.stop_reason == "tool_use"
    uses = [block for block in parsed.content if block.type == "tool_use"]
    assert [use.input for use in uses] == [{"location": "Oslo"}, {"location": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses]
    results[1] |= {"content": "no such city", "is_error": True}
    turns = [*asked, {"role": "assistant", "content": first.body["content"]}, {"role": "user", "content": results}]
    answer = text_of(messages(turns, tools=[CLAUDE_TOOL]))
    assert answer == "- get_current_weather(Oslo) says: sunny.\n- get_current_weather(Rome) failed: no such city"
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    got = events(messages(asked, tools=[CLAUDE_TOOL], tool_choice=choice, stream=True))
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
