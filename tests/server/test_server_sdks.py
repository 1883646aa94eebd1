"""The official SDKs over the loopback server, sync, async and streamed. If one fails, the wire is not the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import ollama
import openai
import pydantic
import pytest

import llmlab
from llmlab.lab.tape.server import SimulatorServer

ASK: Any = [{"role": "user", "content": "What is 6 times 7? Answer in one word."}]
RAIN: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOL: Any = {
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CHAT_TOOL: Any = {"type": "function", "function": TOOL}
OPENAI, OLLAMA = "gpt-6-luna", "gpt-oss:20b"
CLAUDE: Any = {"model": "claude-haiku-5-5", "max_tokens": 300}
CHATS = {"openai": OPENAI, "local_gpt_oss": "gpt-oss:120b", "ollama": OLLAMA, "openrouter": "openrouter/free"}


class Person(pydantic.BaseModel):
    """A structured answer."""

    name: str
    age: int


@pytest.fixture
def gpt(simulator: SimulatorServer) -> Iterator[openai.OpenAI]:
    url = simulator.urls["openai"]
    with openai.OpenAI(api_key="any", base_url=url, max_retries=0, _strict_response_validation=True) as client:
        yield client


def test_openai(gpt: openai.OpenAI) -> None:
    """Else lesson 01 does not run offline."""
    answer = gpt.responses.create(model=OPENAI, input=ASK)
    assert "42" in answer.output_text
    with gpt.responses.stream(model=OPENAI, input=ASK) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_text == answer.output_text
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    tool = gpt.responses.create(model=OPENAI, input=RAIN, tools=[{"type": "function", "strict": True, **TOOL}])
    assert tool.output[-1].type == "function_call"
    parsed = gpt.responses.parse(model=OPENAI, input="Ada Lovelace is 36 years old.", text_format=Person)
    assert isinstance(parsed.output_parsed, Person)
    assert gpt.responses.input_tokens.count(model=OPENAI, input="Say hello").input_tokens > 2
    assert gpt.models.retrieve(OPENAI).id == OPENAI
    vectors = gpt.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
    assert [(one.index, len(one.embedding)) for one in vectors.data] == [(0, 1536), (1, 1536)]


def test_openais_errors(gpt: openai.OpenAI) -> None:
    """Else the SDK raises another exception offline than live."""
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        gpt.chat.completions.create(model="gpt-2", messages=ASK)
    with pytest.raises(openai.BadRequestError, match="does not exist"):
        gpt.responses.create(model="gpt-2", input="Hi")
    with pytest.raises(openai.AuthenticationError) as caught:
        gpt.with_options(api_key="sk-wrong").responses.create(model=OPENAI, input="Hi")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id
    faults = {
        "rate_limit": openai.RateLimitError,
        "overloaded": openai.APIStatusError,
        "cut_stream": openai.APIConnectionError,
        "dns": openai.APIConnectionError,
    }
    for fault, kind in faults.items():
        with pytest.raises(kind):
            gpt.with_options(default_headers={"x-llmlab-fault": fault}).responses.create(model=OPENAI, input="Hi")


@pytest.mark.parametrize("name", CHATS)
def test_openais_sdk_at_every_chat_service(name: str, simulator: SimulatorServer) -> None:
    """Else lessons 01, 03, 04 and 05 do not run offline."""
    url, model = simulator.urls[name] + ("/v1" if name == "ollama" else ""), CHATS[name]
    with openai.OpenAI(api_key="any", base_url=url) as client:
        answer = client.chat.completions.create(model=model, messages=ASK)
        assert "42" in str(answer.choices[0].message.content)
        with client.chat.completions.stream(model=model, messages=RAIN, tools=[CHAT_TOOL]) as stream:
            for _ in stream:
                pass
            calls = stream.get_final_completion().choices[0].message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}]
        assert model in [item.id for item in client.models.list()]

    async def streamed() -> str:
        async with openai.AsyncOpenAI(api_key="any", base_url=url) as client:
            chunks = await client.chat.completions.create(model=model, messages=ASK, stream=True)
            return "".join([part.choices[0].delta.content or "" async for part in chunks if part.choices])

    assert asyncio.run(streamed()) == answer.choices[0].message.content


def test_anthropic(simulator: SimulatorServer) -> None:
    """Else lesson 02 does not run offline."""
    options: Any = {"api_key": "any", "base_url": simulator.urls["anthropic"], "_strict_response_validation": True}
    with anthropic.Anthropic(**options) as client:
        answer: Any = client.messages.create(**CLAUDE, messages=ASK)
        assert "42" in answer.content[0].text
        tool: Any = {"name": TOOL["name"], "description": "The weather", "input_schema": TOOL["parameters"]}
        with client.messages.stream(**CLAUDE, messages=RAIN, tools=[tool]) as stream:
            message = stream.get_final_message()
        assert (message.stop_reason, message.content[0].input) == ("tool_use", {"city": "Paris"})  # type: ignore[union-attr]
        assert client.messages.count_tokens(model=CLAUDE["model"], messages=ASK).input_tokens > 2
        assert CLAUDE["model"] in [model.id for model in client.models.list()]
        with pytest.raises(anthropic.NotFoundError, match="claude-0-1"):
            client.messages.create(model="claude-0-1", max_tokens=9, messages=ASK)

    async def streamed() -> str:
        async with (
            anthropic.AsyncAnthropic(**options) as client,
            client.messages.stream(**CLAUDE, messages=ASK) as stream,
        ):
            return "".join([text async for text in stream.text_stream])

    assert asyncio.run(streamed()) == answer.content[0].text


def test_ollama(simulator: SimulatorServer) -> None:
    """Else lesson 04 does not run offline."""
    client: Any = ollama.Client(host=simulator.urls["ollama"])
    with client._client:  # the lowest allowed version closes nothing by itself
        answer = client.chat(OLLAMA, ASK)
        assert "42" in str(answer.message.content)
        (call,) = client.chat(OLLAMA, RAIN, tools=[CHAT_TOOL]).message.tool_calls or []
        assert call.function.arguments == {"city": "Paris"}
        assert client.generate(OLLAMA, "Say hello").response == "Hello"
        assert OLLAMA in [model.model for model in client.list().models]
        assert len(client.embed("embeddinggemma", ["a", "b"]).embeddings) == 2
        assert client.show(OLLAMA).capabilities
        assert client.ps().models
        with pytest.raises(ollama.ResponseError, match="not found"):
            client.chat("llama2", ASK)

    async def streamed() -> str:
        client: Any = ollama.AsyncClient(host=simulator.urls["ollama"])
        async with client._client:
            return "".join([part.message.content or "" async for part in await client.chat(OLLAMA, ASK, stream=True)])

    assert asyncio.run(streamed()) == answer.message.content


def test_llmlabs_own_providers(simulator: SimulatorServer) -> None:
    """Else the package itself cannot be pointed at the simulator."""
    for name, url in simulator.urls.items():
        base = url.removesuffix("/v1") if name == "local_gpt_oss" else url
        with llmlab.get_provider(name, api_key="any", base_url=base) as llm:
            answer = llm.complete("What is 6 times 7? Answer in one word.")
            stream = llm.complete_stream("What is 6 times 7? Answer in one word.")
            assert "".join(str(chunk) for chunk in stream) == answer.content, name
        assert (answer.source, "42" in answer.content) == ("simulated", True), name
