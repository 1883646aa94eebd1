"""Offline, as a learner meets it: the real SDKs, the real simulator, no key and no socket."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest

import llmlab
from llmlab.errors import RecordingMissError
from tests.loopback import LoopbackServer

GPT, CLAUDE, OSS = "gpt-6-luna", "claude-haiku-5-5", "gpt-oss:20b"
ASK = [{"role": "user", "content": "What is 17 * 3?"}]


@pytest.fixture(params=["offline", "replay"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_openai_answers_without_a_key(no_socket: None) -> None:
    with llmlab.start(), openai.OpenAI() as client:
        assert "51" in client.responses.create(model=GPT, input="What is 17 * 3?").output_text
        events = list(client.responses.create(model=GPT, input="What is 17 * 3?", stream=True))
        chat = client.chat.completions.create(model=GPT, messages=ASK)  # type: ignore[arg-type]
        raw = client.responses.with_raw_response.create(model=GPT, input="What is 17 * 3?")
    assert events[-1].type == "response.completed"
    assert "51" in str(chat.choices[0].message.content)
    assert raw.headers["x-llmlab-source"] == "simulated"


def test_anthropic_answers_without_a_key(no_socket: None) -> None:
    with llmlab.start(), anthropic.Anthropic() as client:
        message = client.messages.create(model=CLAUDE, max_tokens=50, messages=ASK)  # type: ignore[arg-type]
        with client.messages.stream(model=CLAUDE, max_tokens=50, messages=ASK) as stream:  # type: ignore[arg-type]
            text = "".join(stream.text_stream)
    assert "51" in message.content[0].text  # type: ignore[union-attr]
    assert "51" in text


def test_ollama_answers_without_a_server(no_socket: None) -> None:
    with llmlab.start():
        client = ollama.Client()
        whole = client.chat(model=OSS, messages=ASK)
        pieces = list(client.chat(model=OSS, messages=ASK, stream=True))
        client.close()
    assert "51" in str(whole.message.content)
    assert pieces[-1].done


def test_async_sdks_answer_at_the_same_time(no_socket: None) -> None:
    async def ask() -> tuple[Any, Any, list[Any]]:
        async with openai.AsyncOpenAI() as gpt, anthropic.AsyncAnthropic() as claude:
            one, other = await asyncio.gather(
                gpt.responses.create(model=GPT, input="What is 17 * 3?"),
                claude.messages.create(model=CLAUDE, max_tokens=50, messages=ASK),  # type: ignore[arg-type]
            )
            stream = await gpt.responses.create(model=GPT, input="What is 17 * 3?", stream=True)
            return one, other, [event async for event in stream]

    with llmlab.start():
        gpt, claude, events = asyncio.run(ask())
    assert "51" in gpt.output_text
    assert "51" in claude.content[0].text
    assert events[-1].type == "response.completed"


def test_the_simulated_answer_is_the_same_every_time(no_socket: None) -> None:
    with llmlab.start():
        answers = [httpx.post("http://localhost:11434/api/chat", json={"model": OSS, "messages": ASK}) for _ in "ab"]
    assert answers[0].content == answers[1].content


def test_the_sdk_raises_its_own_error_for_a_refused_request(no_socket: None) -> None:
    with llmlab.start(), openai.OpenAI() as client, pytest.raises(openai.BadRequestError, match="no-such-model"):
        client.responses.create(model="no-such-model", input="Hi")


def test_nothing_is_ever_sent(mode: str, no_socket: None, folder: Path) -> None:
    """Whatever the address, in both modes, from both libraries, no socket is touched."""
    addresses = [
        "https://api.openai.com/v1/models",
        "https://api.anthropic.com/v1/models",
        "https://openrouter.ai/api/v1/models",
        "http://localhost:11434/api/tags",
        "http://127.0.0.1:8080/v1/models",
        "https://somewhere.example/v1/chat/completions",
    ]

    async def ask(library: Any, address: str) -> None:
        async with library.AsyncClient() as client:
            await client.get(address)

    asked = 0
    with llmlab.start(mode, recordings=folder) as tape:
        for library in (httpx, httpx2):
            for address in addresses:
                for call in (lambda: library.get(address), lambda: asyncio.run(ask(library, address))):  # noqa: B023
                    asked += 1
                    if mode == "offline":
                        call()
                    else:
                        with pytest.raises(RecordingMissError):
                            call()
        assert len(tape.trace) == asked == 24


def test_a_server_on_this_machine_is_not_asked_either(mode: str, server: LoopbackServer, folder: Path) -> None:
    """A learner's own Ollama must not answer in place of the recordings."""
    server.answer({"models": []})
    with llmlab.start(mode, recordings=folder):
        try:
            httpx.get(server.url + "/api/tags")
        except RecordingMissError:
            assert mode == "replay"
    assert server.connections == 0


def test_a_key_in_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-learner-1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    with llmlab.start():
        assert os.environ["OPENAI_API_KEY"] == "sk-of-the-learner-1"
        assert os.environ["ANTHROPIC_API_KEY"] == "offline-no-key-needed"
        assert os.environ["OPENROUTER_API_KEY"] == "offline-no-key-needed"
    assert os.environ["OPENAI_API_KEY"] == "sk-of-the-learner-1"
    assert os.environ["ANTHROPIC_API_KEY"] == ""
    assert "OPENROUTER_API_KEY" not in os.environ


def test_a_key_that_the_learner_sets_meanwhile_survives() -> None:
    llmlab.start()
    os.environ["OPENAI_API_KEY"] = "sk-set-in-a-cell-1"
    llmlab.stop()
    try:
        assert os.environ["OPENAI_API_KEY"] == "sk-set-in-a-cell-1"
    finally:
        del os.environ["OPENAI_API_KEY"]
