"""OpenRouter, Ollama and local servers: their lessons break when one of these does."""

from __future__ import annotations

import json
from typing import Any

import ollama as sdk
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from simulator_asking import CHAT, WEATHER, ask, chat, events, ollama, said, user

TOOL = {"type": "function", "function": WEATHER}


@pytest.mark.parametrize("alias", sorted(CHAT))
def test_every_chat_service_parses_with_the_openai_sdk(alias: str) -> None:
    """Else the OpenAI SDK with another base URL fails offline."""
    assert "Paris" in str(
        ChatCompletion.model_validate(chat(alias, "Capital of France?").body).choices[0].message.content
    )
    streamed = events(chat(alias, "Capital of France?", stream=True))
    parsed = [ChatCompletionChunk.model_validate(chunk) for chunk in streamed]
    text = "".join(choice.delta.content or "" for chunk in parsed for choice in chunk.choices)
    assert text == said(chat(alias, "Capital of France?"))
    assert sum(choice.finish_reason == "stop" for chunk in parsed for choice in chunk.choices) == 1


@pytest.mark.parametrize("alias", sorted(CHAT))
@pytest.mark.parametrize("stream", [False, True])
def test_every_chat_service_calls_tools(alias: str, stream: bool) -> None:
    """Else the tool loop works with one provider only."""
    answer = chat(alias, "What's the weather in Oslo?", tools=[TOOL], stream=stream)
    if stream:
        deltas = [chunk["choices"][0]["delta"] for chunk in events(answer) if chunk["choices"]]
        calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
        arguments = "".join(call["function"]["arguments"] for call in calls)
        finish = [chunk["choices"][0]["finish_reason"] for chunk in events(answer) if chunk["choices"]]
    else:
        (call,) = answer.body["choices"][0]["message"]["tool_calls"]
        arguments, finish = call["function"]["arguments"], [answer.body["choices"][0]["finish_reason"]]
    assert json.loads(arguments) == {"location": "Oslo"}
    assert "tool_calls" in finish


def test_openrouter_extras() -> None:
    """Else the lesson on OpenRouter cannot show provider, cost and keep-alive comments."""
    body = chat("openrouter", "Say hello", model="openai/gpt-6-luna").body
    assert body["id"].startswith("gen-")
    assert body["provider"] == "OpenAI"
    assert body["usage"]["cost"] > 0
    assert body["choices"][0]["native_finish_reason"] == "stop"
    claude = chat("openrouter", "Say hello", model="anthropic/claude-haiku-5.5").body
    assert claude["choices"][0]["native_finish_reason"] == "end_turn"
    free = chat("openrouter", "Say hello")
    assert free.body["usage"]["cost"] == 0
    assert free.body["model"].endswith(":free")
    stream = chat("openrouter", "Say hello", stream=True)
    assert stream.events is not None
    assert stream.events[0][1] == ": OPENROUTER PROCESSING"
    assert stream.events[-1][1] == "data: [DONE]"
    assert events(stream)[-1]["usage"]["cost"] == 0


def test_openrouter_shows_reasoning() -> None:
    """Else a reasoning model looks like any other."""
    body = chat("openrouter", "Say hello", model="openai/gpt-oss-20b:free").body
    assert body["choices"][0]["message"]["reasoning"]
    streamed = events(chat("openrouter", "Say hello", model="openai/gpt-oss-20b:free", stream=True))
    assert streamed[0]["choices"][0]["delta"]["reasoning_details"][0]["type"] == "reasoning.text"


def test_openrouter_lists_models_without_a_key() -> None:
    """Else choosing a free model needs an account."""
    data = ask("openrouter", "/api/v1/models", method="GET", headers={}).body["data"]
    free = [model["id"] for model in data if model["pricing"]["prompt"] == "0"]
    assert "openrouter/free" in free
    assert [model["pricing"]["prompt"] for model in data if model["id"] == "openai/gpt-6-luna"] == ["0.0000001"]


