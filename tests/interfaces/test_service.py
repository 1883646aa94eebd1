"""`execute_llm_call`. If one fails, a service that relies on pairs meets an exception, or another answer."""

from __future__ import annotations

import asyncio
import pickle
from itertools import cycle
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import anthropic
import openai
import pytest

import llmlab
from llmlab import LLMCallRequest, LLMConfig
from llmlab.errors import (
    APICallError,
    LLMAuthenticationError,
    LLMError,
    LLMInvalidRequestError,
    LLMStreamError,
    MissingAPIKeyError,
    ModelNotFoundError,
    StoreNotFoundError,
    UnsupportedProviderError,
)
from llmlab.toolkit.interfaces.service import (
    BaseProvider,
    LLMCallResponse,
    LLMModelSpec,
    ProviderFactory,
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
        return LLMCallResponse.of(stream.result), error

    async def read() -> tuple[Any, Any]:
        pieces, error = await execute_llm_call_stream_async(request, client)
        if pieces is None:
            return None, error
        async for _ in pieces:
            pass
        return LLMCallResponse.of(pieces.result), error

    return asyncio.run(read())


def config(prompt: Any = "Hi", store: Any = None, options: Any = None, **spec: Any) -> LLMCallRequest:
    return LLMCallRequest(LLMConfig(prompt, LLMModelSpec(**spec), store, options or {}))


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("name", "shape"), [*zip(NAMES, cycle(SHAPES)), *zip(NAMES, cycle(SHAPES[2:] + SHAPES[:2]))])
def test_every_provider_answers(name: str, shape: str) -> None:
    response, error = executed(shape, config(CAPITAL, provider=name))
    assert error is None
    assert isinstance(response, LLMCallResponse)
    assert "Rome" in response.message
    usage = response.completion.usage
    assert (response.total_tokens, response.output_tokens) == (usage.total_tokens, usage.output_tokens)
    assert response.output_tokens > 0
    assert response.file_search_results == []


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_in_the_request_is_sent(shape: str) -> None:
    messages = [
        *({"role": "system", "content": "Be brief."}, {"role": "user", "content": "My name is Ada."}),
        *(Message(Role.ASSISTANT, "Hi"), Message("user", "Who?")),
    ]
    tools = [{"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}]
    options = {"tools": tools, "tool_choice": "none", "extra": {"metadata": {"user_id": "u"}}}
    asked = config(messages, options=options, provider="anthropic", max_tokens=99)
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
    assert (source["text"], source["file_name"], 0 < source["score"] <= 1) == (response.message, "dog.txt", True)
    assert response.completion.file_search_results[0].text == source["text"]
    both, _ = executed(shape, config(question, [store.id]))
    assert len(both.file_search_results) == 2
    gone, error = executed(shape, config(question, "vs_nobody"))
    assert (gone, type(error.exception)) == (None, StoreNotFoundError)


WRONG: list[tuple[dict[str, Any], type[LLMError]]] = [
    ({"prompt": None}, LLMInvalidRequestError),
    ({"prompt": []}, LLMInvalidRequestError),
    ({"provider": "opneai"}, UnsupportedProviderError),
    ({"temperature": 9}, LLMInvalidRequestError),
    ({"provider": "openai", "model": "nobody-1"}, ModelNotFoundError),
    ({"provider": "ollama", "store": "vs_1"}, LLMInvalidRequestError),
    ({"store": ""}, LLMInvalidRequestError),
    ({"store": []}, LLMInvalidRequestError),
    ({"store": 5}, LLMInvalidRequestError),
    ({"provider": 5}, UnsupportedProviderError),
    ({"model": 5}, LLMInvalidRequestError),
    ({"options": {"extra": []}}, LLMInvalidRequestError),
    ({"options": {"temprature": 1}}, LLMInvalidRequestError),
]


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore::llmlab.models.UnknownModelWarning")
def test_a_wrong_request_is_returned_as_an_error(shape: str) -> None:
    for options, kind in WRONG:
        response, error = executed(shape, config(**options))
        assert (response, type(error.exception)) == (None, kind), options
    # Without a store, a reader would take an answer from nowhere for one from the documents.
    _, error = executed(shape, LLMCallRequest(LLMConfig("Hi"), max_num_results=3))
    assert "name a store: LLMConfig(vector_store_id=…)" in error


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_of_the_service_is_returned(shape: str, request: pytest.FixtureRequest) -> None:
    assert type(executed(shape, config())[1].exception) is MissingAPIKeyError
    request.getfixturevalue("lab")
    with llmlab.faults("unauthorized"):
        response, error = executed(shape, config())
    assert (response, error, type(error.exception)) == (None, error.exception.message, LLMAuthenticationError)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", ["stream", "async stream"])
def test_a_stream_that_breaks_raises_where_it_is_read(shape: str) -> None:
    """The pair was returned before; the error holds what had arrived, as for every stream."""
    with llmlab.faults("cut_stream", after=8), pytest.raises(LLMStreamError) as caught:
        executed(shape, config(CAPITAL))
    assert caught.value.partial


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mistake_of_the_program_is_raised(shape: str) -> None:
    """Else a typo looks like a service that fails."""
    with pytest.raises(TypeError, match="takes an LLMCallRequest, not LLMConfig"):
        executed(shape, LLMConfig(prompt="Hi"))
    with pytest.raises(TypeError, match="takes an LLMConfig, not dict"):
        executed(shape, LLMCallRequest({"prompt": "Hi"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_a_client_raises_is_returned(shape: str, caplog: pytest.LogCaptureFixture) -> None:
    """A service that relies on pairs has no other place for it. The log has it, too."""
    client = Mock()
    client.responses.create.side_effect = ZeroDivisionError("no tokens")
    response, error = executed(shape, config(), client)
    assert (response, error) == (None, "the call failed: ZeroDivisionError: no tokens")
    assert type(error.exception) is APICallError
    assert type(error.exception.__cause__) is ZeroDivisionError
    assert "the call failed: ZeroDivisionError: no tokens" in caplog.messages
    copied = pickle.loads(pickle.dumps(error))
    assert (copied, copied.exception.message) == (error, error)


class Shouting(BaseProvider):
    """A provider of one's own that only knows `execute`."""

    def execute(self, request: LLMCallRequest) -> tuple[LLMCallResponse | None, str | None]:
        prompt = str(request.llm.prompt)
        return (LLMCallResponse(message=prompt.upper()), None) if prompt else (None, "there is no prompt")


def test_a_registered_provider_is_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers in the shapes that it can, and in no shape the provider of llmlab with that name."""
    monkeypatch.setattr(ProviderFactory, "registered", {})
    ProviderFactory.register_provider("openai", Shouting)
    for shape in SHAPES[:2]:
        response, _ = executed(shape, config("hi"))
        assert (response.message, response.total_tokens, response.file_search_results) == ("HI", 0, ())
        response, error = executed(shape, config(""))
        assert (response, error, type(error.exception)) == (None, "there is no prompt", APICallError)
    for shape in SHAPES[2:]:
        response, error = executed(shape, config("hi"))
        assert (response, error) == (None, "Shouting answers whole, not in chunks: use execute_llm_call")


@pytest.mark.parametrize("kind", [Mock, MagicMock])
def test_a_mock_that_returns_an_answer_is_enough(kind: Any) -> None:
    """Else a test has to know more of llmlab than the service that it tests."""
    client = kind()
    client.responses.create.return_value = bodies.RESPONSES
    response, error = execute_llm_call(config(model="gpt-6-luna", max_tokens=50), client)
    assert error is None
    assert response is not None
    assert (response.message, response.total_tokens) == (bodies.TEXT, 8)
    sent = client.responses.create.call_args.kwargs
    assert (sent["model"], sent["input"], sent["max_output_tokens"]) == ("gpt-6-luna", "Hi", 50)
    of_a_class = kind(spec=anthropic.Anthropic(api_key="k"))
    of_a_class.messages.create.return_value = bodies.ANTHROPIC
    response, _ = execute_llm_call(config(), of_a_class)
    assert response is not None
    assert (response.message, response.provider) == (bodies.TEXT, "anthropic")


def test_a_mock_that_searched_files_gives_their_results() -> None:
    """What people set up by hand, as objects: the search, and the message."""
    found = Mock(text="Fish.", score=0.9, filename="menu.txt", file_id="file-1")
    search = Mock(type="file_search_call", results=[found])
    part = Mock(type="output_text", text="Fish, says the menu.")
    client = Mock()
    client.responses.create.return_value = Mock(output=[search, Mock(type="message", content=[part])])
    asked = LLMCallRequest(LLMConfig("What is for lunch?", vector_store_id="vs_1"), max_num_results=3)
    response, error = execute_llm_call(asked, client)
    assert error is None
    assert response is not None
    assert response.message == "Fish, says the menu."
    (source,) = response.file_search_results
    assert source == {"text": "Fish.", "score": 0.9, "file_name": "menu.txt", "file_id": "file-1"}
    tool = {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 3}
    assert client.responses.create.call_args.kwargs["tools"] == [tool]


def test_an_async_mock_answers_async() -> None:
    client = Mock()
    client.responses.create = AsyncMock(return_value=bodies.RESPONSES)
    response, error = asyncio.run(execute_llm_call_async(config(), client))
    assert error is None
    assert response is not None
    assert response.message == bodies.TEXT


@pytest.mark.usefixtures("lab")
def test_the_client_or_the_model_decides_the_provider() -> None:
    for client, name in ((openai.OpenAI(), "openai"), (anthropic.Anthropic(), "anthropic")):
        with client:
            for _ in range(2):  # the client stays open
                response, _error = execute_llm_call(config(CAPITAL), client)
                assert response is not None
                assert response.provider == name
    response, _ = execute_llm_call(config(CAPITAL, model=llmlab.MODELS["anthropic"]))
    assert response is not None
    assert response.provider == "anthropic"


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
    for provider in (None, "ollama"):
        response, _ = executed(shape, config(CAPITAL, provider=provider), llm)
        assert "Rome" in response.message
    assert closed == []
    executed(shape, config(CAPITAL, provider="ollama"))
    assert set(closed) == {"aclose" if "async" in shape else "close"}
    refused, error = executed(shape, config(CAPITAL, provider="openai"), llm)
    assert (refused, error) == (None, "the request names 'openai', and the client is 'ollama'")


@pytest.mark.usefixtures("lab")
def test_a_client_of_llmlab_brings_its_policies() -> None:
    """Caching, cost tracking and failover are what the document wishes for the future."""
    before = len(llmlab.ledger())
    with llmlab.get_provider("openai", policies=[llmlab.Cache(), llmlab.Budget(max_usd=1)]) as llm:
        sources = []
        for _ in range(2):
            response, _ = execute_llm_call(config(CAPITAL, provider="openai"), llm)
            assert response is not None
            assert response.completion is not None
            sources.append(response.completion.source)
    assert sources == ["simulated", "cached"]
    assert len(llmlab.ledger()) == before + 2
    with llmlab.Failover(["openai", "ollama"]) as both, llmlab.faults("server_error", provider="openai"):
        response, _ = execute_llm_call(config(CAPITAL), both)
    assert response is not None
    assert response.provider == "ollama"
