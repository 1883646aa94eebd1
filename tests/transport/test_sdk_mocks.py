"""Mocks of SDK clients. If one fails, somebody's own tests, which mock their client, do not run with llmlab."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, patch

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from llmlab.errors import LLMAPIError, LLMInvalidRequestError, LLMRateLimitError, LLMStreamError, LLMTimeoutError
from llmlab.providers import get_provider
from llmlab.transport.sdk import as_json
from llmlab.types.messages import ToolCall
from tests.core import bodies
from tests.core.trying import KEY, SHAPES, ask, call, spread, twice

METHODS = {"responses": "responses.create", "chat": "chat.completions.create", "messages": "messages.create"}
WHOLE: dict[str, Any] = {"responses": bodies.RESPONSES, "chat": bodies.CHAT, "messages": bodies.ANTHROPIC}
EVENTS: dict[str, Any] = {
    "responses": bodies.RESPONSES_EVENTS,
    "chat": bodies.CHAT_EVENTS,
    "messages": bodies.ANTHROPIC_EVENTS,
}


def as_objects(value: Any) -> Any:
    """JSON as the attributes of plain objects."""
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


def as_mocks(value: Any) -> Any:
    """JSON as the attributes of mocks, which have every other attribute too."""
    return json.loads(json.dumps(value), object_hook=lambda fields: MagicMock(**fields))


async def awaited(events: list[Any]) -> AsyncIterator[Any]:
    for event in events:
        yield event


def mock_of(api: str, shape: str, made: Any, returned: Any) -> Any:
    """A mock client whose one method returns what it should for this call shape."""
    client = MagicMock()
    target = client
    *path, last = METHODS[api].split(".")
    for part in path:
        target = getattr(target, part)
    if "stream" in shape:
        returned = awaited(returned) if "async" in shape else iter(returned)
    setattr(target, last, made(return_value=returned))
    return client


def provider_for(api: str, client: Any) -> Any:
    if api == "messages":
        return get_provider("anthropic", client=client, max_retries=0)
    return get_provider("openai", client=client, max_retries=0, api=api)


@pytest.mark.parametrize(
    ("api", "shape", "written"), spread(METHODS, SHAPES, [lambda value: value, as_objects, as_mocks])
)
def test_a_mock_answers_like_the_service(api: str, shape: str, written: Any) -> None:
    returned = [written(event) for event in EVENTS[api]] if "stream" in shape else written(WHOLE[api])
    client = mock_of(api, shape, AsyncMock if "async" in shape else MagicMock, returned)
    answer = ask(provider_for(api, client), shape, max_tokens=9)
    assert (answer.content, answer.finish_reason, answer.usage.total_tokens) == (bodies.TEXT, "stop", 8)
    assert (answer.refusal, answer.reasoning, answer.tool_calls) == ("", "", ())
    method = client
    for part in METHODS[api].split("."):
        method = getattr(method, part)
    (sent,) = method.call_args_list
    assert sent.kwargs["model"]
    assert sent.kwargs.get("stream", False) == ("stream" in shape)


def test_a_mock_with_nothing_but_its_text_set_is_enough() -> None:
    """The shortest mock that people write: everything else on it is a mock too, and means nothing."""
    client = MagicMock()
    client.chat.completions.create.return_value.choices = [MagicMock(message=MagicMock(content="Hi"))]
    answer = ask(provider_for("chat", client), "complete")
    assert (answer.content, answer.finish_reason, answer.usage.total_tokens) == ("Hi", None, 0)
    assert answer.tool_calls == ()
    client.responses.create.return_value.output_text = "Hi"
    assert ask(provider_for("responses", client), "complete").content == "Hi"
    client.messages.create.return_value.content = [Mock(type="text", text="Hi")]
    assert ask(provider_for("messages", client), "complete").content == "Hi"


def test_a_mock_that_was_looked_at_before_still_means_only_what_was_set() -> None:
    answer = MagicMock()
    answer.choices = [MagicMock(message=MagicMock(content="Hi"))]
    assert answer.usage.prompt_tokens
    client = MagicMock()
    client.chat.completions.create.return_value = answer
    assert ask(provider_for("chat", client), "complete").usage.total_tokens == 0


def test_a_named_mock_calls_its_tool() -> None:
    function = MagicMock(arguments='{"city": "Rome"}')
    function.name = "weather"
    called = MagicMock(id="c1", type="function", function=function)
    client = MagicMock()
    client.chat.completions.create.return_value.choices = [
        MagicMock(message=MagicMock(content=None, tool_calls=[called]))
    ]
    assert ask(provider_for("chat", client), "complete").tool_calls == (ToolCall("c1", "weather", {"city": "Rome"}),)


@pytest.mark.parametrize("shape", ["complete_async", "complete_stream_async"])
def test_a_plain_mock_in_an_async_call_is_good_enough(shape: str) -> None:
    returned = bodies.CHAT_EVENTS if "stream" in shape else bodies.CHAT
    client = MagicMock()
    client.chat.completions.create.return_value = returned
    assert ask(provider_for("chat", client), shape).content == bodies.TEXT


@pytest.mark.parametrize("shape", ["complete", "complete_stream"])
def test_an_async_mock_in_a_sync_call_is_named(shape: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match="Use the methods that end in _async"):
        ask(provider_for("chat", mock_of("chat", "complete", AsyncMock, bodies.CHAT)), shape)


@pytest.mark.parametrize("shape", ["complete", "complete_stream"])
def test_an_async_generator_in_a_sync_call_is_named(shape: str) -> None:
    client = MagicMock()
    client.chat.completions.create = lambda **options: awaited(bodies.CHAT_EVENTS)
    with pytest.raises(LLMInvalidRequestError, match="Use the methods that end in _async"):
        ask(provider_for("chat", client), shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_client_without_the_method_is_told_which_one(shape: str) -> None:
    """An `AttributeError` says neither whose method it is nor which client would have it."""
    client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=print)))
    with pytest.raises(LLMInvalidRequestError, match=r'SimpleNamespace has no responses\.create.*api="chat"'):
        ask(provider_for("responses", client), shape)


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
@pytest.mark.parametrize(
    ("returned", "told"),
    [(None, "returned no events but a NoneType"), (["Hi"], "returned 'Hi', which is no event of a stream")],
    ids=["nothing", "text"],
)
def test_a_mock_whose_stream_holds_no_events_is_named(returned: Any, told: str, shape: str) -> None:
    client = MagicMock()
    client.chat.completions.create = lambda **options: returned
    with pytest.raises(LLMStreamError, match=told):
        ask(provider_for("chat", client), shape)


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_an_sdks_stream_that_breaks_is_a_broken_stream(shape: str) -> None:
    """Else who reads it catches an error of a library that he does not import, and loses what had arrived."""

    def events() -> Iterator[Any]:
        yield from bodies.CHAT_EVENTS[:3]
        raise openai.APIConnectionError(message="line cut", request=httpx2.Request("POST", "https://api.openai.com"))

    client = MagicMock()
    client.chat.completions.create = lambda **options: events()
    with pytest.raises(LLMStreamError, match="broke off: line cut") as caught:
        ask(provider_for("chat", client), shape)
    assert caught.value.partial


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
def test_what_a_mocks_stream_raises_of_its_own_is_raised(shape: str) -> None:
    """A mistake in somebody's test must not look like a line that was cut."""

    def events() -> Iterator[Any]:
        yield from bodies.CHAT_EVENTS[:3]
        raise ZeroDivisionError

    client = MagicMock()
    client.chat.completions.create = lambda **options: events()
    with pytest.raises(ZeroDivisionError):
        ask(provider_for("chat", client), shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_patched_method_on_a_real_client_is_called(shape: str) -> None:
    """`patch.object(client.chat.completions, "create")` must not reach the network."""
    streams, asynchronous = "stream" in shape, "async" in shape
    typed = [ChatCompletionChunk.model_construct(**event) for event in bodies.CHAT_EVENTS]
    returned: Any = ChatCompletion.model_construct(**bodies.CHAT)
    if streams:
        returned = awaited(typed) if asynchronous else iter(typed)
    client = (openai.AsyncOpenAI if asynchronous else openai.OpenAI)(api_key=KEY)
    patched = (AsyncMock if asynchronous else MagicMock)(return_value=returned)
    with patch.object(client.chat.completions, "create", patched):
        answer = ask(provider_for("chat", client), shape)
    assert (answer.content, answer.usage.total_tokens) == (bodies.TEXT, 8)
    assert patched.call_count == 1


class Closing:
    """A stream, as the SDKs return it: it can be closed."""

    def __init__(self) -> None:
        self.closed = False
        self._events = iter(bodies.CHAT_EVENTS)

    def __iter__(self) -> Iterator[Any]:
        return self._events

    def close(self) -> None:
        self.closed = True


class AsyncClosing(Closing):
    def __aiter__(self) -> AsyncIterator[Any]:
        return awaited(bodies.CHAT_EVENTS)

    async def close(self) -> None:  # type: ignore[override]
        self.closed = True


@pytest.mark.parametrize(("shape", "stream"), [("complete_stream", Closing), ("complete_stream_async", AsyncClosing)])
def test_the_stream_of_a_mock_is_closed_too(shape: str, stream: Any) -> None:
    returned = stream()
    client = MagicMock()
    client.chat.completions.create = (AsyncMock if "async" in shape else MagicMock)(return_value=returned)
    assert ask(provider_for("chat", client), shape).content == bodies.TEXT
    assert returned.closed


def status_error(kind: Any, status: int, body: Any) -> Exception:
    request = httpx2.Request("POST", "https://api.openai.com/v1/chat/completions")
    error: Exception = kind("x", response=httpx2.Response(status, json=body, request=request), body=body)
    return error


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_that_a_mock_raises_is_read_like_the_services_own(shape: str) -> None:
    said = {"error": {"message": f"slow down, {KEY}", "code": "rate_limit_exceeded"}}
    client = MagicMock()
    create = (AsyncMock if "async" in shape else MagicMock)()
    client.chat.completions.create = create
    create.side_effect = status_error(openai.RateLimitError, 429, said)
    with pytest.raises(LLMRateLimitError, match="slow down") as caught:
        ask(provider_for("chat", client), shape)
    assert (caught.value.status_code, caught.value.code) == (429, "rate_limit_exceeded")
    create.side_effect = openai.APITimeoutError(httpx2.Request("POST", "https://api.openai.com"))
    with pytest.raises(LLMTimeoutError):
        ask(provider_for("chat", client), shape)
    create.side_effect = RuntimeError("the test's own")
    with pytest.raises(RuntimeError, match="the test's own"):
        ask(provider_for("chat", client), shape)


@pytest.mark.parametrize("method", twice("list_models"))
def test_a_mock_lists_its_models(method: str) -> None:
    client = MagicMock()
    client.models.list = (AsyncMock if "async" in method else MagicMock)(return_value=as_mocks(bodies.MODELS["openai"]))
    assert call(provider_for("chat", client), method) == ["m-1", "m-2"]


def test_a_mock_that_returns_no_answer_is_named() -> None:
    client = MagicMock()
    client.chat.completions.create.return_value = "just text"
    with pytest.raises(LLMAPIError, match="not with JSON: 'just text'"):
        ask(provider_for("chat", client), "complete")


def test_every_kind_of_value_is_read_as_json() -> None:
    class Odd:
        __slots__ = ()

        def __str__(self) -> str:
            return "odd"

    assert as_json({1: (True, None, 1.5)}) == {"1": [True, None, 1.5]}
    assert as_json(SimpleNamespace(a=SimpleNamespace(b=[1]))) == {"a": {"b": [1]}}
    assert as_json(Odd()) == "odd"
    assert as_json(MagicMock()) == {}
