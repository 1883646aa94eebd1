"""OpenAI's Responses API: lessons with the real SDK break when one of these does."""

from __future__ import annotations

import json

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from simulator_requests import WEATHER, ask, events, responses, text_of

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
TOOL = {"type": "function", **WEATHER}
WHY = "Why is the sky blue?"


def test_a_stream_has_the_order_of_the_real_service_and_the_whole_text() -> None:
    """Else a lesson that counts events, and the SDK's stream helper, go wrong."""
    answer = responses("Say hello", stream=True)
    assert answer.framing == "named_sse"
    got = events(answer)
    assert [event["type"].removeprefix("response.") for event in got] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in got] == list(range(len(got)))
    assert got[-1]["response"].keys() | {"billing"} == responses("Say hello").body.keys()
    deltas = "".join(event["delta"] for event in events(responses(WHY, stream=True)) if "delta" in event)
    assert deltas == text_of(responses(WHY))


def test_tools_are_called_and_their_results_used() -> None:
    """Else the tool lesson has no tool call to show."""
    question = {"role": "user", "content": "What's the weather in Paris?"}
    got = events(responses([question], tools=[TOOL], stream=True))
    assert (
        "".join(event["delta"] for event in got if event["type"].endswith("arguments.delta")) == '{"location":"Paris"}'
    )
    for body in (responses([question], tools=[TOOL]).body, got[-1]["response"]):
        (call,) = Response.model_validate(body).output
        assert call.type == "function_call"
        assert json.loads(call.arguments) == {"location": "Paris"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": '{"temperature": 21}'}
    answer = text_of(responses([question, call.model_dump(), result], tools=[TOOL]))
    assert answer == "get_current_weather(Paris) says: temperature 21."
    forced = responses("Tell me a joke", tools=[TOOL], tool_choice={"type": "function", "name": WEATHER["name"]})
    assert forced.body["output"][0]["type"] == "function_call"
    for parallel, many in ((True, 2), (False, 1)):
        body = responses("Weather in Oslo and Rome?", tools=[TOOL], parallel_tool_calls=parallel).body
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
