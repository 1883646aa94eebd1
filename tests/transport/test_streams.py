"""The two stream objects. If one fails, text is lost or shown twice, or leaving a loop early holds a connection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from llmlab.errors import LLMError, LLMStreamError
from llmlab.providers import Provider
from llmlab.types.completion import Completion
from tests.core import bodies
from tests.core.trying import SHAPES, ask, provider, spread
from tests.loopback import LoopbackServer
from tests.transport.test_http import busy

STREAMS = [shape for shape in SHAPES if "stream" in shape]
STREAM = bodies.STREAM["openrouter"]
both = pytest.mark.parametrize("piece", [0, 7], ids=["one packet", "many packets"])


@pytest.fixture
def made(server: LoopbackServer) -> Iterator[Provider]:
    with provider("openrouter", server.url, max_retries=0) as made:
        yield made


@both
def test_leaving_the_loop_frees_the_connection(piece: int, server: LoopbackServer, made: Provider) -> None:
    server.answer(STREAM, piece=piece)
    stream = made.complete_stream("Hi")
    for chunk in stream:
        assert str(chunk) == "Hello"
        break
    assert busy(made) == 0
    assert stream.result.content == "Hello"
    assert list(stream) == []


@both
def test_leaving_an_async_loop_frees_the_connection(piece: int, server: LoopbackServer) -> None:
    server.answer(STREAM, piece=piece)

    async def left() -> tuple[int, Completion]:
        async with provider("openrouter", server.url) as made:
            async with made.complete_stream_async("Hi") as stream:
                async for chunk in stream:
                    assert str(chunk) == "Hello"
                    break
            return busy(made), stream.result

    held, result = asyncio.run(left())
    assert held == 0
    assert result.content == "Hello"


def test_leaving_a_bare_async_loop_frees_the_connection_too(server: LoopbackServer) -> None:
    server.answer(STREAM)

    async def left() -> int:
        async with provider("openrouter", server.url) as made:
            async for _ in made.complete_stream_async("Hi"):
                break
            await asyncio.sleep(0)
            while asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.sleep(0)
            return busy(made)

    assert asyncio.run(left()) == 0


def test_a_stream_that_nobody_reads_frees_its_connection(server: LoopbackServer, made: Provider) -> None:
    server.answer(STREAM)
    stream = made.complete_stream("Hi")
    assert busy(made) == 1
    del stream
    gc.collect()
    assert busy(made) == 0


@both
def test_closing_half_way_gives_what_was_read(piece: int, server: LoopbackServer, made: Provider) -> None:
    server.answer(STREAM, piece=piece)
    stream = made.complete_stream("Hi")
    shown = ""
    for chunk in stream:
        shown += str(chunk)
        if "there" in shown:
            stream.close()
    assert shown == stream.result.content == "Hello there"
    assert stream.result.finish_reason is None
    stream.close()
    assert busy(made) == 0


def test_the_result_is_refused_until_the_end(server: LoopbackServer, made: Provider) -> None:
    server.answer(STREAM)
    with made.complete_stream("Hi") as stream:
        with pytest.raises(LLMStreamError, match="read the stream to its end, or close it"):
            _ = stream.result
        for _chunk in stream:
            pass
        assert stream.result.content == bodies.TEXT
        assert stream.result.usage.total_tokens == 8


def test_the_async_result_is_refused_until_the_end(server: LoopbackServer) -> None:
    server.answer(STREAM)

    async def asked() -> Completion:
        async with provider("openrouter", server.url) as made:
            unopened = made.complete_stream_async("Hi")
            await unopened.aclose()
            stream = await made.complete_stream_async("Hi")
            for early in (unopened, stream):
                with pytest.raises(LLMStreamError, match="still being written"):
                    _ = early.result
            assert "".join([str(chunk) async for chunk in stream]) == bodies.TEXT
            return stream.result

    assert asyncio.run(asked()).usage.total_tokens == 8


@both
def test_next_and_for_share_one_place(piece: int, server: LoopbackServer, made: Provider) -> None:
    """Whoever takes the first pieces with next() and loops over the rest must get every piece once."""
    server.answer(STREAM, piece=piece)
    stream = made.complete_stream("Hi")
    assert isinstance(stream, Iterator)
    taken = [str(next(stream)), str(next(stream))]
    assert taken + [str(chunk) for chunk in stream] == list(bodies.PIECES)
    with pytest.raises(StopIteration):
        next(stream)


@both
def test_anext_and_async_for_share_one_place(piece: int, server: LoopbackServer) -> None:
    server.answer(STREAM, piece=piece)

    async def asked() -> list[str]:
        async with provider("openrouter", server.url) as made, made.complete_stream_async("Hi") as stream:
            assert isinstance(stream, AsyncIterator)
            taken = [str(await anext(stream)), str(await anext(stream))]
            taken += [str(chunk) async for chunk in stream]
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            return taken

    assert asyncio.run(asked()) == list(bodies.PIECES)


CUT = bodies.sse([bodies.chat_piece("Hel"), bodies.chat_piece("lo")])
USED = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}


@pytest.mark.parametrize("shape", STREAMS)
@both
@pytest.mark.parametrize(
    ("rest", "cut", "says"),
    [
        ("", False, "the stream ended early after 2 chunks"),
        ("", True, "the stream ended early after 2 chunks: peer closed connection"),
        ("data: {oops}\n\n", False, "the stream holds something that is not JSON: '{oops}'"),
        (bodies.sse([{"error": {"message": "overloaded", "code": 529}}]), False, "overloaded"),
    ],
    ids=["ended", "cut", "no JSON", "error"],
)
def test_a_stream_that_breaks_says_how_and_keeps_what_arrived(
    rest: str, cut: bool, says: str, piece: int, shape: str, server: LoopbackServer
) -> None:
    server.answer(CUT + bodies.sse([USED]) + rest, cut=cut, piece=piece, headers={"x-request-id": "req_1"})
    with pytest.raises(LLMStreamError) as caught:
        ask(provider("openrouter", server.url), shape)
    error = caught.value
    assert error.message.startswith(says)
    assert "error.partial holds what arrived; send the request again" in error.message
    assert (error.partial, error.provider, error.request_id) == ("Hello", "openrouter", "req_1")
    assert (error.usage.input_tokens, error.usage.output_tokens) == (5, 2)


def test_a_stream_that_breaks_still_has_a_result(server: LoopbackServer, made: Provider) -> None:
    server.answer(CUT)
    stream = made.complete_stream("Hi")
    assert [str(next(stream)), str(next(stream))] == ["Hel", "lo"]
    with pytest.raises(LLMStreamError):
        next(stream)
    assert stream.result.content == "Hello"
    assert busy(made) == 0


@pytest.mark.parametrize(("body", "shape"), spread(["", ": OPENROUTER PROCESSING\n\n"], STREAMS))
def test_an_empty_stream_is_no_empty_answer(shape: str, body: str, server: LoopbackServer) -> None:
    server.answer(body)
    with pytest.raises(LLMStreamError, match="ended before its first event") as caught:
        ask(provider("openrouter", server.url, max_retries=0), shape)
    assert caught.value.partial == ""


@pytest.mark.parametrize("shape", STREAMS)
def test_an_error_in_the_first_event_is_raised_when_the_stream_is_opened(shape: str, server: LoopbackServer) -> None:
    event = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    server.answer(bodies.sse([event]), headers={"request-id": "req_a"})
    with pytest.raises(LLMStreamError) as caught:
        ask(provider("anthropic", server.url), shape)
    assert (caught.value.status_code, caught.value.code) == (400, "invalid_request_error")
    assert caught.value.request_id == "req_a"


@pytest.mark.parametrize("shape", STREAMS)
def test_an_error_status_in_place_of_a_stream_is_the_same_as_without(shape: str, server: LoopbackServer) -> None:
    errors: list[LLMError] = []
    server.answer({"error": {"message": "no such field"}}, 400, headers={"x-request-id": "req_1"})
    for used in (shape, "complete"):
        with pytest.raises(LLMError) as caught:
            ask(provider("openrouter", server.url), used)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    assert vars(errors[0]) == vars(errors[1])


def test_a_stream_of_tool_calls_alone_is_read_to_its_usage(server: LoopbackServer, made: Provider) -> None:
    call: dict[str, Any] = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    event = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    server.answer(bodies.sse([event, {"choices": [], "usage": bodies.CHAT["usage"]}], done=True))
    stream = made.complete_stream("Hi")
    assert list(stream) == []
    assert stream.result.tool_calls[0].name == "f"
    assert stream.result.usage.total_tokens == 8
