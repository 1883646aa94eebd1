"""Real traffic over a real connection, through llmlab's own transport and through handed-in SDK clients.

If one fails, an answer is read differently depending on who carried it, how it was cut, or whether the call was async.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import anthropic
import openai
import pytest

from llmlab.errors import LLMError, LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, OLLAMA, OPENAI_COMPLETIONS
from llmlab.providers import Provider
from llmlab.types.completion import Completion
from tests.loopback import LoopbackServer
from tests.wire.samples import ANSWERS, ERRORS, Sample

CARRIERS = ("own", "sdk")
SHAPES = ("sync", "async")


def provider_for(sample: Sample, url: str, client: Any) -> Provider:
    class Tried(Provider):
        name = "tried"
        format = sample.format  # type: ignore[assignment]
        default_model = "m"
        default_base_url = url

    return Tried(client=client, max_retries=0)


def ask(sample: Sample, url: str, carrier: str, shape: str, stream: bool) -> Completion:
    library: Any = anthropic if sample.format is ANTHROPIC_MESSAGES else openai
    name = "Anthropic" if library is anthropic else "OpenAI"
    settings = {"api_key": "not-a-real-key", "base_url": url}
    if shape == "sync":
        client = getattr(library, name)(**settings) if carrier == "sdk" else None
        with client or nullcontext(), provider_for(sample, url, client) as provider:
            if not stream:
                return provider.complete("Hi")
            with provider.complete_stream("Hi") as pieces:
                shown = "".join(str(piece) for piece in pieces)
            assert shown == pieces.result.content
            return pieces.result

    async def asked() -> Completion:
        client = getattr(library, f"Async{name}")(**settings) if carrier == "sdk" else None
        async with client or nullcontext(), provider_for(sample, url, client) as provider:
            if not stream:
                return await provider.complete_async("Hi")
            async with provider.complete_stream_async("Hi") as pieces:
                shown = "".join([str(piece) async for piece in pieces])
            assert shown == pieces.result.content
            return pieces.result

    return asyncio.run(asked())


def carried(sample: Sample, carrier: str) -> bool:
    return carrier == "own" or sample.format is not OLLAMA


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("sample", "carrier"),
    [(s, c) for s in ANSWERS for c in CARRIERS if carried(s, c)],
    ids=lambda value: getattr(value, "name", value),
)
def test_an_answer_is_the_same_however_it_is_carried(
    sample: Sample, carrier: str, shape: str, server: LoopbackServer
) -> None:
    body = sample.body.replace("\r\n", "\n").replace("\n", "\r\n") if sample.stream else sample.body
    kind = {True: "text/event-stream", False: "application/json"}[sample.stream]
    server.answer(body, headers={"content-type": kind, "x-request-id": "req_1"}, piece=7)
    if not sample.expect.get("stream_error"):
        answer = ask(sample, server.url, carrier, shape, sample.stream)
        assert sample.differences(answer) == {}
        assert answer.source == "live"
        assert answer.raw_response
        return
    with pytest.raises(LLMStreamError) as caught:
        ask(sample, server.url, carrier, shape, sample.stream)
    assert caught.value.partial == sample.expect.get("text", "")
    assert caught.value.request_id == "req_1"
    if "input_tokens" in sample.expect:
        assert caught.value.usage.input_tokens == sample.expect["input_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("sample", ERRORS, ids=lambda sample: sample.name)
def test_an_error_is_the_same_however_it_is_carried(
    sample: Sample, carrier: str, shape: str, stream: bool, server: LoopbackServer
) -> None:
    headers = {name: value for name, value in sample.headers.items() if not name.startswith("content-")}
    server.answer(sample.body, sample.status, headers=headers)
    speaking = next(s for s in ANSWERS if s.provider == "openai" and s.format is not OPENAI_COMPLETIONS)
    if sample.provider == "anthropic":
        speaking = next(s for s in ANSWERS if s.format is ANTHROPIC_MESSAGES)
    with pytest.raises(LLMError) as caught:
        ask(speaking, server.url, carrier, shape, stream)
    assert type(caught.value) is not LLMError
    assert caught.value.status_code == sample.status
    assert caught.value.code == sample.expect.get("error_code", sample.expect.get("error_type"))
    assert caught.value.provider == "tried"
