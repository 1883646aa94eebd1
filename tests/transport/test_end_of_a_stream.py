"""How a stream ends. If one fails, a whole answer is thrown away, or an error passes for an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMConnectionError, LLMStreamError
from tests.core import bodies
from tests.core.trying import NAMES, ask, provider
from tests.loopback import LoopbackServer

STREAMS = ("complete_stream", "complete_stream_async")
MORE = {name: (b"data: {oops}\n\n" if name != "ollama" else b"{oops}\n") for name in NAMES}


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """An event that lets the server go at the end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize("name", NAMES)
def test_after_the_end_marker_an_answer_is_whole(
    name: str, shape: str, server: LoopbackServer, held: threading.Event
) -> None:
    """Whether the line drops, stays open, or sends more."""
    body = bodies.STREAM[name].encode()
    if name == "openai":
        body += b"data: [DONE]\n\n"
    for answer in ({"cut": True}, {"hold": held}, {"piece": len(body)}):
        server.answers.clear()
        server.answer(body + (MORE[name] * 3 if "piece" in answer else b""), **answer)
        result = ask(provider(name, server.url, max_retries=0), shape)
        assert (result.content, result.finish_reason) == (bodies.TEXT, "stop")


@pytest.mark.parametrize("shape", STREAMS)
def test_a_line_that_drops_after_the_reason_to_end_does_no_harm(shape: str, server: LoopbackServer) -> None:
    server.answer(bodies.sse(bodies.CHAT_EVENTS[:-1]), cut=True)
    assert ask(provider("openrouter", server.url, max_retries=0), shape).content == bodies.TEXT
    server.answers.clear()
    server.answer(bodies.sse(bodies.CHAT_EVENTS[:-2]), cut=True)
    with pytest.raises(LLMStreamError, match="ended early after 3 chunks") as caught:
        ask(provider("openrouter", server.url, max_retries=0), shape)
    assert caught.value.partial == bodies.TEXT
    assert isinstance(caught.value.__cause__, LLMConnectionError)


@pytest.mark.parametrize("shape", STREAMS)
def test_a_connection_is_used_again_after_the_end_marker(shape: str, server: LoopbackServer) -> None:
    """The last bytes of HTTP come after it. A new connection for each answer costs a handshake."""
    server.answer(bodies.STREAM["openrouter"], piece=200)
    with provider("openrouter", server.url) as made:
        if shape == "complete_stream":
            for _ in range(3):
                assert "".join(map(str, made.complete_stream("Hi"))) == bodies.TEXT
        else:
            ask_thrice(made)
    assert (len(server.seen), server.connections) == (3, 1)


def ask_thrice(made: llmlab.Provider) -> None:
    async def asked() -> None:
        async with made:
            for _ in range(3):
                assert "".join([str(chunk) async for chunk in made.complete_stream_async("Hi")]) == bodies.TEXT

    asyncio.run(asked())


TEXT = bodies.chat_piece("Half an")
ERRORS: dict[str, str] = {
    "a field of its own (llama.cpp)": 'error: {"code":500,"message":"the slot failed"}\n\n',
    "a text in that field": "error: the slot failed\n\n",
    "an event named error": 'event: error\ndata: {"message": "the slot failed"}\n\n',
    "an event named error, a text": "event: error\ndata: the slot failed\n\n",
    "an event named error, a list": 'event: error\ndata: [{"message": "the slot failed"}]\n\n',
    "a flat object": 'data: {"object": "error", "message": "the slot failed", "code": 500}\n\n',
    "a list": 'data: [{"error": {"message": "the slot failed"}}]\n\n',
    "an error as text": 'data: {"error": "the slot failed"}\n\n',
    "in a choice": 'data: {"choices": [{"index": 0, "error": {"message": "the slot failed"}}]}\n\n',
    "no JSON": "data: the slot failed\n\n",
}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_in_a_stream_never_ends_as_success(kind: str, server: LoopbackServer) -> None:
    for before, partial in (("", ""), (bodies.sse([TEXT]), "Half an")):
        for shape in STREAMS:
            server.answers.clear()
            server.answer(before + ERRORS[kind] + "data: [DONE]\n\n")
            with pytest.raises(LLMStreamError, match="the slot failed") as caught:
                ask(provider("openrouter", server.url, max_retries=0), shape)
            assert caught.value.partial == partial


@pytest.mark.parametrize("body", ["data: [DONE]\n\n", *ERRORS.values(), "<html>502</html>", '{"message": "no"}', ""])
def test_a_failover_goes_on_when_a_stream_fails_before_its_first_chunk(body: str, server: LoopbackServer) -> None:
    server.answer(body)
    server.answer(bodies.STREAM["ollama"])
    two: list[Any] = [provider(name, server.url, max_retries=0) for name in ("openrouter", "ollama")]
    answer = ask(llmlab.Failover(two), "complete_stream")
    assert (answer.content, answer.provider) == (bodies.TEXT, "ollama")


@pytest.mark.parametrize(
    "body", ['{"choices": null}', '{"status": "ok"}', "<html>Welcome</html>", "", "[]", "7", "null", "{}\n{}"]
)
def test_a_failover_goes_on_when_a_success_holds_no_answer(body: str, server: LoopbackServer) -> None:
    server.answer(body)
    server.answer(bodies.OLLAMA)
    two: list[Any] = [provider(name, server.url, max_retries=0) for name in ("openrouter", "ollama")]
    assert ask(llmlab.Failover(two), "complete").provider == "ollama"
    server.answers.clear()
    server.answer(body)
    with pytest.raises(llmlab.LLMAPIError, match="the service answered, but") as caught:
        ask(provider("openrouter", server.url, max_retries=0), "complete")
    assert (caught.value.provider, caught.value.status_code) == ("openrouter", 200)


BOMBS = {
    "deep": '{"choices": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deeper than is sensible": '{"choices": ' + "[" * 300 + "]" * 300 + "}",
    "deep objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a number of 5,000 digits": '{"choices": [{"message": {"content": "Hi"}, "index": ' + "9" * 5000 + "}]}",
    "not closed": '{"choices": ' + "[" * 100_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_json_that_no_reader_survives_is_an_error_of_ours(bomb: str, server: LoopbackServer) -> None:
    for shape, body in (("complete", BOMBS[bomb]), ("complete_stream", f"data: {BOMBS[bomb]}\n\n")):
        server.answers.clear()
        server.answer(body)
        with pytest.raises(llmlab.LLMError, match=r"not JSON|not with JSON|early") as caught:
            ask(provider("openrouter", server.url, max_retries=0), shape)
        assert len(caught.value.message) < 500
    server.answers.clear()
    server.answer(BOMBS[bomb], 500)
    with pytest.raises(llmlab.LLMAPIError, match="answered 500"):
        ask(provider("openrouter", server.url, max_retries=0), "complete")
