"""The simulator as a whole: who is asked, keys, determinism, pace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_asking import CHAT, WEATHER, ask, chat, events, messages, ollama, responses, user

from llmlab.lab.simulator import simulate
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

KEYED = [
    ("openai", "/v1/responses", {"model": "gpt-6-luna", "input": "Hi"}),
    ("openai", "/v1/chat/completions", {"model": "gpt-6-luna", "messages": user("Hi")}),
    ("anthropic", "/v1/messages", {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": user("Hi")}),
    ("openrouter", "/api/v1/chat/completions", {"model": "openrouter/free", "messages": user("Hi")}),
]


@pytest.mark.parametrize(("alias", "path", "body"), KEYED)
def test_a_key_is_needed_and_never_echoed(alias: str, path: str, body: Any) -> None:
    """Else the lesson on errors cannot show a 401, or shows a part of somebody's key."""
    assert ask(alias, path, body, headers={}).status == 401
    secret = "sk-proj-INVALID-0a1b2c3d4e5f"
    kept = {"anthropic-version": "2023-06-01"}
    answer = ask(alias, path, body, headers=kept | {"authorization": f"Bearer {secret}", "x-api-key": secret})
    assert answer.status == 401
    said = json.dumps([answer.body, answer.headers])
    assert not any(secret[at : at + 6] in said for at in range(len(secret) - 5))
    assert ask(alias, path, body).status == 200


def test_local_services_need_no_key() -> None:
    """Else offline Ollama asks for something that the real one never wants."""
    assert ollama("/api/chat", messages=user("Hi")).status == 200
    assert chat("local_gpt_oss", "Hi").status == 200


def every_answer() -> list[TapeAnswer]:
    """One answer of every kind, plain and streamed."""
    tools = [{"type": "function", "function": WEATHER}]
    kinds: list[TapeAnswer] = []
    for stream in (False, True):
        kinds += [chat(alias, "Weather in Oslo?", stream=stream, tools=tools) for alias in CHAT]
        kinds += [chat(alias, "Say hello", stream=stream) for alias in CHAT]
        kinds += [responses("Say hello", stream=stream), messages("Say hello", stream=stream)]
        kinds += [
            ollama("/api/chat", messages=user("Hi"), stream=stream),
            ollama("/api/generate", prompt="Hi", stream=stream),
        ]
    return kinds


def test_the_same_request_gives_the_same_bytes() -> None:
    """Else stored outputs of notebooks change from run to run."""
    assert every_answer() == every_answer()


def test_headers_do_not_change_the_answer() -> None:
    """Else an SDK's new version, or another key, changes stored outputs."""
    body = {"model": "gpt-6-luna", "input": "Hi"}
    other = {"authorization": "Bearer another", "user-agent": "OpenAI/Python 99"}
    assert ask("openai", "/v1/responses", body) == ask("openai", "/v1/responses", body, headers=other)


def test_every_answer_says_that_it_is_simulated() -> None:
    """Else a simulated answer passes for a real one."""
    assert {answer.source for answer in every_answer()} == {"simulated"}
    for alias in CHAT:
        assert chat(alias, "Hi").body["system_fingerprint"] == "fp_llmlab_simulator"


def test_streams_keep_a_believable_pace() -> None:
    """Else time to first token and tokens per second cannot be shown offline."""
    for answer in every_answer():
        if answer.events is None:
            assert 0.01 < answer.seconds < 20
            continue
        moments = [moment for moment, _ in answer.events]
        assert moments == sorted(moments)
        assert 0.05 < moments[0] < 3
    slow, fast = (chat(alias, "Why is the sky blue?", stream=True).events for alias in ("local_gpt_oss", "openai"))
    assert slow is not None
    assert fast is not None
    assert slow[-1][0] > 2 * fast[-1][0]


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/v1/responses", {"model": "gpt-6-luna", "input": "Hi"}, "output"),
        ("/responses", {"model": "gpt-6-luna", "input": "Hi"}, "output"),
        ("/v1/messages", {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": user("Hi")}, "stop_reason"),
        ("/v1/chat/completions", {"model": "gpt-oss:120b", "messages": user("Hi")}, "choices"),
        ("/chat/completions", {"model": "gpt-6-luna", "messages": user("Hi")}, "choices"),
        ("/api/v1/chat/completions", {"model": "openrouter/free", "messages": user("Hi")}, "provider"),
        ("/api/chat", {"model": "gpt-oss:20b", "messages": user("Hi"), "stream": False}, "message"),
    ],
)
def test_an_unknown_host_is_understood_by_its_paths(path: str, body: Any, key: str) -> None:
    """Else a server of one's own, at another port, has no answers offline."""
    headers = {"anthropic-version": "2023-06-01"} if path == "/v1/messages" else {}
    answer = simulate(TapeRequest("POST", "localhost:1234", path + "?beta=true", headers, body))
    assert answer.status == 200
    assert key in answer.body


def test_half_characters_do_not_reach_the_wire() -> None:
    """Else one broken emoji in a prompt makes an answer that cannot be written as UTF-8."""
    for answer in (
        responses("Say \ud83d"),
        responses("\ude00?", stream=True),
        chat("ollama", "Say \ud83d", model="\ud83d"),
    ):
        json.dumps([answer.body, answer.events], ensure_ascii=False).encode("utf-8")


@settings(deadline=None)
@given(text=st.text())
def test_a_streamed_answer_is_the_plain_one(text: str) -> None:
    """Else streaming loses or doubles text for some prompts."""
    plain, streamed = (chat("openai", "Say: " + text, stream=stream) for stream in (False, True))
    deltas = (chunk["choices"][0]["delta"].get("content") or "" for chunk in events(streamed))
    assert "".join(deltas) == plain.body["choices"][0]["message"]["content"]


def test_a_mistake_in_the_simulator_looks_like_a_server_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a bug in here ends a learner's cell with a traceback of the tape."""

    def broken(question: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("llmlab.lab.simulator.openai_chat.think", broken)
    answer = chat("openai", "Hi")
    assert (answer.status, answer.body["error"]["type"]) == (500, "api_error")


def test_a_body_that_is_no_json_is_no_body() -> None:
    """Else a value that only Python knows makes the simulator raise."""
    assert ask("openai", "/v1/responses", {"model": {1, 2}}).status == 400