def test_local_server_shows_reasoning_and_health() -> None:
    """Else the lesson on local servers has no reasoning, and `health()` says it is down."""
    message = chat("local_gpt_oss", "Say hello").body["choices"][0]["message"]
    assert message["reasoning_content"]
    assert ask("local_gpt_oss", "/health", method="GET").body == {"status": "ok"}
    assert ask("local_gpt_oss", "/v1/models", method="GET").body["data"][0]["id"] == "gpt-oss:120b"


def test_ollama_streams_unless_told_not_to() -> None:
    """Else the default of Ollama, which surprises everybody once, does not."""
    streamed = ollama("/api/chat", messages=user("Say hello"))
    assert streamed.framing == "ndjson"
    assert streamed.headers["content-type"] == "application/x-ndjson"
    parsed = [sdk.ChatResponse.model_validate(event) for event in events(streamed)]
    assert "".join(part.message.content or "" for part in parsed) == "Hello"
    assert [part.done for part in parsed] == [False] * (len(parsed) - 1) + [True]
    plain = sdk.ChatResponse.model_validate(ollama("/api/chat", messages=user("Say hello"), stream=False).body)
    assert (plain.message.content, plain.done_reason) == ("Hello", "stop")


def test_ollama_durations_add_up() -> None:
    """Else tokens per second, worked out of the answer, are nonsense."""
    end = ollama("/api/chat", messages=user("Why is the sky blue?"), stream=False).body
    parts = end["load_duration"] + end["prompt_eval_duration"] + end["eval_duration"]
    assert parts < end["total_duration"] < parts + 20_000_000
    assert 20 < end["eval_count"] / end["eval_duration"] * 1e9 < 100


def test_ollama_thinks_as_its_models_do() -> None:
    """Else `think` does nothing: qwen3 can be told not to think, gpt-oss cannot."""
    asked = {"messages": user("Say hello"), "stream": False}
    assert ollama("/api/chat", **asked).body["message"]["thinking"]
    assert ollama("/api/chat", **asked, think=False).body["message"]["thinking"]
    assert "thinking" not in ollama("/api/chat", **asked, think=False, model="qwen3:8b").body["message"]
    low, high = (ollama("/api/chat", **asked, think=level).body["eval_count"] for level in ("low", "high"))
    assert low < high


def test_ollama_tool_calls_have_no_ids() -> None:
    """Else a wrapper that cannot do without ids passes its tests here and fails with the real thing."""
    text = "What's the weather in Oslo and Rome?"
    calls = ollama("/api/chat", messages=user(text), tools=[TOOL], stream=False).body["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"location": "Oslo"}, {"location": "Rome"}]
    assert all(call.keys() == {"function"} for call in calls)
    turns = [
        *user(text),
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "sunny", "tool_name": "get_current_weather"},
        {"role": "tool", "content": "rain", "tool_name": "get_current_weather"},
    ]
    answer = said(ollama("/api/chat", messages=turns, tools=[TOOL], stream=False))
    assert answer == "- get_current_weather(Oslo) says: sunny.\n- get_current_weather(Rome) says: rain."
    streamed = events(ollama("/api/chat", messages=user(text), tools=[TOOL]))
    assert sum("tool_calls" in event["message"] for event in streamed) == 2


def test_ollama_generate() -> None:
    """Else the older half of Ollama's API is missing."""
    plain = ollama("/api/generate", prompt="Say hello", stream=False, options={"num_predict": 200})
    assert sdk.GenerateResponse.model_validate(plain.body).response == "Hello"
    parts = [
        sdk.GenerateResponse.model_validate(event) for event in events(ollama("/api/generate", prompt="Say hello"))
    ]
    assert "".join(part.response or "" for part in parts) == "Hello"
    assert parts[-1].done
    assert ollama("/api/generate", prompt="").body["done_reason"] == "load"


