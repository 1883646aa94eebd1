"""A deadline is for the whole call, to the second. If one fails, a page waits long for an answer that drips in."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import anthropic
import openai
import pytest

from llmlab import Cache, Limits, tool
from llmlab._utils.clock import now
from llmlab.errors import LLMInvalidRequestError, LLMStreamTimeoutError, LLMTimeoutError, ModelNotFoundError
from llmlab.providers import Provider
from llmlab.toolkit.tools import run_tools, run_tools_async
from tests.core import bodies
from tests.core.trying import SHAPES, ask, provider
from tests.loopback import LoopbackServer

DEADLINE = 0.4
FAR_BEFORE_THE_SERVER = 6.0
"""Seconds. The servers here go on for 30 s and more."""
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n'
DRIPS: dict[str, tuple[bytes, bytes]] = {
    "nothing at all": (b"", b""),
    "the status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b" "),
    "an error body": (b"HTTP/1.1 500 Oops\r\ncontent-length: 100000\r\n\r\n", b" "),
    "comments": (OK, b": keep-alive\n\n"),
    "events without text": (OK, b'data: {"choices": []}\n\n'),
    "a stall after opening": (OK, b""),
    "text": (OK, CHUNK),
    "a stall after text": (OK + CHUNK, b""),
}


@contextmanager
def dripping(first: bytes, again: bytes) -> Iterator[str]:
    """A server that answers with `first` and then with `again` every 20 ms, until the block ends."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.recv(65_536)
            line.sendall(first)
            while not over.wait(0.02):
                line.sendall(again)

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(line,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join()


@contextmanager
def in_time(kind: type[LLMTimeoutError] = LLMTimeoutError) -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(kind, match="deadline") as caught:
        yield
    assert caught.value.code == "deadline"
    assert time.monotonic() - started < FAR_BEFORE_THE_SERVER


def all_in_time(url: str, prompt: str = "Hi", shapes: Sequence[str] = SHAPES, **options: Any) -> None:
    """Ask in all call shapes at once; each must end at its deadline."""

    def one(shape: str) -> None:
        with in_time():
            ask(chat(url, **options), shape, prompt, deadline=DEADLINE)

    with ThreadPoolExecutor(len(shapes)) as threads:
        for asked in [threads.submit(one, shape) for shape in shapes]:
            asked.result()


def chat(url: str, **options: Any) -> Provider:
    return provider("openrouter", url, retry_delay=0, **options)


@pytest.mark.parametrize("drip", DRIPS)
def test_a_service_that_drips_for_ever_is_left_at_the_deadline(drip: str) -> None:
    """Each byte is a sign of life, so the ordinary timeout never comes."""
    with dripping(*DRIPS[drip]) as url:
        all_in_time(url)


def test_a_stream_that_is_cut_by_its_deadline_keeps_what_came() -> None:
    with dripping(*DRIPS["text"]) as url, pytest.raises(LLMStreamTimeoutError) as caught:
        ask(chat(url), "complete_stream", deadline=DEADLINE)
    assert set(caught.value.partial or "") == {"x"}


def test_a_name_that_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the end of an event loop waits for it."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    all_in_time("http://no-answer.example")
    over.set()


def test_a_connection_that_never_opens() -> None:
    """A full queue of connections: the handshake is not answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fill = [socket.socket() for _ in range(4)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        all_in_time(f"http://127.0.0.1:{full.getsockname()[1]}")
        for one in fill:
            one.close()


def test_a_request_that_is_not_read() -> None:
    """What a service does not take in is a wait, too."""
    with dripping(b"", b"") as url:
        all_in_time(url, "x" * 20_000_000, SHAPES[:2])


def test_a_wait_in_limits(server: LoopbackServer) -> None:
    server.answer(bodies.STREAM["openrouter"])
    limits = Limits(in_flight=1)
    with chat(server.url, policies=[limits]) as other, other.complete_stream("Hi"):
        all_in_time(server.url, policies=[limits])
    assert limits.calls_waiting == 0


def test_a_wait_for_the_same_request_of_another(server: LoopbackServer) -> None:
    over = threading.Event()
    server.answer(bodies.CHAT, delay=over)
    cache = Cache()
    with chat(server.url, policies=[cache]) as first:
        leader = threading.Thread(target=first.complete, args=("Hi",))
        leader.start()
        while not server.seen:
            time.sleep(0.01)
        all_in_time(server.url, shapes=SHAPES[:2], policies=[cache])
        over.set()
        leader.join()


def test_a_list_of_models_that_is_only_a_courtesy() -> None:
    """The error for an unknown model adds the models that exist, and does not wait for them longer than it may."""
    unknown = json.dumps({"error": {"message": "no such model", "code": "model_not_found"}}).encode()
    head = b"HTTP/1.1 404 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(unknown)
    # The second request on this line gets no answer.
    with dripping(head + unknown, b"") as url, pytest.raises(ModelNotFoundError):
        ask(chat(url), "complete", deadline=DEADLINE)


CALL = {"id": "call_1", "type": "function", "function": {"name": "slow", "arguments": "{}"}}


def calls_for(server: LoopbackServer) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    server.answer({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}], "model": "m"})


def test_a_tool_that_does_not_come_back(server: LoopbackServer) -> None:
    over = threading.Event()

    @tool
    def slow() -> str:
        """Wait for long."""
        over.wait(30)
        return "done"

    calls_for(server)
    with chat(server.url) as llm:
        with in_time():
            run_tools(llm, "Hi", [slow], deadline=DEADLINE)
        with in_time():
            asyncio.run(closed(llm, run_tools_async(llm, "Hi", [slow], deadline=DEADLINE)))
    over.set()


async def closed(llm: Provider, work: Any) -> Any:
    async with llm:
        return await work


@pytest.mark.parametrize("shape", SHAPES)
def test_a_retry_that_would_come_too_late_is_not_waited_for(server: LoopbackServer, shape: str) -> None:
    server.answer({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "60"})
    started = now()
    with pytest.raises(LLMTimeoutError, match=r"the deadline of 5 s .* 1 attempt\..*openrouter answered 429"):
        ask(chat(server.url), shape, deadline=5)
    assert now() - started < 5
    assert len(server.seen) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_in_time_is_an_answer(server: LoopbackServer, shape: str) -> None:
    server.answer(bodies.STREAM["openrouter"] if "stream" in shape else bodies.CHAT)
    assert ask(chat(server.url), shape, deadline=30).content
    assert "deadline" not in server.seen[0].body


def test_an_sdk_client_holds_it_too(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT, delay=threading.Event())
    client = openai.OpenAI(base_url=server.url, api_key="k")
    with client, pytest.raises(LLMTimeoutError):
        provider("openai", server.url, client=client, api="chat").complete("Hi", deadline=0.2)
    other = anthropic.Anthropic(base_url=server.url, api_key="k")
    with other, pytest.raises(LLMTimeoutError):
        provider("anthropic", server.url, client=other).complete("Hi", deadline=0.2)


@pytest.mark.parametrize("wrong", [0, -1, "soon", True], ids=repr)
def test_a_deadline_is_seconds_above_0(server: LoopbackServer, wrong: Any) -> None:
    with pytest.raises(LLMInvalidRequestError, match="deadline must be seconds above 0"):
        chat(server.url).complete("Hi", deadline=wrong)
