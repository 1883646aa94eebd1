"""All five providers over a real connection. If one fails, that service cannot be called, or is called wrongly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmlab.errors import (
    ConfigurationError,
    LLMAPIError,
    LLMInvalidRequestError,
    MissingAPIKeyError,
    ModelNotFoundError,
)
from llmlab.models import MODELS, known_models
from llmlab.providers import get_provider
from tests.core import bodies
from tests.core.trying import KEY, MODEL_PATHS, NAMES, PATHS, SHAPES, ask, call, provider, spread, twice
from tests.loopback import LoopbackServer


@pytest.mark.parametrize(("name", "shape"), spread(NAMES, SHAPES))
def test_every_provider_answers_in_every_call_shape(name: str, shape: str, server: LoopbackServer) -> None:
    streams = "stream" in shape
    server.answer(bodies.STREAM[name] if streams else bodies.WHOLE[name], headers={"x-request-id": "req_1"})
    answer = ask(provider(name, server.url), shape, [{"role": "user", "content": "Hi"}], max_tokens=9)

    assert (answer.content, answer.model, answer.provider) == (bodies.TEXT, "m-1", name)
    assert (answer.finish_reason, answer.source) == ("stop", "live")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (5, 3, 8)
    assert answer.latency > 0
    assert (answer.time_to_first_token is not None) == streams
    assert isinstance(answer.raw_response, list if streams else dict)

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", PATHS[name])
    assert seen.body["model"] == MODELS[name]
    assert bool(seen.body.get("stream")) == streams
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", NAMES)
def test_the_key_goes_into_the_header_that_the_service_reads(name: str, server: LoopbackServer) -> None:
    server.answer(bodies.WHOLE[name])
    ask(provider(name, server.url), "complete")
    headers = server.seen[0].headers
    sent = {
        "openai": {"authorization": f"Bearer {KEY}"},
        "openrouter": {"authorization": f"Bearer {KEY}", "x-title": "llmlab"},
        "anthropic": {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        "ollama": {},
        "local_gpt_oss": {},
    }[name]
    assert {header: headers.get(header) for header in sent} == sent
    assert (KEY in str(headers)) == bool(sent)
    assert "http-referer" not in headers


@pytest.mark.parametrize(
    ("name", "url", "timeout"),
    [
        ("openai", "https://api.openai.com/v1", 60),
        ("anthropic", "https://api.anthropic.com", 60),
        ("openrouter", "https://openrouter.ai/api/v1", 60),
        ("ollama", "http://localhost:11434", 60),
        ("local_gpt_oss", "http://localhost:8080", 120),
    ],
)
def test_each_provider_knows_its_address_and_its_patience(name: str, url: str, timeout: float) -> None:
    made = get_provider(name, api_key=KEY)
    assert (made.base_url, made.timeout, made.model) == (url, timeout, MODELS[name])
    assert get_provider(name, api_key=KEY, timeout=1, model="x", base_url="http://h/").base_url == "http://h"
    assert KEY not in repr(made)


@pytest.mark.parametrize(("name", "variable"), [("ollama", "OLLAMA_HOST"), ("local_gpt_oss", "LOCAL_GPT_OSS_URL")])
def test_a_local_server_may_be_elsewhere(name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://box:1234")
    assert get_provider(name).base_url == "http://box:1234"


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter"])
def test_a_missing_key_is_said_before_anything_is_sent(name: str) -> None:
    with pytest.raises(MissingAPIKeyError) as caught:
        get_provider(name)
    assert caught.value.variable == f"{name.upper()}_API_KEY"
    assert "https://" in caught.value.message


@pytest.mark.parametrize("key", [f"{KEY}”x", f"{KEY}\nx", f"{KEY}…", f"Bearer {KEY}"])
def test_a_key_with_a_stray_character_is_refused_without_showing_it(key: str) -> None:
    """The error of the HTTP library would print it."""
    with pytest.raises(ConfigurationError) as caught:
        get_provider("openai", api_key=key)
    assert KEY not in f"{caught.value!r}"
    assert "copy it again" in caught.value.message


def test_a_line_end_behind_a_key_does_no_harm(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer(bodies.CHAT)
    ask(provider("openrouter", server.url, api_key=f"{KEY}\n"), "complete")
    monkeypatch.setenv("OTHER_KEY", f" {KEY} ")
    ask(get_provider("openrouter", base_url=server.url, key_variable="OTHER_KEY"), "complete")
    assert [seen.headers["authorization"] for seen in server.seen] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize(("name", "method"), spread(NAMES, twice("list_models")))
def test_the_models_are_listed_sorted(name: str, method: str, server: LoopbackServer) -> None:
    server.answer(bodies.MODELS[name])
    assert call(provider(name, server.url), method) == ["m-1", "m-2"]
    assert (server.seen[0].method, server.seen[0].path) == ("GET", MODEL_PATHS[name])


@pytest.mark.parametrize(
    ("name", "path", "method"),
    spread(
        [("openai", "/v1/responses/input_tokens"), ("anthropic", "/v1/messages/count_tokens")], twice("count_tokens")
    ),
)
def test_tokens_are_counted_by_the_service_where_it_can(
    name: str, path: str, method: str, server: LoopbackServer
) -> None:
    server.answer({"input_tokens": 14})
    count = call(provider(name, server.url), method, "Hi", max_tokens=9)
    assert (count, count.method, repr(count)) == (14, "endpoint", "14 (endpoint)")
    assert server.seen[0].path == path
    assert not {"max_tokens", "max_output_tokens", "stream"} & set(server.seen[0].body)


@pytest.mark.parametrize(("name", "method"), spread(["openrouter", "ollama", "local_gpt_oss"], twice("count_tokens")))
def test_tokens_are_estimated_elsewhere_and_it_is_said(name: str, method: str, server: LoopbackServer) -> None:
    count = call(provider(name, server.url), method, "x" * 40)
    assert (count, count.method) == (10, "estimate")
    assert server.seen == []


@pytest.mark.parametrize(("name", "shape"), spread(NAMES, SHAPES))
def test_a_retired_model_comes_with_the_ones_there_are(name: str, shape: str, server: LoopbackServer) -> None:
    said = {"error": {"message": "model 'm-3' not found", "type": "not_found_error", "code": "model_not_found"}}
    server.answer({"error": "model 'm-3' not found"} if name == "ollama" else said, 404)
    server.answer(bodies.MODELS[name])
    with pytest.raises(ModelNotFoundError) as caught:
        ask(provider(name, server.url), shape, model="m-3")
    assert set(caught.value.available) == {"m-1", "m-2"}
    assert "Available models, closest first: m-" in caught.value.message
    assert (caught.value.model, caught.value.provider, caught.value.status_code) == ("m-3", name, 404)
    assert [seen.path for seen in server.seen] == [PATHS[name], MODEL_PATHS[name]]
    assert KEY not in f"{caught.value!r}"


def test_without_a_list_the_catalogue_helps_out(server: LoopbackServer, slept: list[float]) -> None:
    server.answer({"error": {"message": f"{KEY} has no model x", "code": "model_not_found"}}, 404)
    server.answer("down", 500)
    with pytest.raises(ModelNotFoundError) as caught:
        ask(provider("openai", server.url), "complete")
    assert set(caught.value.available) == set(known_models("openai"))
    assert slept == [], "a courtesy is not waited for"
    assert KEY not in str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("shape", ["complete", "complete_async"])
def test_a_page_in_place_of_an_answer_asks_for_the_base_url(shape: str, server: LoopbackServer) -> None:
    server.answer("<html>Welcome</html>")
    with pytest.raises(LLMAPIError, match="not with JSON: '<html>Welcome</html>'"):
        ask(provider("openai", server.url), shape)


def test_openai_can_speak_chat_completions(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    made = provider("openai", server.url, api="chat")
    assert ask(made, "complete", max_tokens=9, stop="END", seed=1).content == bodies.TEXT
    assert server.seen[0].path == "/v1/chat/completions"
    assert server.seen[0].body["max_completion_tokens"] == 9
    assert "max_tokens" not in server.seen[0].body
    with pytest.raises(ConfigurationError, match='api must be "responses" or "chat"'):
        provider("openai", server.url, api="legacy")


@pytest.mark.parametrize("how", ["arguments", "environment"])
def test_openrouter_is_told_who_calls(how: str, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer(bodies.CHAT)
    options = {"referer": "https://me.example", "title": "Mine"}
    if how == "environment":
        for name in list(options):
            monkeypatch.setenv(f"OPENROUTER_{name.upper()}", options.pop(name))
    ask(provider("openrouter", server.url, **options), "complete")
    headers = server.seen[0].headers
    assert (headers["http-referer"], headers["x-title"]) == ("https://me.example", "Mine")


@pytest.mark.parametrize("method", twice("show"))
def test_ollama_describes_a_model(method: str, server: LoopbackServer) -> None:
    server.answer({"capabilities": ["tools"]})
    assert call(provider("ollama", server.url), method) == {"capabilities": ["tools"]}
    assert call(provider("ollama", server.url), method, "other") == {"capabilities": ["tools"]}
    assert [(seen.path, seen.body["model"]) for seen in server.seen] == [
        ("/api/show", MODELS["ollama"]),
        ("/api/show", "other"),
    ]


@pytest.mark.parametrize("method", twice("show"))
def test_ollama_asked_about_a_model_that_it_lacks_lists_those_it_has(method: str, server: LoopbackServer) -> None:
    server.answer({"error": "model 'm-3' not found"}, 404)
    server.answer(bodies.MODELS["ollama"])
    with pytest.raises(ModelNotFoundError, match="closest first: m-"):
        call(provider("ollama", server.url), method, "m-3")


@pytest.mark.parametrize("method", twice("embed"))
def test_ollama_embeds_texts(method: str, server: LoopbackServer) -> None:
    server.answer({"embeddings": [[0.5, 1.0], [2.0, 3.0]]})
    assert call(provider("ollama", server.url), method, ["a", "b"], "m-e") == [[0.5, 1.0], [2.0, 3.0]]
    assert (server.seen[0].path, server.seen[0].body) == ("/api/embed", {"model": "m-e", "input": ["a", "b"]})


def test_defaults_of_a_provider_hold_until_a_call_says_otherwise(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    made = provider("openrouter", server.url, temperature=0.5, max_tokens=9)
    made.complete("Hi")
    made.complete("Hi", temperature=1, max_tokens=None)
    made.close()
    sent: list[dict[str, Any]] = [seen.body for seen in server.seen]
    assert [(body.get("temperature"), body.get("max_tokens")) for body in sent] == [(0.5, 9), (1, None)]


def test_a_wrong_prompt_never_leaves_the_house(server: LoopbackServer) -> None:
    made = provider("openai", server.url)
    for shape in SHAPES:
        with pytest.raises(LLMInvalidRequestError):
            ask(made, shape, [])
    assert server.seen == []
    assert asyncio.run(made.aclose()) is None
