"""Chat Completions, embeddings and lists of models at the four services that speak OpenAI's form."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from typing import Any

import pytest
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from simulator_requests import CHAT, HEADERS, WEATHER, ask, chat, events, text_of

from llmlab.lab.wire.messages import TapeAnswer

TOOL = {"type": "function", "function": WEATHER}
CITIES = "What's the weather in Seattle and San Francisco today?"


@pytest.mark.parametrize("alias", CHAT)
def test_whole_and_streamed_answers_are_those_of_the_sdk(alias: str) -> None:
    """Else the OpenAI SDK with another base URL fails offline, or streaming changes what a learner reads."""
    whole = ChatCompletion.model_validate(chat(alias, "Capital of France?").body)
    assert whole.choices[0].message.content == "The capital of France is Paris."
    assert (whole.choices[0].finish_reason, whole.system_fingerprint) == ("stop", "fp_llmlab_simulator")
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    streamed = chat(alias, "Capital of France?", stream=True)
    parsed = [ChatCompletionChunk.model_validate(chunk) for chunk in events(streamed)]
    text = "".join(choice.delta.content or "" for chunk in parsed for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert sum(choice.finish_reason == "stop" for chunk in parsed for choice in chunk.choices) == 1
    assert streamed.events
    assert streamed.events[-1][1] == "data: [DONE]"


@pytest.mark.parametrize("alias", CHAT)
def test_tools_are_called_in_parallel_whole_and_streamed(alias: str) -> None:
    """Else the tool loop works with one provider only, or deltas of two calls cannot be told apart."""
    (choice,) = chat(alias, CITIES, tools=[TOOL]).body["choices"]
    calls = [call["function"] for call in choice["message"]["tool_calls"]]
    assert [json.loads(call["arguments"]) for call in calls] == [{"location": "Seattle"}, {"location": "San Francisco"}]
    assert choice["finish_reason"] == "tool_calls"
    arguments, names = ["", ""], set()
    for chunk in events(chat(alias, CITIES, tools=[TOOL], stream=True)):
        ChatCompletionChunk.model_validate(chunk)
        for delta in chunk["choices"][0]["delta"].get("tool_calls", []):
            arguments[delta["index"]] += delta["function"]["arguments"]
            names.add(delta["function"].get("name", WEATHER["name"]))
    assert arguments == [call["arguments"] for call in calls]
    assert names == {WEATHER["name"]}
    alone = chat(alias, CITIES, tools=[TOOL], parallel_tool_calls=False).body
    assert len(alone["choices"][0]["message"]["tool_calls"]) == 1


@pytest.mark.parametrize("alias", CHAT)
def test_effort_changes_the_thinking(alias: str) -> None:
    """Else a reasoning setting does nothing, or a local model hides its thoughts."""
    bodies = [chat(alias, "Why?", reasoning_effort=effort).body for effort in ("low", "medium", "high")]
    sizes = [body["usage"]["completion_tokens"] for body in bodies]
    assert sizes[0] < sizes[1] < sizes[2]
    message, field = bodies[0]["choices"][0]["message"], {"openai": "", "local_gpt_oss": "reasoning_content"}
    shown = [name for name in ("reasoning", "reasoning_content") if message.get(name)]
    assert shown == [name for name in [field.get(alias, "reasoning")] if name]


def test_settings_of_openai_are_followed() -> None:
    """Else usage in a stream, `n`, `tool_choice` and `response_format` do nothing."""
    plain = chat("openai", "Say hello", stream=True)
    assert all("usage" not in chunk for chunk in events(plain))
    counted = events(chat("openai", "Say hello", stream=True, stream_options={"include_usage": True}))
    assert (counted[-1]["choices"], {str(chunk["usage"]) for chunk in counted[:-1]}) == ([], {"None"})
    assert counted[-1]["usage"] == chat("openai", "Say hello").body["usage"]
    several = chat("openai", "Tell me a joke", n=3, temperature=1).body["choices"]
    assert [choice["index"] for choice in several] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in several}) == 3
    forced = {"type": "function", "function": {"name": WEATHER["name"]}}
    body = chat("openai", "Tell me a joke", tools=[TOOL], tool_choice=forced).body
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    loose = {"type": "json_object"}
    assert json.loads(text_of(chat("openai", "What is 1+1, as JSON?", response_format=loose))) == {"answer": "1+1 = 2"}
    assert text_of(chat("openai", "Explain a rainbow.", verbosity="low")).count(".") == 1


def test_openrouter_extras() -> None:
    """Else the lesson on OpenRouter cannot show provider, cost, reasoning and keep-alive comments."""
    body = chat("openrouter", "Say hello", model="openai/gpt-6-luna").body
    assert body["id"].startswith("gen-")
    assert (body["provider"], body["choices"][0]["native_finish_reason"]) == ("OpenAI", "stop")
    assert body["usage"]["cost"] > 0
    claude = chat("openrouter", "Say hello", model="anthropic/claude-haiku-5.5").body
    assert claude["choices"][0]["native_finish_reason"] == "end_turn"
    free = chat("openrouter", "Say hello", stream=True)
    assert free.events
    assert free.events[0][1] == ": OPENROUTER PROCESSING"
    assert events(free)[-1]["usage"]["cost"] == 0
    assert events(free)[0]["model"].endswith(":free")
    thinking = events(chat("openrouter", "Say hello", model="openai/gpt-oss-20b:free", stream=True))
    assert thinking[0]["choices"][0]["delta"]["reasoning_details"][0]["type"] == "reasoning.text"
    for wish, thinks in (({"max_tokens": 500}, True), ({"effort": "low"}, True), ({"effort": "none"}, False)):
        message = chat("openrouter", "Why?", reasoning=wish).body["choices"][0]["message"]
        assert bool(message["reasoning"]) is thinks, wish


def test_models_are_listed_and_found() -> None:
    """Else `client.models.list()` fails offline, or choosing a free model needs an account."""
    listed = ask("openai", "/v1/models", method="GET").body
    assert {"gpt-6-luna", "text-embedding-3-small"} <= {Model.model_validate(item).id for item in listed["data"]}
    assert ask("openai", "/v1/models/gpt-6-luna", method="GET").body["id"] == "gpt-6-luna"
    gone = ask("openai", "/v1/models/gpt-2", method="GET")
    assert (gone.status, gone.body["error"]["code"]) == (404, "model_not_found")
    for alias, name in (("local_gpt_oss", "gpt-oss:120b"), ("ollama", "gpt-oss:20b")):
        assert ask(alias, "/v1/models", method="GET").body["data"][0]["id"] == name
    assert ask("local_gpt_oss", "/health", method="GET").body == {"status": "ok"}
    prices = ask("openrouter", "/api/v1/models", method="GET", headers={}).body["data"]
    prompt = {model["id"]: model["pricing"]["prompt"] for model in prices}
    assert (prompt["openrouter/free"], prompt["openai/gpt-6-luna"]) == ("0", "0.0000001")


def test_embeddings_are_near_for_near_texts_and_the_same_in_base64() -> None:
    """Else retrieval finds the wrong passage, or the SDK, which asks for base64, reads other vectors."""
    body: dict[str, Any] = {"model": "text-embedding-3-small"}
    texts = ["A cat sleeps", "The cat is sleeping", "Stock prices fell"]
    parsed = CreateEmbeddingResponse.model_validate(ask("openai", "/v1/embeddings", body | {"input": texts}).body)
    one, two, three = (item.embedding for item in parsed.data)
    assert (len(one), sum(number * number for number in one)) == (1536, pytest.approx(1))
    assert sum(map(float.__mul__, one, two)) > 0.3 + sum(map(float.__mul__, one, three))
    body |= {"input": "Hello world", "dimensions": 64}
    plain = ask("openai", "/v1/embeddings", body).body["data"][0]["embedding"]
    packed = ask("openai", "/v1/embeddings", body | {"encoding_format": "base64"}).body["data"][0]["embedding"]
    assert list(struct.unpack("<64f", b64decode(packed))) == pytest.approx(plain, abs=1e-6)


COMPLETING = {alias: model for alias, (_, model) in CHAT.items()} | {"openai": "gpt-3.5-turbo-instruct"}


def complete(alias: str, prompt: Any, **more: Any) -> TapeAnswer:
    """Ask the old Completions API."""
    path = CHAT[alias][0].replace("chat/completions", "completions")
    return ask(alias, path, {"model": COMPLETING[alias], "prompt": prompt, **more}, headers=HEADERS[alias])


@pytest.mark.parametrize("alias", CHAT)
def test_the_old_completions_api(alias: str) -> None:
    """Else `client.completions.create` gives the learner half an object, or another text in a stream."""
    parsed = Completion.model_validate({"logprobs": None} | complete(alias, "What is 17 * 23?").body)
    assert (parsed.choices[0].text, parsed.choices[0].finish_reason) == ("17 * 23 = 391", "stop")
    assert parsed.system_fingerprint == "fp_llmlab_simulator"
    plain = complete(alias, "Why is the sky blue?", max_tokens=9).body
    chunks = events(
        complete(alias, "Why is the sky blue?", max_tokens=9, stream=True, stream_options={"include_usage": True})
    )
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1]) == plain["choices"][0]["text"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-3:-1]] == [None, "length"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], plain["usage"])


def test_the_limits_of_the_old_completions_api() -> None:
    """Else its own settings do nothing, or the error of who mixes up the two APIs cannot be seen offline."""
    assert complete("openai", "Explain a rainbow to a child.").body["usage"]["completion_tokens"] == 16
    assert complete("openai", "Count to 10", stop="4").body["choices"][0]["text"] == "1, 2, 3, "


def test_llama_cpps_own_completion() -> None:
    """Else the lesson on providers of one's own has nothing to ask."""

    def call(prompt: Any, **more: Any) -> TapeAnswer:
        return ask("local_gpt_oss", "/completion", {"prompt": prompt, **more})

    assert call("User: My name is Ada.\nUser: What is my name?\nAssistant:").body["content"] == "Your name is Ada."
    cut = call("Count to 10", n_predict=3).body
    assert (cut["stop_type"], cut["tokens_predicted"]) == ("limit", 3)
    assert call("Count to 10", stop=["4"]).body["stopping_word"] == "4"
    chunks = events(call("Count to 10", stream=True))
    assert "".join(chunk["content"] for chunk in chunks) == call("Count to 10").body["content"]
    assert [chunk["stop"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