def test_ollama_options_are_followed() -> None:
    """Else `num_predict`, `stop` and `format` do nothing."""
    asked: dict[str, Any] = {"model": "qwen3:8b", "think": False, "stream": False}
    cut = ollama("/api/chat", **asked, messages=user("Count to 20"), options={"num_predict": 5}).body
    assert (cut["done_reason"], cut["eval_count"]) == ("length", 5)
    stopped = ollama("/api/chat", **asked, messages=user("Count to 10"), options={"stop": ["5"]})
    assert said(stopped) == "1, 2, 3, 4, "
    assert json.loads(said(ollama("/api/chat", **asked, messages=user("What is 2+2?"), format="json")))


def test_ollama_describes_its_models() -> None:
    """Else `client.list()`, `show()`, `ps()` and `embed()` fail offline."""
    listed = sdk.ListResponse.model_validate(ask("ollama", "/api/tags", method="GET").body)
    assert "gpt-oss:20b" in [model.model for model in listed.models]
    assert "tools" in (sdk.ShowResponse.model_validate(ollama("/api/show").body).capabilities or [])
    assert sdk.ProcessResponse.model_validate(ask("ollama", "/api/ps", method="GET").body).models[0].size_vram
    assert ask("ollama", "/api/version", method="GET").body["version"]
    vectors = ollama("/api/embed", model="embeddinggemma", input=["a cat", "a dog"])
    assert [len(vector) for vector in sdk.EmbedResponse.model_validate(vectors.body).embeddings] == [768, 768]
    assert ask("ollama", "/v1/models", method="GET").body["data"][0]["id"] == "gpt-oss:20b"


@pytest.mark.parametrize(
    ("alias", "path", "body", "status", "error"),
    [
        ("ollama", "/api/chat", {"model": "x", "messages": user("Hi")}, 404, "model 'x' not found"),
        ("ollama", "/api/chat", {}, 400, "model is required"),
        ("ollama", "/api/chat", None, 400, "missing request body"),
        (
            "ollama",
            "/api/chat",
            {"model": "embeddinggemma", "messages": user("Hi")},
            400,
            '"embeddinggemma:latest" does not',
        ),
        ("ollama", "/api/chat", {"model": "qwen3:8b", "messages": [{"role": "robot"}]}, 400, "invalid role: robot"),
        ("ollama", "/api/chat", {"model": "qwen3:8b", "messages": "Hi"}, 400, "json: cannot unmarshal"),
        ("ollama", "/api/generate", {"model": "embeddinggemma", "prompt": "Hi"}, 400, '"embeddinggemma:latest" does'),
        ("ollama", "/api/embed", {"model": "qwen3:8b", "input": "Hi"}, 400, "this model does not support embeddings"),
        ("ollama", "/api/embed", {"model": "x", "input": "Hi"}, 404, "model 'x' not found"),
        ("ollama", "/api/embed", {}, 400, "model is required"),
        ("ollama", "/api/show", {"model": "x"}, 404, "model 'x' not found"),
        ("ollama", "/api/show", {}, 400, "model is required"),
        ("ollama", "/api/nothing", {}, 404, "404 page not found"),
        ("ollama", "/v1/chat/completions", {"model": "x", "messages": user("Hi")}, 404, "model 'x' not found"),
        (
            "openrouter",
            "/api/v1/chat/completions",
            {"model": "x", "messages": user("Hi")},
            400,
            "x is not a valid model ID",
        ),
        ("openrouter", "/api/v1/chat/completions", {"messages": user("Hi")}, 400, "No models provided"),
        ("openrouter", "/api/v1/chat/completions", {"model": "openrouter/free"}, 400, "Input required"),
        ("local_gpt_oss", "/v1/chat/completions", {"model": "x", "messages": user("Hi")}, 404, "model 'x' not found"),
        ("local_gpt_oss", "/v1/chat/completions", {"model": "gpt-oss:120b"}, 400, "'messages' is required"),
    ],
)
def test_each_service_refuses_in_its_own_words(alias: str, path: str, body: Any, status: int, error: str) -> None:
    """Else a learner sees another error offline than live."""
    answer = ask(alias, path, body)
    assert answer.status == status
    found = answer.body["error"]
    if isinstance(found, dict):
        assert found["code"] == (None if alias == "ollama" else status)
        found = found["message"]
    assert found.startswith(error)
