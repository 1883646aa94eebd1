"""`execute_llm_call`. If one fails, a service that relies on pairs meets an exception, or another answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import anthropic
import openai
import pytest

import llmlab
from llmlab import LLMCallRequest, LLMConfig
from llmlab.errors import (
    LLMAuthenticationError,
    LLMError,
    LLMInvalidRequestError,
    LLMStreamError,
    MissingAPIKeyError,
    ModelNotFoundError,
    StoreNotFoundError,
    UnsupportedProviderError,
)
from llmlab.lab import simulator
from llmlab.models import find_spec
from llmlab.toolkit.interfaces.service import (
    LLMCallResponse,
    execute_llm_call,
    execute_llm_call_async,
    execute_llm_call_stream,
    execute_llm_call_stream_async,
)
from llmlab.types.messages import Message, Role
from tests.core import bodies
from tests.core.trying import NAMES

SHAPES = ("call", "async", "stream", "async stream")
CAPITAL = "What is the capital of Italy?"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    """Offline without recordings: a simulator that remembers nothing answers, and nothing waits."""
    simulator.forget()
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield
    simulator.forget()


def executed(shape: str, request: Any, client: Any = None) -> tuple[Any, Any]:
    """Make a call in one of the four shapes, and return (response, error); a stream is read to its end."""
    if shape == "call":
        return execute_llm_call(request, client)
    if shape == "async":
        return asyncio.run(execute_llm_call_async(request, client))
    if shape == "stream":
        stream, error = execute_llm_call_stream(request, client)
        if stream is None:
            return None, error
        for _ in stream:
            pass
        return stream.result, error

    async def read() -> tuple[Any, Any]:
        pieces, error = await execute_llm_call_stream_async(request, client)
        if pieces is None:
            return None, error
        async for _ in pieces:
            pass
        return pieces.result, error

    return asyncio.run(read())


def config(**options: Any) -> LLMCallRequest:
    return LLMCallRequest(LLMConfig(**options))


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("name", "shape"), [*zip(NAMES, cycle(SHAPES)), *zip(NAMES, cycle(SHAPES[2:] + SHAPES[:2]))])
def test_every_provider_answers(name: str, shape: str) -> None:
    response, error = executed(shape, config(prompt=CAPITAL, provider=name))
    assert error is None
    assert isinstance(response, LLMCallResponse)
    assert "Rome" in response.message
    assert response.tokens == response.completion.usage
    assert response.tokens.output_tokens > 0
    assert response.file_search_results == ()


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_in_the_request_is_sent(shape: str) -> None:
    messages = [{"role": "user", "content": "My name is Ada."}, Message(Role.ASSISTANT, "Hi"), Message("user", "Who?")]
    tools = [{"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}]
    asked = config(
        messages=messages,
        provider="anthropic",
        system="Be brief.",
        max_tokens=99,
        tools=tools,
        tool_choice="none",
        extra={"metadata": {"user_id": "u"}},
    )
    executed(shape, asked)
    last = llmlab.trace().last
    assert last is not None
    sent = last.request
    assert (sent["system"], sent["max_tokens"], sent["metadata"]) == ("Be brief.", 99, {"user_id": "u"})
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert (sent["tools"][0]["name"], sent["tool_choice"]["type"]) == ("look", "none")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_vector_store_is_searched_and_the_sources_come_back(shape: str) -> None:
    store = llmlab.HostedVectorStore.create("house")
    store.add({"dog": "The office dog is called Biscuit.", "menu": "On Fridays there is fish."})
    question = "What is the office dog called?"
    asked = LLMCallRequest(LLMConfig(prompt=question, vector_store_id=store.id), max_num_results=1)
    response, error = executed(shape, asked)
    assert error is None
    assert response.message == "The office dog is called Biscuit."
    (source,) = response.file_search_results
    assert (source.text, source.file_name, 0 < source.score <= 1) == (response.message, "dog.txt", True)
    both, _ = executed(shape, config(prompt=question, vector_store_id=[store.id]))
    assert len(both.file_search_results) == 2
    gone, error = executed(shape, config(prompt=question, vector_store_id="vs_nobody"))
    assert (gone, type(error)) == (None, StoreNotFoundError)


WRONG: list[tuple[dict[str, Any], type[LLMError]]] = [
    ({}, LLMInvalidRequestError),
    ({"prompt": "Hi", "messages": [Message("user", "Hi")]}, LLMInvalidRequestError),
    ({"messages": []}, LLMInvalidRequestError),
    ({"prompt": "Hi", "provider": "opneai"}, UnsupportedProviderError),
    ({"prompt": "Hi", "temperature": 9}, LLMInvalidRequestError),
    ({"prompt": "Hi", "provider": "openai", "model": "nobody-1"}, ModelNotFoundError),
    ({"prompt": "Hi", "provider": "ollama", "vector_store_id": "vs_1"}, LLMInvalidRequestError),
    ({"prompt": "Hi", "vector_store_id": ""}, LLMInvalidRequestError),
    ({"prompt": "Hi", "vector_store_id": []}, LLMInvalidRequestError),
    ({"prompt": "Hi", "vector_store_id": 5}, LLMInvalidRequestError),
    ({"prompt": "Hi", "provider": 5}, UnsupportedProviderError),
    ({"prompt": "Hi", "model": 5}, LLMInvalidRequestError),
    ({"prompt": "Hi", "extra": []}, LLMInvalidRequestError),
]


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::llmlab.models.UnknownModelWarning")
def test_a_wrong_request_is_returned_as_an_error(shape: str) -> None:
    for options, kind in WRONG:
        response, error = executed(shape, config(**options))
        assert (response, type(error)) == (None, kind), options
    # Without a store, a reader would take an answer from nowhere for one from the documents.
    _, error = executed(shape, LLMCallRequest(LLMConfig("Hi"), max_num_results=3))
    assert type(error) is LLMInvalidRequestError
    assert "name a store: LLMConfig(vector_store_id=…)" in error.message


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_of_the_service_is_returned(shape: str, request: pytest.FixtureRequest) -> None:
    assert type(executed(shape, config(prompt="Hi"))[1]) is MissingAPIKeyError
    request.getfixturevalue("lab")
    with llmlab.faults("unauthorized"):
        response, error = executed(shape, config(prompt="Hi"))
    assert (response, type(error)) == (None, LLMAuthenticationError)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", ["stream", "async stream"])
def test_a_stream_that_breaks_raises_where_it_is_read(shape: str) -> None:
    """The pair was returned before; the error holds what had arrived, as for every stream."""
    with llmlab.faults("cut_stream", after=8), pytest.raises(LLMStreamError) as caught:
        executed(shape, config(prompt=CAPITAL))
    assert caught.value.partial


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mistake_of_the_program_is_raised(shape: str) -> None:
    """Else a typo looks like a service that fails."""
    with pytest.raises(TypeError, match="takes an LLMCallRequest, not LLMConfig"):
        executed(shape, LLMConfig(prompt="Hi"))
    with pytest.raises(TypeError, match="takes an LLMConfig, not dict"):
        executed(shape, LLMCallRequest({"prompt": "Hi"}))  # type: ignore[arg-type]
    client = Mock()
    client.responses.create.side_effect = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        executed(shape, config(prompt="Hi"), client)


@pytest.mark.parametrize("kind", [Mock, MagicMock])
def test_a_mock_that_returns_an_answer_is_enough(kind: Any) -> None:
    """Else a test has to know more of llmlab than the service that it tests."""
    client = kind()
    client.responses.create.return_value = bodies.RESPONSES
    response, error = execute_llm_call(config(prompt="Hi", model="gpt-6-luna", max_tokens=50), client)
    assert error is None
    assert response is not None
    assert (response.message, response.tokens.total_tokens) == (bodies.TEXT, 8)
    sent = client.responses.create.call_args.kwargs
    assert (sent["model"], sent["input"], sent["max_output_tokens"]) == ("gpt-6-luna", "Hi", 50)
    of_a_class = kind(spec=anthropic.Anthropic(api_key="k"))
    of_a_class.messages.create.return_value = bodies.ANTHROPIC
    response, _ = execute_llm_call(config(prompt="Hi"), of_a_class)
    assert response is not None
    assert (response.message, response.completion.provider) == (bodies.TEXT, "anthropic")


def test_a_mock_that_searched_files_gives_their_results() -> None:
    """What people set up by hand, as objects: the search, and the message."""
    found = Mock(text="Fish.", score=0.9, filename="menu.txt", file_id="file-1")
    search = Mock(type="file_search_call", results=[found])
    part = Mock(type="output_text", text="Fish, says the menu.")
    client = Mock()
    client.responses.create.return_value = Mock(output=[search, Mock(type="message", content=[part])])
    asked = LLMCallRequest(LLMConfig(prompt="What is for lunch?", vector_store_id="vs_1"), max_num_results=3)
    response, error = execute_llm_call(asked, client)
    assert error is None
    assert response is not None
    assert response.message == "Fish, says the menu."
    (source,) = response.file_search_results
    assert (source.text, source.score, source.file_name, source.file_id) == ("Fish.", 0.9, "menu.txt", "file-1")
    tool = {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 3}
    assert client.responses.create.call_args.kwargs["tools"] == [tool]


def test_an_async_mock_answers_async() -> None:
    client = Mock()
    client.responses.create = AsyncMock(return_value=bodies.RESPONSES)
    response, error = asyncio.run(execute_llm_call_async(config(prompt="Hi"), client))
    assert error is None
    assert response is not None
    assert response.message == bodies.TEXT


@pytest.mark.usefixtures("lab")
def test_the_client_or_the_model_decides_the_provider() -> None:
    for client, name in ((openai.OpenAI(), "openai"), (anthropic.Anthropic(), "anthropic")):
        with client:
            for _ in range(2):  # the client stays open
                response, _error = execute_llm_call(config(prompt=CAPITAL), client)
                assert response is not None
                assert response.completion.provider == name
    for model in (llmlab.MODELS["anthropic"], find_spec(llmlab.MODELS["anthropic"])):
        response, _ = execute_llm_call(config(prompt=CAPITAL, model=model))
        assert response is not None
        assert response.completion.provider == "anthropic"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_provider_that_is_handed_in_stays_open(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services make one, and keep its connections from call to call."""
    closed: list[str] = []
    monkeypatch.setattr(llmlab.OllamaProvider, "close", lambda self: closed.append("close"))

    async def aclose(self: Any) -> None:
        closed.append("aclose")

    monkeypatch.setattr(llmlab.OllamaProvider, "aclose", aclose)
    llm = llmlab.get_provider("ollama")
    response, _ = executed(shape, config(prompt=CAPITAL, provider=llm))
    assert "Rome" in response.message
    assert closed == []
    executed(shape, config(prompt=CAPITAL, provider="ollama"))
    assert set(closed) == {"aclose" if "async" in shape else "close"}
    refused, error = executed(shape, config(prompt=CAPITAL, provider=llm), Mock())
    assert (refused, type(error)) == (None, LLMInvalidRequestError)
