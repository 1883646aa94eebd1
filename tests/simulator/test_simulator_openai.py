"""OpenAI's endpoints: a lesson with the real SDK breaks when one of these does."""

from __future__ import annotations

import json
import struct
from base64 import b64decode

import pytest
from openai.types import CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from simulator_asking import WEATHER, ask, chat, events, responses, said

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
TOOL = {"type": "function", **WEATHER}
CHAT_TOOL = {"type": "function", "function": WEATHER}


def test_responses_answer_is_a_response_of_the_sdk() -> None:
    """Else `client.responses.create` gives the learner half an object."""
    answer = responses("What is 17 * 23?")
    parsed = Response.model_validate(answer.body)
    assert parsed.output_text == "17 * 23 = 391"
    assert parsed.status == "completed"
    assert parsed.metadata == {"llmlab": "simulated"}
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == parsed.usage.input_tokens + parsed.usage.output_tokens
    assert answer.source == "simulated"
    assert answer.headers["x-request-id"].startswith("req_")


def test_responses_stream_has_the_order_of_the_real_service() -> None:
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
    for event in got:
        EVENT.validate_python(event)
    plain = responses("Say hello").body
    assert got[-1]["response"].keys() | {"billing"} == plain.keys()


def test_responses_stream_says_the_same_as_the_plain_answer() -> None:
    """Else streaming would change what a learner reads."""
    text = "".join(
        event["delta"] for event in events(responses("Why is the sky blue?", stream=True)) if "delta" in event
    )
    assert text == said(responses("Why is the sky blue?"))


@pytest.mark.parametrize("stream", [False, True])
def test_responses_calls_tools_and_uses_the_result(stream: bool) -> None:
    """Else the tool lesson has no tool call to show."""
    question = {"role": "user", "content": "What's the weather in Paris?"}
    answer = responses([question], tools=[TOOL], stream=stream)
    body = events(answer)[-1]["response"] if stream else answer.body
    (call,) = Response.model_validate(body).output
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"location": "Paris"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": '{"temperature": 21}'}
    second = responses([question, call.model_dump(), result], tools=[TOOL])
    assert said(second) == "get_current_weather(Paris) says: temperature 21."


def test_responses_stream_of_a_tool_call_parses() -> None:
    """Else the SDK cannot put the streamed arguments together."""
    got = events(responses("What's the weather in Paris?", tools=[TOOL], stream=True))
    for event in got:
        EVENT.validate_python(event)
    deltas = "".join(event["delta"] for event in got if event["type"].endswith("arguments.delta"))
    assert deltas == '{"location":"Paris"}'


def test_reasoning_shows_only_as_tokens_and_summary() -> None:
    """Else the lesson on reasoning effort shows no difference."""
    low = responses("Why?", reasoning={"effort": "low"}).body
    high = responses("Why?", reasoning={"effort": "high", "summary": "auto"}).body
    assert [item["type"] for item in low["output"]] == ["reasoning", "message"]
    spent = [body["usage"]["output_tokens_details"]["reasoning_tokens"] for body in (low, high)]
    assert 0 < spent[0] < spent[1]
    assert Response.model_validate(high).output[0].summary[0].text
    assert low["output"][0]["summary"] == []
    for event in events(responses("Why?", reasoning={"effort": "high", "summary": "auto"}, stream=True)):
        EVENT.validate_python(event)


def test_previous_response_id_continues_the_conversation() -> None:
    """Else the second request of a conversation forgets the first."""
    first = responses("My name is Ada.")
    second = responses("What is my name?", previous_response_id=first.body["id"])
    assert said(second) == "Your name is Ada."
    unknown = responses("What is my name?", previous_response_id="resp_nobody")
    assert (unknown.status, unknown.body["error"]["code"]) == (400, "previous_response_not_found")


def test_max_output_tokens_makes_the_response_incomplete() -> None:
    """Else learners never see a cut answer."""
    body = responses("Explain a rainbow to a child.", max_output_tokens=16).body
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["usage"]["output_tokens"] == 16
    last = events(responses("Explain a rainbow to a child.", max_output_tokens=16, stream=True))[-1]
    assert last["type"] == "response.incomplete"


