"""Exchanges over a real connection, through llmlab's own transport and through handed-in SDK clients.

If one fails, an answer is read differently depending on what carried it, how it was cut, or whether the call was async.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import anthropic
import openai
import pytest

from llmlab.errors import LLMError, LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, OLLAMA, OPENAI_CHAT, Format
from llmlab.providers import Provider
from llmlab.types.completion import Completion
from tests.exchanges import ANSWERS, ERRORS, Exchange
from tests.loopback import LoopbackServer

PAIRS = ((("own", "sync"), ("sdk", "async")), (("own", "async"), ("sdk", "sync")))
"""Carrier and call type: every exchange meets both carriers and both types; every pair meets half of the exchanges."""


def ask(format: Format, url: str, carrier: str, call_type: str, stream: bool) -> Completion:
    """Send a prompt and return the answer; where it streams, its chunks must add up to it."""

    class Tried(Provider):
        name = "tried"
        default_model = "m"
        default_base_url = url

    Tried.format = format
    library: Any = anthropic if format is ANTHROPIC_MESSAGES else openai
    name = "Anthropic" if library is anthropic else "OpenAI"
    settings = {"api_key": "not-a-real-key", "base_url": url}
    if call_type == "sync":
        client = getattr(library, name)(**settings) if carrier == "sdk" else None
        with client or nullcontext(), Tried(client=client, max_retries=0) as provider:
            if not stream:
                return provider.complete("Hi")
            with provider.complete_stream("Hi") as chunks:
                shown = "".join(str(chunk) for chunk in chunks)
            assert shown == chunks.result.content
            return chunks.result

    async def ask_async() -> Completion:
        client = getattr(library, f"Async{name}")(**settings) if carrier == "sdk" else None
        async with client or nullcontext(), Tried(client=client, max_retries=0) as provider:
            if not stream:
                return await provider.complete_async("Hi")
            async with provider.complete_stream_async("Hi") as chunks:
                shown = "".join([str(chunk) async for chunk in chunks])
            assert shown == chunks.result.content
            return chunks.result

    return asyncio.run(ask_async())


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=lambda number: ANSWERS[number].name)
def test_an_answer_is_the_same_however_it_is_carried(number: int, server: LoopbackServer) -> None:
    one = ANSWERS[number]
    assert one.format
    body = one.body.replace("\r\n", "\n").replace("\n", "\r\n") if one.stream else one.body
    kind = "text/event-stream" if one.stream else "application/json"
    server.answer(body, headers={"content-type": kind, "x-request-id": "req_1"}, piece=7 if one.stream else 0)
    for carrier, call_type in PAIRS[number % 2]:
        if carrier == "sdk" and one.format is OLLAMA:
            continue
        if not one.expect.get("stream_error") and not one.expect.get("cut"):
            answer = ask(one.format, server.url, carrier, call_type, one.stream)
            assert one.differences(answer) == {}
            assert answer.source == "live"
            assert answer.raw_response
            continue
        with pytest.raises(LLMStreamError) as caught:
            ask(one.format, server.url, carrier, call_type, one.stream)
        assert caught.value.partial == one.expect.get("text", "")
        assert caught.value.request_id == "req_1"
        if "input_tokens" in one.expect:
            assert caught.value.usage.input_tokens == one.expect["input_tokens"]


@pytest.mark.parametrize("number", range(len(ERRORS)), ids=lambda number: ERRORS[number].name)
def test_an_error_is_the_same_however_it_is_carried(number: int, server: LoopbackServer) -> None:
    """An error status comes in place of a whole answer and of a stream."""
    one: Exchange = ERRORS[number]
    headers = {name: value for name, value in one.headers.items() if not name.startswith("content-")}
    server.answer(one.body, one.status, headers=headers)
    format = ANTHROPIC_MESSAGES if one.provider == "anthropic" else OPENAI_CHAT
    for stream, (carrier, call_type) in enumerate(PAIRS[number % 2]):
        with pytest.raises(LLMError) as caught:
            ask(format, server.url, carrier, call_type, bool((stream + number // 2) % 2))
        assert type(caught.value) is not LLMError
        assert caught.value.status_code == one.expect.get("http_status", one.expect.get("error_code"))
        assert caught.value.code == one.expect.get("error_code", one.expect.get("error_type"))
        assert caught.value.provider == "tried"
