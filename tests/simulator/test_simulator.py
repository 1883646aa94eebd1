"""The simulator as a whole: services, keys, determinism, pace, limits, another responder."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_requests import CHAT, HEADERS, WEATHER, ask, chat, events, messages, ollama, responses, text_of, user

from llmlab.lab.simulator import Simulator, simulate
from llmlab.lab.simulator.conversation import Conversation, Reply
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

HI = user("Hi")


def test_a_key_is_needed_and_never_echoed() -> None:
    """Else the lesson on errors cannot show a 401, or shows a part of somebody's key."""
    secret = "sk-proj-INVALID-0a1b2c3d4e5f"
    wrong = {"anthropic-version": "2023-06-01", "authorization": f"Bearer {secret}", "x-api-key": secret}
    for alias, path, body in [
        ("openai", "/v1/responses", {"model": "gpt-6-luna", "input": "Hi"}),
        ("openai", "/v1/chat/completions", {"model": "gpt-6-luna", "messages": HI}),
        ("anthropic", "/v1/messages", {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": HI}),
        ("openrouter", "/api/v1/chat/completions", {"model": "openrouter/free", "messages": HI}),
    ]:
        assert ask(alias, path, body, headers={}).status == 401, path
        answer = ask(alias, path, body, headers=wrong)
        assert answer.status == 401, path
        text = json.dumps([answer.body, answer.headers])
        assert not any(secret[at : at + 6] in text for at in range(len(secret) - 5)), path
        assert ask(alias, path, body).status == 200, path
    assert ollama("/api/chat", messages=HI).status == chat("local_gpt_oss", "Hi").status == 200


def every_answer() -> list[TapeAnswer]:
    """One answer of every kind, whole and streamed."""
    tools = [{"type": "function", "function": WEATHER}]
    kinds: list[TapeAnswer] = []
    for stream in (False, True):
        kinds += [chat(alias, "Weather in Oslo?", stream=stream, tools=tools) for alias in CHAT]
        kinds += [chat(alias, "Say hello", stream=stream) for alias in CHAT]
        kinds += [responses("Say hello", stream=stream), messages("Say hello", stream=stream)]
        kinds += [ollama("/api/chat", messages=HI, stream=stream), ollama("/api/generate", prompt="Hi", stream=stream)]
    return kinds


def test_the_same_request_gives_the_same_bytes() -> None:
    """Else stored outputs of notebooks change from run to run, or with an SDK's version, or with another key."""
    answers = every_answer()
    assert answers == every_answer()
    assert {answer.source for answer in answers} == {"simulated"}
    other = {"authorization": "Bearer another", "user-agent": "OpenAI/Python 99"}
    assert ask("openai", "/v1/models", method="GET") == ask("openai", "/v1/models", method="GET", headers=other)


def test_streams_keep_a_believable_pace() -> None:
    """Else time to first token and tokens per second cannot be shown offline."""
    for answer in every_answer():
        if answer.events is None:
            assert 0.01 < answer.seconds < 20
            continue
        times = [time for time, _ in answer.events]
        assert times == sorted(times)
        assert 0.05 < times[0] < 3
    slow, fast = (chat(alias, "Why is the sky blue?", stream=True).events for alias in ("local_gpt_oss", "openai"))
    assert slow
    assert fast
    assert slow[-1][0] > 2 * fast[-1][0]


def test_an_unknown_host_is_understood_by_its_paths() -> None:
    """Else a server of one's own, at another port, has no answers offline."""
    for path, model, key in [
        ("/v1/responses", "gpt-6-luna", "output"),
        ("/responses", "gpt-6-luna", "output"),
        ("/v1/messages", "claude-haiku-5-5", "stop_reason"),
        ("/v1/chat/completions", "gpt-oss:120b", "choices"),
        ("/chat/completions", "gpt-6-luna", "choices"),
        ("/api/v1/chat/completions", "openrouter/free", "provider"),
        ("/api/chat", "gpt-oss:20b", "message"),
    ]:
        headers = {"anthropic-version": "2023-06-01"} if path == "/v1/messages" else {}
        body = {"model": model, "messages": HI, "input": "Hi", "max_tokens": 9, "stream": False}
        if "gpt-6" in model:
            del body["max_tokens"]
        answer = simulate(TapeRequest("POST", "localhost:1234", path + "?beta=true", headers, body))
        assert (answer.status, key in answer.body) == (200, True), path


def test_a_seed_fixes_the_answer() -> None:
    """Else `seed` does nothing: the same one must repeat an answer, another one may change it."""

    def joke(**more: Any) -> str:
        return text_of(chat("local_gpt_oss", "Tell me a joke", max_tokens=100, **more))

    assert len({joke(seed=7, top_p=p, temperature=1.0) for p in (0.5, 0.7, 0.9)}) == 1
    assert len({joke(seed=seed, temperature=1.0) for seed in range(9)}) == 3
    assert len({joke(seed=seed, temperature=0) for seed in range(9)}) == 1
    options = [{"seed": seed, "temperature": 0.8} for seed in range(9)]
    jokes = {text_of(ollama("/api/generate", prompt="Tell me a joke", options=one, stream=False)) for one in options}
    assert len(jokes) == 3


def test_a_request_can_be_too_long() -> None:
    """Else the one limit that every program meets cannot be practised."""
    long = "word " * 140_000
    rows: list[tuple[str, str, Any, str]] = [
        ("openai", "/v1/chat/completions", {"model": "gpt-4o", "messages": user(long)}, "maximum context length is"),
        ("openai", "/v1/responses", {"model": "gpt-4o", "input": long}, "exceeds the context window"),
        ("openai", "/v1/embeddings", {"model": "text-embedding-3-small", "input": long}, "maximum context length is"),
        (
            "anthropic",
            "/v1/messages",
            {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": user(long * 2)},
            "prompt is too long: ",
        ),
        (
            "openrouter",
            "/api/v1/chat/completions",
            {"model": "openai/gpt-oss-20b:free", "messages": user(long)},
            "maximum context length is",
        ),
        (
            "local_gpt_oss",
            "/v1/chat/completions",
            {"model": "gpt-oss:120b", "messages": user(long)},
            "exceeds the available context size",
        ),
    ]
    for alias, path, body, part in rows:
        answer = ask(alias, path, body)
        assert (answer.status, part in answer.body["error"]["message"]) == (400, True), path


@given(text=st.text())
def test_a_streamed_answer_is_the_whole_one(text: str) -> None:
    """Else streaming loses or doubles text for some prompts."""
    whole, streamed = (chat("openai", "Say: " + text, stream=stream) for stream in (False, True))
    deltas = (chunk["choices"][0]["delta"].get("content") or "" for chunk in events(streamed))
    assert "".join(deltas) == whole.body["choices"][0]["message"]["content"]


def test_another_responder_answers_in_every_wire_format() -> None:
    """Else a real model cannot take the place of the built-in responder."""
    seen: list[Conversation] = []

    def model(conversation: Conversation) -> Reply:
        seen.append(conversation)
        return Reply("I am a model.", tokens=5)

    simulator = Simulator(model)
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("openai", "/v1/responses", {"model": "gpt-6-luna", "input": "Hi"}),
        ("anthropic", "/v1/messages", {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": HI}),
        ("ollama", "/api/chat", {"model": "gpt-oss:20b", "messages": HI, "stream": False}),
        *((alias, path, {"model": name, "messages": HI}) for alias, (path, name) in CHAT.items()),
    ]
    for alias, path, body in rows:
        assert text_of(simulator.answer(TapeRequest("POST", alias, path, HEADERS[alias], body))) == "I am a model.", (
            alias
        )
    assert {conversation.prompt for conversation in seen} == {"Hi"}


def test_a_bug_looks_like_a_server_error(caplog: pytest.LogCaptureFixture) -> None:
    """Else a bug in here ends a learner's cell with a traceback of the tape."""

    def broken(conversation: Conversation) -> Reply:
        raise RuntimeError("a bug")

    path, model = CHAT["openai"]
    request = TapeRequest("POST", "openai", path, HEADERS["openai"], {"model": model, "messages": HI})
    answer = Simulator(broken).answer(request)
    assert (answer.status, answer.body["error"]["type"]) == (500, "api_error")
    assert "a bug" in caplog.text


def test_threads_may_share_a_simulator() -> None:
    """Else two threads that upload at once lose a file, or share an id."""
    simulator, ids = Simulator(), []
    form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a", "value": "x"}]
    request = TapeRequest("POST", "openai", "/v1/files", HEADERS["openai"], {"multipart": form})
    threads = [
        threading.Thread(target=lambda: ids.extend(simulator.answer(request).body["id"] for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 160
    listing = TapeRequest("GET", "openai", "/v1/files?limit=1000", HEADERS["openai"])
    assert len(simulator.answer(listing).body["data"]) == 160