def test_structured_output_follows_the_schema() -> None:
    """Else the lesson on structured output cannot parse the answer."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
        "required": ["name", "age", "city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}
    answer = responses("Extract the person: Ada, 36 years old, lives in London.", text={"format": form})
    assert json.loads(said(answer)) == {"name": "Ada", "age": 36, "city": "London"}
    Response.model_validate(answer.body)


def test_input_tokens_agree_with_the_bill() -> None:
    """Else counting before a call tells another number than the call."""
    counted = ask("openai", "/v1/responses/input_tokens", {"model": "gpt-6-luna", "input": "Hello there"})
    assert counted.body == {"object": "response.input_tokens", "input_tokens": counted.body["input_tokens"]}
    assert counted.body["input_tokens"] == responses("Hello there").body["usage"]["input_tokens"]


def test_chat_answer_is_a_completion_of_the_sdk() -> None:
    """Else `client.chat.completions.create` gives the learner half an object."""
    parsed = ChatCompletion.model_validate(chat("openai", "What is the capital of France?").body)
    assert parsed.choices[0].message.content == "The capital of France is Paris."
    assert parsed.choices[0].finish_reason == "stop"
    assert parsed.system_fingerprint == "fp_llmlab_simulator"


def test_chat_stream_ends_with_usage_only_when_asked() -> None:
    """Else a learner's loop meets a chunk without choices, or none with the usage."""
    plain, with_usage = (
        chat("openai", "Say hello", stream=True, **more) for more in ({}, {"stream_options": {"include_usage": True}})
    )
    assert all("usage" not in chunk for chunk in events(plain))
    chunks = [ChatCompletionChunk.model_validate(chunk) for chunk in events(with_usage)]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hello"
    assert with_usage.events is not None
    assert with_usage.events[-1][1] == "data: [DONE]"


def test_chat_calls_tools_in_parallel_and_streams_their_arguments() -> None:
    """Else deltas of two calls cannot be told apart."""
    text = "What's the weather in Seattle and San Francisco today?"
    body = chat("openai", text, tools=[CHAT_TOOL]).body
    calls = ChatCompletion.model_validate(body).choices[0].message.tool_calls or []
    assert [json.loads(call.function.arguments) for call in calls] == [
        {"location": "Seattle"},
        {"location": "San Francisco"},
    ]
    arguments = ["", ""]
    for chunk in events(chat("openai", text, tools=[CHAT_TOOL], stream=True)):
        ChatCompletionChunk.model_validate(chunk)
        for delta in chunk["choices"][0]["delta"].get("tool_calls", []):
            arguments[delta["index"]] += delta["function"]["arguments"]
    assert arguments == [call.function.arguments for call in calls]
    alone = chat("openai", text, tools=[CHAT_TOOL], parallel_tool_calls=False).body
    assert len(alone["choices"][0]["message"]["tool_calls"]) == 1


def test_chat_gives_several_choices() -> None:
    """Else `n` does nothing."""
    body = chat("openai", "Tell me a joke", n=3, temperature=1).body
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in body["choices"]}) == 3


def test_chat_gives_json_when_asked() -> None:
    """Else `response_format` does nothing, or takes what the service refuses."""
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    text = said(chat("openai", "What is the capital of Italy?", response_format=form))
    assert json.loads(text) == {"answer": "The capital of Italy is Rome."}
    loose = {"type": "json_object"}
    assert json.loads(said(chat("openai", "What is 1+1, as JSON?", response_format=loose))) == {"answer": "1+1 = 2"}
    assert "must contain the word 'json'" in chat("openai", "Hi", response_format=loose).body["error"]["message"]


def test_chat_tool_choice_names_a_tool() -> None:
    """Else forcing a tool does nothing."""
    forced = {"type": "function", "function": {"name": WEATHER["name"]}}
    body = chat("openai", "Tell me a joke", tools=[CHAT_TOOL], tool_choice=forced).body
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    own = responses("Tell me a joke", tools=[TOOL], tool_choice={"type": "function", "name": WEATHER["name"]}).body
    assert own["output"][0]["type"] == "function_call"


def test_models_are_listed_and_found() -> None:
    """Else `client.models.list()` fails offline."""
    listed = ask("openai", "/v1/models", method="GET").body
    assert {"gpt-6-luna", "text-embedding-3-small"} <= {Model.model_validate(item).id for item in listed["data"]}
    assert ask("openai", "/v1/models/gpt-6-luna", method="GET").body["id"] == "gpt-6-luna"
    gone = ask("openai", "/v1/models/gpt-2", method="GET")
    assert (gone.status, gone.body["error"]["code"]) == (404, "model_not_found")


def test_embeddings_are_near_for_near_texts() -> None:
    """Else retrieval finds the wrong passage."""
    body = {"model": "text-embedding-3-small", "input": ["A cat sleeps", "The cat is sleeping", "Stock prices fell"]}
    parsed = CreateEmbeddingResponse.model_validate(ask("openai", "/v1/embeddings", body).body)
    one, two, three = (item.embedding for item in parsed.data)
    assert len(one) == 1536
    assert sum(number * number for number in one) == pytest.approx(1)
    assert sum(map(float.__mul__, one, two)) > 0.3 + sum(map(float.__mul__, one, three))


def test_embeddings_in_base64_hold_the_same_numbers() -> None:
    """Else the SDK, which asks for base64, reads other vectors than raw code does."""
    body = {"model": "text-embedding-3-small", "input": "Hello world", "dimensions": 64}
    plain = ask("openai", "/v1/embeddings", body).body["data"][0]["embedding"]
    packed = ask("openai", "/v1/embeddings", body | {"encoding_format": "base64"}).body["data"][0]["embedding"]
    assert list(struct.unpack("<64f", b64decode(packed))) == pytest.approx(plain, abs=1e-6)
