"""A deadline is for the whole call. If one fails, a page waits for ever for an answer that drips in."""

from __future__ import annotations

import threading
from typing import Any

import anthropic
import openai
import pytest

from llmlab._utils.clock import now
from llmlab.errors import LLMInvalidRequestError, LLMStreamError, LLMTimeoutError
from llmlab.providers import Provider
from tests.core import bodies
from tests.core.trying import SHAPES, ask, provider
from tests.loopback import LoopbackServer


def chat(server: LoopbackServer, **options: Any) -> Provider:
    return provider("openrouter", server.url, retry_delay=0, **options)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_silent_service_is_left_at_the_deadline(server: LoopbackServer, shape: str) -> None:
    server.answer(bodies.CHAT, delay=threading.Event())
    with pytest.raises(LLMTimeoutError):
        ask(chat(server), shape, deadline=0.2)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_an_answer_that_drips_in_does_not_outlast_it(server: LoopbackServer, shape: str) -> None:
    """Each byte is a sign of life, so the ordinary timeout never comes."""
    server.answer(bodies.CHAT, piece=1, pause=0.02)
    with pytest.raises(LLMTimeoutError):
        ask(chat(server, max_retries=0), shape, deadline=0.3)


@pytest.mark.parametrize("shape", SHAPES[2:])
def test_a_stream_that_drips_in_does_not_outlast_it_either(server: LoopbackServer, shape: str) -> None:
    server.answer(bodies.STREAM["openrouter"], piece=4, pause=0.02)
    with pytest.raises((LLMStreamError, LLMTimeoutError), match="deadline"):
        ask(chat(server, max_retries=0), shape, deadline=0.4)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_retry_that_would_come_too_late_is_not_waited_for(server: LoopbackServer, shape: str) -> None:
    server.answer({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "60"})
    started = now()
    with pytest.raises(LLMTimeoutError, match=r"the deadline of 5 s .* 1 attempt\..*openrouter answered 429"):
        ask(chat(server), shape, deadline=5)
    assert now() - started < 5
    assert len(server.seen) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_in_time_is_an_answer(server: LoopbackServer, shape: str) -> None:
    server.answer(bodies.STREAM["openrouter"] if "stream" in shape else bodies.CHAT)
    assert ask(chat(server), shape, deadline=30).content
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
        chat(server).complete("Hi", deadline=wrong)
