"""The official SDKs, unmodified, with the simulator as their transport: what a lesson really runs."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest
from simulator_asking import WEATHER
from simulator_transport import transport

CHAT_TOOL: Any = {"type": "function", "function": WEATHER}
CLAUDE_TOOL: Any = {"name": WEATHER["name"], "description": "The weather", "input_schema": WEATHER["parameters"]}
HI: Any = [{"role": "user", "content": "Say hello"}]
RAIN: Any = [{"role": "user", "content": "What's the weather in Oslo?"}]


@pytest.fixture
def gpt() -> Any:
    with openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport(httpx2, "openai"))) as client:
        yield client


@pytest.fixture
def claude() -> Any:
    with anthropic.Anthropic(
        api_key="k", http_client=httpx2.Client(transport=transport(httpx2, "anthropic"))
    ) as client:
        yield client


def test_openai_responses(gpt: openai.OpenAI) -> None:
    """Else lesson 01 does not run offline."""
    assert gpt.responses.create(model="gpt-6-luna", input="Say hello").output_text == "Hello"
    with gpt.responses.stream(model="gpt-6-luna", input="Say hello") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "Hello"
    assert gpt.responses.input_tokens.count(model="gpt-6-luna", input="Say hello").input_tokens > 2
    tool: Any = {"type": "function", "strict": True, **WEATHER}
    call = gpt.responses.create(model="gpt-6-sol", input=RAIN, tools=[tool]).output[-1]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"location": "Oslo"}


def test_openai_chat_embeddings_and_models(gpt: openai.OpenAI) -> None:
    """Else the second half of lesson 01 does not run offline."""
    assert gpt.chat.completions.create(model="gpt-6-luna", messages=HI).choices[0].message.content == "Hello"
    with gpt.chat.completions.stream(model="gpt-6-luna", messages=RAIN, tools=[CHAT_TOOL]) as stream:
        for _ in stream:
            pass
        calls = stream.get_final_completion().choices[0].message.tool_calls or []
    assert [json.loads(call.function.arguments) for call in calls] == [{"location": "Oslo"}]
    assert len(gpt.embeddings.create(model="text-embedding-3-small", input="Hi").data[0].embedding) == 1536
    assert "gpt-6-luna" in [model.id for model in gpt.models.list()]


def test_openai_errors(gpt: openai.OpenAI) -> None:
    """Else the SDK raises another exception offline than live."""
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        gpt.chat.completions.create(model="gpt-2", messages=HI)
    with pytest.raises(openai.BadRequestError, match="does not exist"):
        gpt.responses.create(model="gpt-2", input="Hi")
    with pytest.raises(openai.AuthenticationError) as caught:
        gpt.with_options(api_key="sk-wrong").responses.create(model="gpt-6-luna", input="Hi")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_anthropic(claude: anthropic.Anthropic) -> None:
    """Else lesson 02 does not run offline."""
    message = claude.messages.create(model="claude-haiku-5-5", max_tokens=99, messages=HI)
    assert [block.text for block in message.content if block.type == "text"] == ["Hello"]
    with claude.messages.stream(model="claude-haiku-5-5", max_tokens=99, messages=HI) as stream:
        assert "".join(stream.text_stream) == "Hello"
        assert stream.get_final_message().stop_reason == "end_turn"
    with claude.messages.stream(model="claude-haiku-5-5", max_tokens=99, messages=RAIN, tools=[CLAUDE_TOOL]) as stream:
        (use,) = stream.get_final_message().content
    assert use.type == "tool_use"
    assert use.input == {"location": "Oslo"}
    assert claude.messages.count_tokens(model="claude-haiku-5-5", messages=HI).input_tokens > 2
    assert "claude-haiku-5-5" in [model.id for model in claude.models.list()]
    with pytest.raises(anthropic.NotFoundError, match="claude-0-1"):
        claude.messages.create(model="claude-0-1", max_tokens=9, messages=HI)


@pytest.mark.parametrize(
    ("alias", "base_url", "model"),
    [
        ("openrouter", "https://openrouter.ai/api/v1", "openrouter/free"),
        ("ollama", "http://localhost:11434/v1", "gpt-oss:20b"),
        ("local_gpt_oss", "http://localhost:8080/v1", "gpt-oss:120b"),
    ],
)
def test_openai_sdk_at_other_services(alias: str, base_url: str, model: str) -> None:
    """Else lessons 03 and 05 do not run offline."""
    http = httpx2.Client(transport=transport(httpx2, alias))
    with openai.OpenAI(api_key="k", base_url=base_url, http_client=http) as client:
        assert client.chat.completions.create(model=model, messages=HI).choices[0].message.content == "Hello"
        with client.chat.completions.stream(model=model, messages=RAIN, tools=[CHAT_TOOL]) as stream:
            for _ in stream:
                pass
            calls = stream.get_final_completion().choices[0].message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls] == [{"location": "Oslo"}]
        assert model in [item.id for item in client.models.list()]


def test_ollama_sdk() -> None:
    """Else lesson 04 does not run offline."""
    client = ollama.Client(transport=transport(httpx, "ollama"))
    assert client.chat("gpt-oss:20b", HI).message.content == "Hello"
    assert "".join(part.message.content or "" for part in client.chat("gpt-oss:20b", HI, stream=True)) == "Hello"
    assert client.generate("gpt-oss:20b", "Say hello").response == "Hello"
    calls = client.chat("gpt-oss:20b", RAIN, tools=[CHAT_TOOL]).message.tool_calls or []
    assert [call.function.arguments for call in calls] == [{"location": "Oslo"}]
    assert len(client.embed("embeddinggemma", ["a", "b"]).embeddings) == 2
    assert "gpt-oss:20b" in [model.model for model in client.list().models]
    assert client.ps().models
    assert client.show("gpt-oss:20b").details
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.chat("llama2", HI)
