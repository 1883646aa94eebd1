"""The official SDKs over the loopback server, sync, async and streamed. If one fails, the wire is not the real one."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import ollama
import openai
import pydantic
import pytest

import llmlab
from llmlab.lab.tape.server import SimulatorServer

SAY: Any = [{"role": "user", "content": "What is 6 times 7? Answer in one word."}]
TOOL = {
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ASK_TOOL: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
OPENAI, ANTHROPIC, OLLAMA = "gpt-6-luna", "claude-haiku-5-5", "gpt-oss:20b"


class Person(pydantic.BaseModel):
    """What a structured answer shall hold."""

    name: str
    age: int


@pytest.fixture(params=["openai", "local_gpt_oss", "ollama", "openrouter"])
def chat(request: pytest.FixtureRequest, simulator: SimulatorServer) -> tuple[str, str]:
    """Base URL and model of each service that speaks Chat Completions."""
    models = {"openai": OPENAI, "local_gpt_oss": "gpt-oss:120b", "ollama": OLLAMA, "openrouter": "openrouter/free"}
    url = simulator.urls[request.param]
    return f"{url}/v1" if request.param == "ollama" else url, models[request.param]


def test_openai_responses(simulator: SimulatorServer) -> None:
    with openai.OpenAI(api_key="any", base_url=simulator.urls["openai"], _strict_response_validation=True) as client:
        answer = client.responses.create(model=OPENAI, input=SAY)
        assert "42" in answer.output_text
        with client.responses.stream(model=OPENAI, input=SAY) as stream:
            kinds = [event.type for event in stream]
            assert stream.get_final_response().output_text == answer.output_text
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        tool = client.responses.create(model=OPENAI, input=ASK_TOOL, tools=[{"type": "function", **TOOL}])  # type: ignore[list-item]
        assert tool.output[-1].type == "function_call"
        parsed = client.responses.parse(model=OPENAI, input="Ada Lovelace is 36 years old.", text_format=Person)
        assert isinstance(parsed.output_parsed, Person)
        assert client.models.retrieve(OPENAI).id == OPENAI
        assert (
            client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
            .data[1]
            .index
            == 1
        )


def test_openai_responses_async(simulator: SimulatorServer) -> None:
    async def ask() -> tuple[str, str]:
        async with openai.AsyncOpenAI(
            api_key="any", base_url=simulator.urls["openai"], _strict_response_validation=True
        ) as client:
            answer = await client.responses.create(model=OPENAI, input=SAY)
            async with client.responses.stream(model=OPENAI, input=SAY) as stream:
                return answer.output_text, (await stream.get_final_response()).output_text

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


def test_openai_chat_completions(chat: tuple[str, str]) -> None:
    url, model = chat
    with openai.OpenAI(api_key="any", base_url=url) as client:
        answer = client.chat.completions.create(model=model, messages=SAY)
        assert "42" in str(answer.choices[0].message.content)
        chunks = list(
            client.chat.completions.create(
                model=model, messages=SAY, stream=True, stream_options={"include_usage": True}
            )
        )
        assert "".join(part.choices[0].delta.content or "" for part in chunks if part.choices) == (
            answer.choices[0].message.content
        )
        assert chunks[-1].usage == answer.usage or chunks[-1].usage is not None
        tool = client.chat.completions.create(
            model=model,
            messages=ASK_TOOL,
            tools=[{"type": "function", "function": TOOL}],  # type: ignore[list-item]
        )
        assert tool.choices[0].finish_reason == "tool_calls"
        assert client.models.list().data


def test_openai_chat_completions_async(chat: tuple[str, str]) -> None:
    url, model = chat

    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(api_key="any", base_url=url) as client:
            whole = await client.chat.completions.create(model=model, messages=SAY)
            stream = await client.chat.completions.create(model=model, messages=SAY, stream=True)
            parts = [part.choices[0].delta.content or "" async for part in stream if part.choices]
            return [str(whole.choices[0].message.content), "".join(parts)]

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


def test_anthropic_messages(simulator: SimulatorServer) -> None:
    options: Any = {"model": ANTHROPIC, "max_tokens": 300}
    with anthropic.Anthropic(
        api_key="any", base_url=simulator.urls["anthropic"], _strict_response_validation=True
    ) as client:
        answer = client.messages.create(**options, messages=SAY)
        assert "42" in answer.content[0].text
        with client.messages.stream(**options, messages=SAY) as stream:
            assert "".join(stream.text_stream) == answer.content[0].text
            assert stream.get_final_message().usage.output_tokens == answer.usage.output_tokens
        tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
        used = client.messages.create(**options, messages=ASK_TOOL, tools=[tool])
        assert used.stop_reason == "tool_use"
        assert client.messages.count_tokens(model=ANTHROPIC, messages=SAY).input_tokens > 0
        assert client.models.list().data


def test_anthropic_messages_async(simulator: SimulatorServer) -> None:
    options: Any = {"model": ANTHROPIC, "max_tokens": 300, "messages": SAY}

    async def ask() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(
            api_key="any", base_url=simulator.urls["anthropic"], _strict_response_validation=True
        ) as client:
            whole: Any = await client.messages.create(**options)
            async with client.messages.stream(**options) as stream:
                return whole.content[0].text, "".join([text async for text in stream.text_stream])

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


def test_ollama(simulator: SimulatorServer) -> None:
    client: Any = ollama.Client(host=simulator.urls["ollama"])
    answer = client.chat(model=OLLAMA, messages=SAY)
    assert "42" in answer.message.content
    parts = list(client.chat(model=OLLAMA, messages=SAY, stream=True))
    assert "".join(part.message.content for part in parts) == answer.message.content
    assert parts[-1].eval_count == answer.eval_count
    tool = client.chat(model=OLLAMA, messages=ASK_TOOL, tools=[{"type": "function", "function": TOOL}])
    assert tool.message.tool_calls[0].function.name == "get_weather"
    assert client.generate(model=OLLAMA, prompt="Hi").response
    assert client.list().models
    assert len(client.embed(model="embeddinggemma", input=["a", "b"]).embeddings) == 2
    assert client.show(OLLAMA).capabilities
    client._client.close()


def test_ollama_async(simulator: SimulatorServer) -> None:
    async def ask() -> tuple[str, str]:
        client: Any = ollama.AsyncClient(host=simulator.urls["ollama"])
        whole = await client.chat(model=OLLAMA, messages=SAY)
        parts = [part.message.content async for part in await client.chat(model=OLLAMA, messages=SAY, stream=True)]
        await client._client.aclose()
        return whole.message.content, "".join(parts)

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter", "ollama", "local_gpt_oss"])
def test_llmlabs_own_providers(name: str, simulator: SimulatorServer) -> None:
    url = simulator.urls[name]
    base = {"anthropic": url, "local_gpt_oss": url.removesuffix("/v1")}.get(name, url)
    with llmlab.get_provider(name, api_key="any", base_url=base) as llm:
        answer = llm.complete("What is 6 times 7? Answer in one word.")
        stream = llm.complete_stream("What is 6 times 7? Answer in one word.")
        assert "".join(str(chunk) for chunk in stream) == answer.content
    assert (answer.source, "42" in answer.content) == ("simulated", True)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("rate_limit", openai.RateLimitError),
        ("overloaded", openai.APIStatusError),
        ("cut_stream", openai.APIConnectionError),
        ("dns", openai.APIConnectionError),
    ],
)
def test_faults_by_header_through_an_sdk(fault: str, kind: type[Exception], simulator: SimulatorServer) -> None:
    headers = {"x-llmlab-fault": fault}
    with (
        openai.OpenAI(
            api_key="any", base_url=simulator.urls["openai"], max_retries=0, default_headers=headers
        ) as client,
        pytest.raises(kind),
    ):
        client.responses.create(model=OPENAI, input="Hi")
