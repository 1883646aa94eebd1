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


def test_every_event_is_one_of_the_sdk() -> None:
    """Else the SDK cannot put the streamed text, arguments or summary together."""
    for more in ({}, {"tools": [TOOL]}, {"reasoning": {"effort": "high", "summary": "auto"}}):
        for event in events(responses("What's the weather in Paris?", stream=True, **more)):
            EVENT.validate_python(event)


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


def test_reasoning_shows_only_as_tokens_and_summary() -> None:
    """Else the lesson on reasoning effort shows no difference."""
    spent = []
    for effort in ("none", "low", "high"):
        for summary, shown in ((None, False), ("auto", True), ("concise", True)):
            wish = {"effort": effort} | ({"summary": summary} if summary else {})
            body = responses(WHY, reasoning=wish).body
            Response.model_validate(body)
            thoughts = [bool(item["summary"]) for item in body["output"] if item["type"] == "reasoning"]
            assert thoughts == ([] if effort == "none" else [shown]), (effort, summary)
        spent.append(body["usage"]["output_tokens_details"]["reasoning_tokens"])
    assert 0 == spent[0] < spent[1] < spent[2]


def test_a_conversation_goes_on_and_is_forgotten_when_deleted() -> None:
    """Else the second request of a conversation forgets the first, or a deleted one is still there."""
    first = responses("My name is Ada.").body["id"]
    assert text_of(responses("What is my name?", previous_response_id=first)) == "Your name is Ada."
    assert ask("openai", f"/v1/responses/{first}", method="GET").body["id"] == first
    assert ask("openai", f"/v1/responses/{first}", method="DELETE").body["deleted"]
    assert ask("openai", f"/v1/responses/{first}", method="GET").status == 404
    gone = responses("What is my name?", previous_response_id=first)
    assert (gone.status, gone.body["error"]["code"]) == (400, "previous_response_not_found")


def test_settings_are_followed() -> None:
    """Else limits, verbosity and token counting do nothing, or contradict the bill."""
    for stream in (False, True):
        answer = responses("Explain a rainbow to a child.", max_output_tokens=16, stream=stream)
        body = events(answer)[-1]["response"] if stream else answer.body
        assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
        assert body["usage"]["output_tokens"] == 16
    assert events(answer)[-1]["type"] == "response.incomplete"
    sizes = [
        len(text_of(responses("Explain a rainbow.", text={"verbosity": how}))) for how in ("low", "medium", "high")
    ]
    assert sizes[0] < sizes[1] < sizes[2]
    counted = ask("openai", "/v1/responses/input_tokens", {"model": "gpt-6-luna", "input": "Hello there"})
    used = responses("Hello there").body["usage"]["input_tokens"]
    assert counted.body == {"object": "response.input_tokens", "input_tokens": used}
