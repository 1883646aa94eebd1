"""Real SDK clients that are handed in. If one fails, somebody's own client cannot be used, or retries by itself."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from llmlab.errors import (
    LLMAPIError,
    LLMConnectionError,
    LLMInvalidRequestError,
    LLMTimeoutError,
    MissingAPIKeyError,
    ModelNotFoundError,
)
from llmlab.providers import get_provider
from llmlab.transport.sdk import SdkTransport
from tests.core import bodies
from tests.core.trying import KEY, MODEL_PATHS, SHAPES, ask, call, spread, twice
from tests.loopback import LoopbackServer

CLIENTS = {"openai": (openai.OpenAI, openai.AsyncOpenAI), "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic)}
WAYS = [("openai", "responses"), ("openai", "chat"), ("anthropic", "messages")]


def around(client: Any, name: str, **options: Any) -> Any:
    """A provider around a client; closing it closes the client, which a provider would leave open."""
    made: Any = get_provider(name, client=client, **options)
    made.transport.close = made.transport.aclose = client.close
    return made


def handed_in(name: str, api: str, url: str, shape: str, **options: Any) -> Any:
    """A provider around a real client of the kind that the call shape needs."""
    client = CLIENTS[name]["async" in shape](api_key=KEY, base_url=url, **options)
    return around(client, name, max_retries=0, **({"api": api} if name == "openai" else {}))


def answer_for(name: str, api: str, shape: str) -> Any:
    known = "openrouter" if api == "chat" else name
    return bodies.STREAM[known] if "stream" in shape else bodies.WHOLE[known]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(("name", "api", "shape"), spread(WAYS, SHAPES))
def test_a_real_client_carries_the_request_with_its_own_key(
    name: str, api: str, shape: str, server: LoopbackServer
) -> None:
    server.answer(answer_for(name, api, shape), headers={"x-request-id": "req_1"})
    base = server.url if name == "anthropic" else f"{server.url}/v1"
    answer = ask(handed_in(name, api, base, shape), shape)
    assert (answer.content, answer.provider, answer.usage.total_tokens) == (bodies.TEXT, name, 8)
    (seen,) = server.seen
    assert seen.path == {"chat": "/v1/chat/completions"}.get(api, f"/v1/{api}")
    assert KEY in (seen.headers.get("authorization", "") + seen.headers.get("x-api-key", ""))


@pytest.mark.parametrize(("name", "api", "shape"), spread(WAYS, SHAPES))
def test_its_own_retries_are_off(name: str, api: str, shape: str, server: LoopbackServer) -> None:
    """Two retry policies would multiply: sixteen calls where four were meant."""
    server.answer({"error": {"message": "busy"}}, 500)
    with pytest.raises(LLMAPIError, match="answered 500: busy"):
        ask(handed_in(name, api, server.url, shape, max_retries=5), shape)
    assert len(server.seen) == 1


@pytest.mark.parametrize(("name", "api", "shape"), spread(WAYS, SHAPES))
def test_our_retries_are_on(name: str, api: str, shape: str, server: LoopbackServer, slept: list[float]) -> None:
    server.answer({"error": {"message": "busy"}}, 500)
    server.answer(answer_for(name, api, shape))
    client = CLIENTS[name]["async" in shape](api_key=KEY, base_url=server.url)
    made = around(client, name, max_retries=1, **({"api": api} if name == "openai" else {}))
    assert ask(made, shape).content == bodies.TEXT
    assert (len(server.seen), len(slept)) == (2, 1)


@pytest.mark.parametrize(("name", "shape"), spread(CLIENTS, SHAPES))
def test_a_client_whose_server_is_down_is_a_connection_error(name: str, shape: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(LLMConnectionError, match="Is the address right") as caught:
        ask(handed_in(name, "responses", url, shape), shape)
    assert not isinstance(caught.value, LLMTimeoutError)


@pytest.mark.parametrize(("name", "shape"), spread(CLIENTS, SHAPES))
def test_a_client_that_waits_too_long_is_a_timeout(
    name: str, shape: str, server: LoopbackServer, gate: threading.Event
) -> None:
    server.answer({}, delay=gate)
    with pytest.raises(LLMTimeoutError, match="timeout=<seconds>"):
        ask(handed_in(name, "responses", server.url, shape, timeout=0.05), shape)


@pytest.mark.parametrize(("name", "shape"), spread(CLIENTS, SHAPES[:2]))
def test_an_answer_that_breaks_off_is_a_lost_connection(name: str, shape: str, server: LoopbackServer) -> None:
    server.answer(bodies.WHOLE[name], cut=True)
    with pytest.raises(LLMConnectionError):
        ask(handed_in(name, "responses", server.url, shape), shape)


@pytest.mark.parametrize("name", CLIENTS)
def test_leaving_a_stream_early_gives_the_clients_connection_back(name: str, server: LoopbackServer) -> None:
    server.answer(bodies.STREAM[name])
    with CLIENTS[name][0](api_key=KEY, base_url=server.url) as client:
        stream = get_provider(name, client=client).complete_stream("Hi")
        assert str(next(stream)) == "Hello"
        stream.close()
        pool: Any = client._client._transport._pool  # type: ignore[union-attr]
        assert all(held.is_idle() or held.is_closed() for held in pool.connections)
        assert stream.result.content == "Hello"


@pytest.mark.parametrize(
    ("name", "method", "kind"), spread(CLIENTS, [("complete", 1), ("complete_stream", 1), ("complete_async", 0)])
)
def test_the_wrong_kind_of_client_is_named(name: str, method: str, kind: int, server: LoopbackServer) -> None:
    client: Any = CLIENTS[name][kind](api_key=KEY, base_url=server.url)
    made = get_provider(name, client=client)  # never connects, so there is nothing to close
    says = "is async. Use the methods that end in _async" if kind else "is sync. Use the methods without _async"
    with pytest.raises(LLMInvalidRequestError, match=says):
        ask(made, method)
    assert server.seen == []


@pytest.mark.parametrize(("name", "suffix"), spread(CLIENTS, ["", "_async"]))
def test_questions_about_the_service_go_through_the_client_too(name: str, suffix: str, server: LoopbackServer) -> None:
    server.answer(bodies.MODELS[name])
    server.answer(bodies.MODELS[name])
    server.answer({"input_tokens": 14})
    base = server.url if name == "anthropic" else f"{server.url}/v1"

    def asked(method: str, *args: Any) -> Any:
        return call(handed_in(name, "responses", base, suffix), method + suffix, *args)

    assert asked("list_models") == ["m-1", "m-2"]
    assert asked("health").ok
    assert asked("count_tokens", "Hi") == 14
    count = "/v1/messages/count_tokens" if name == "anthropic" else "/v1/responses/input_tokens"
    models = f"/v1/{MODEL_PATHS[name].removeprefix('/v1').lstrip('/')}"
    assert [seen.path for seen in server.seen] == [models, models, count]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_retired_model_is_explained_through_the_client_too(name: str, server: LoopbackServer) -> None:
    server.answer({"error": {"message": "no model m-3", "type": "not_found_error", "code": "model_not_found"}}, 404)
    server.answer(bodies.MODELS[name])
    with pytest.raises(ModelNotFoundError, match="closest first: m-"):
        ask(handed_in(name, "responses", server.url, "complete"), "complete", model="m-3")


def test_a_handed_in_client_stays_open_and_needs_no_second_key(server: LoopbackServer) -> None:
    server.answer(bodies.RESPONSES)
    with pytest.raises(MissingAPIKeyError):
        get_provider("openai")
    with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        for _ in range(2):
            with get_provider("openai", client=client) as made:
                assert made.complete("Hi").content == bodies.TEXT
        assert not client.is_closed()
        assert repr(SdkTransport(client)) == "SdkTransport(OpenAI)"


def test_an_async_client_serves_many_calls_at_once(server: LoopbackServer) -> None:
    server.answer(bodies.ANTHROPIC)

    async def asked() -> list[str]:
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=server.url) as client:
            made = get_provider("anthropic", client=client)
            return [answer.content for answer in await asyncio.gather(*(made.complete_async("Hi") for _ in range(9)))]

    assert asyncio.run(asked()) == [bodies.TEXT] * 9


@pytest.mark.parametrize("method", twice("show"))
def test_what_no_sdk_client_can_carry_is_refused(method: str) -> None:
    made = get_provider("ollama", client=openai.OpenAI(api_key=KEY))
    with pytest.raises(LLMInvalidRequestError, match="an SDK client cannot carry /api/show; leave client= out"):
        call(made, method)
