"""Text completion and the session. If one fails, older programs cannot move, or nobody knows what was sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import openai as openai_sdk
import pytest

import llmlab
from llmlab import LLMAPIError, LLMInvalidRequestError
from llmlab.providers import Provider, get_provider
from tests.core import bodies
from tests.core.conftest import slept as slept
from tests.core.trying import SHAPES, ask, call, provider, twice
from tests.loopback import LoopbackServer

LEGACY = {
    "id": "cmpl-1",
    "model": "m-1",
    "choices": [{"index": 0, "text": bodies.TEXT, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}
GENERATE = {
    "model": "m-1",
    "response": bodies.TEXT,
    "done": True,
    "done_reason": "length",
    "prompt_eval_count": 5,
    "eval_count": 3,
}
TEXT_PATHS = {"openai": "/v1/completions", "ollama": "/api/generate", "local_gpt_oss": "/v1/completions"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    llmlab.start("offline", recordings=tmp_path, pace=0)
    yield
    llmlab.stop()


@pytest.mark.parametrize(("name", "method"), [*zip(TEXT_PATHS, cycle(twice("completion")))])
def test_a_text_goes_on(name: str, method: str, server: LoopbackServer) -> None:
    server.answer(GENERATE if name == "ollama" else LEGACY)
    answer = call(provider(name, server.url), method, "Once upon", model="old", max_tokens=3)
    assert (answer.content, answer.provider, answer.finish_reason) == (bodies.TEXT, name, "length")
    assert (answer.usage.total_tokens, answer.model, answer.source) == (8, "m-1", "live")
    body = server.seen[0].body
    assert server.seen[0].path == TEXT_PATHS[name]
    limit = body["options"]["num_predict"] if name == "ollama" else body["max_tokens"]
    assert (body["model"], body["prompt"], limit) == ("old", "Once upon", 3)
    assert not body.get("stream")
    assert "messages" not in body


@pytest.mark.parametrize(("name", "shape"), [*zip(TEXT_PATHS, cycle(("completion_stream_async", "completion_stream")))])
@pytest.mark.usefixtures("lab")
def test_a_text_goes_on_piece_by_piece(name: str, shape: str) -> None:
    """Else a long text is seen only when it is whole."""
    made = get_provider(name)
    model = "gpt-3.5-turbo-instruct" if name == "openai" else None
    answer = ask(made, shape, "What is 2 + 2?", model=model)
    assert ("4" in answer.content, answer.source, answer.provider) == (True, "simulated", name)
    assert answer.time_to_first_token is not None
    assert made.get_last_response() == answer
    sent = llmlab.trace().frame()
    assert sent["path"].item().endswith(TEXT_PATHS[name])


@pytest.mark.parametrize("shape", ["completion_stream", "completion_stream_async"])
def test_only_one_text_is_streamed(shape: str, server: LoopbackServer) -> None:
    with pytest.raises(LLMInvalidRequestError, match="Call completion_stream for each"):
        ask(provider("ollama", server.url), shape, ["a", "b"])
    with pytest.raises(LLMInvalidRequestError, match="anthropic has no text completion"):
        ask(provider("anthropic", server.url), shape, "a")
    assert server.seen == []


@pytest.mark.parametrize("method", twice("completion"))
def test_a_list_gives_a_list_in_order(method: str, server: LoopbackServer) -> None:
    for text in "abc":
        server.answer({**GENERATE, "response": text})
    made = provider("ollama", server.url)
    assert [answer.content for answer in call(made, method, ["1", "2", "3"])] == ["a", "b", "c"]
    assert [seen.body["prompt"] for seen in server.seen] == ["1", "2", "3"]
    assert call(made, method, []) == []
    last = made.get_last_response()
    assert (last and last.content, made.get_request_count()) == ("c", 3)


@pytest.mark.parametrize(("name", "method"), [("anthropic", "completion"), ("openrouter", "completion_async")])
def test_a_provider_without_text_completion_refuses_it(name: str, method: str, server: LoopbackServer) -> None:
    with pytest.raises(LLMInvalidRequestError, match=f"{name} has no text completion. Use complete"):
        call(provider(name, server.url), method, "Once upon")
    assert server.seen == []


def test_a_wrong_prompt_or_option_is_refused_before_anything_is_sent(server: LoopbackServer) -> None:
    messages: list[Any] = [{"role": "user"}, [{"role": "user", "content": "Hi"}], 3, None]
    for prompt in messages:
        with pytest.raises(LLMInvalidRequestError, match=r"there is complete\(messages\)"):
            provider("ollama", server.url).completion(prompt)
    for name in TEXT_PATHS:
        with pytest.raises(LLMInvalidRequestError, match="is empty"):
            provider(name, server.url).completion(["fine", " "])
        with pytest.raises(LLMInvalidRequestError, match="has no tools"):
            provider(name, server.url).completion("fine", tools=[{"name": "clock"}])
    assert server.seen == []


def test_an_sdk_client_carries_texts_too(server: LoopbackServer) -> None:
    server.answer(LEGACY)
    with openai_sdk.OpenAI(api_key="not-a-real-key", base_url=server.url) as client:
        assert get_provider("openai", client=client).completion("Once upon").content == bodies.TEXT
    assert server.seen[0].path == "/completions"


@pytest.mark.parametrize("name", ["ollama", "local_gpt_oss"])
@pytest.mark.usefixtures("lab")
def test_offline_a_text_goes_on_as_well(name: str) -> None:
    answer = get_provider(name).completion("What is 2 + 2?")
    assert "4" in answer.content
    assert (answer.source, answer.usage.output_tokens > 0) == ("simulated", True)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_answer_is_kept_in_every_call_shape(shape: str, server: LoopbackServer) -> None:
    server.answer((bodies.STREAM if "stream" in shape else bodies.WHOLE)["openai"])
    made = provider("openai", server.url)
    assert (made.get_last_response(), made.get_request_count()) == (None, 0)
    answer = ask(made, shape)
    assert (made.get_last_response(), made.get_request_count()) == (answer, 1)
    made.reset_session()
    assert (made.get_last_response(), made.get_request_count()) == (None, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_retries_are_counted_too(shape: str, server: LoopbackServer, slept: list[float]) -> None:
    """Each of them counts against a rate limit, so the number must be that of the requests that went out."""
    server.answer("down", 500)
    made = provider("openai", server.url, max_retries=2)
    with pytest.raises(LLMAPIError):
        ask(made, shape)
    assert made.get_request_count() == len(server.seen) == 3
    assert made.get_last_response() is None


def test_a_refused_request_is_not_counted() -> None:
    made: Provider = provider("ollama", "http://127.0.0.1:9")
    with pytest.raises(LLMInvalidRequestError):
        made.complete([])
    assert made.get_request_count() == 0


def test_threads_and_tasks_share_one_count(server: LoopbackServer) -> None:
    server.answer(bodies.WHOLE["ollama"])
    made = provider("ollama", server.url)
    made.complete("Hi")
    threads = [threading.Thread(target=made.complete, args=("Hi",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def many() -> None:
        async with made:
            await asyncio.gather(*(made.complete_async("Hi") for _ in range(8)))

    asyncio.run(many())
    made.close()
    assert made.get_request_count() == len(server.seen) == 17
