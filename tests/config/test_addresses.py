"""Addresses and keys as people paste them: each reaches the right path, and a key comes without its wrapping."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.config.addresses import is_loopback
from llmlab.config.environment import Secret, find_key
from llmlab.errors import LLMInvalidRequestError
from llmlab.providers import get_provider
from llmlab.providers.openai import OpenAIProvider
from tests.core import bodies
from tests.core.trying import KEY, PATHS, ask, provider
from tests.loopback import LoopbackServer

OWN: dict[str, tuple[str, ...]] = {
    "openai": ("", "/", "/v1", "/v1/", "/v1/responses", "/v1/chat/completions", "/v1/models"),
    "anthropic": ("", "/", "/v1", "/v1/", "/v1/messages"),
    "openrouter": ("", "/api/v1", "/api/v1/", "/api/v1/chat/completions", "/api/v1/models/"),
    "ollama": ("", "/", "/api", "/api/", "/v1", "/api/chat", "/api/generate", "/v1/chat/completions"),
    "local_gpt_oss": ("", "/v1", "/v1/", "//", "/v1/chat/completions", "/v1/completions", "/v1/embeddings"),
}


@pytest.mark.parametrize(("name", "ends"), OWN.items())
def test_an_address_works_with_and_without_v1_and_as_an_endpoint(
    name: str, ends: tuple[str, ...], server: LoopbackServer, subtests: pytest.Subtests
) -> None:
    """LM Studio, vLLM and llama.cpp print the address with /v1; the documents of others print an endpoint."""
    server.answer(bodies.WHOLE[name])
    for end in ends:
        with subtests.test(end=end), provider(name, server.url + end) as made:
            ask(made, "complete")
            assert server.seen[-1].path == PATHS[name]


@pytest.mark.parametrize(
    ("name", "url", "base"),
    [
        ("openai", "https://api.openai.com", "https://api.openai.com/v1"),
        ("openai", "https://gateway.example", "https://gateway.example"),
        ("openai", "https://gateway.example/openai/v1/", "https://gateway.example/openai/v1"),
        ("openai", " 'https://api.openai.com/v1/responses' ", "https://api.openai.com/v1"),
        ("openrouter", "https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("anthropic", "https://gateway.example/anthropic/v1/messages", "https://gateway.example/anthropic"),
        ("anthropic", "https://openrouter.ai/api", "https://openrouter.ai/api"),
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("ollama", "gpu:9000/v1", "http://gpu:9000"),
        ("ollama", "“http://gpu:9000”", "http://gpu:9000"),
    ],
)
def test_a_base_url_ends_where_the_paths_of_requests_begin(name: str, url: str, base: str) -> None:
    """A gateway keeps its own path, and one without /v1 gets none."""
    assert get_provider(name, api_key=KEY, base_url=url).base_url == base


def test_settings_and_variables_are_read_in_the_same_way(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", f'"{server.url}/v1/chat/completions"\n')
    server.answer(bodies.CHAT)
    with get_provider("local_gpt_oss") as made:
        assert made.complete("Hi").content == bodies.TEXT
    assert server.seen[0].path == "/v1/chat/completions"


AROUND = [
    '"{}"',
    "'{}'",
    "“{}”",
    "„{}“",
    "«{}»",
    "`{}`",
    " {} ",
    "{}\r\n",
    "\ufeff{}",
    "\u200b{}\u200b",
    "\xa0\t{}",
    '" {} "',
]


@pytest.mark.parametrize("around", AROUND)
def test_a_key_is_used_without_what_a_copy_brings_along(
    around: str, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's --env-file keeps quotes, and a key out of a chat comes in curly ones; the service refuses both."""
    monkeypatch.setenv("OPENAI_API_KEY", around.format(KEY))
    assert find_key("OPENAI_API_KEY") == Secret(KEY)
    server.answer(bodies.CHAT)
    for options in ({}, {"api_key": around.format(KEY)}):
        with OpenAIProvider(api="chat", base_url=server.url, **options) as made:
            ask(made, "complete")
        assert server.seen[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("title", ["Übersetzer", "翻訳 🌍", " two\nlines "])
@pytest.mark.parametrize("shape", ["complete", "complete_stream_async"])
def test_a_title_outside_of_ascii_arrives(title: str, shape: str, server: LoopbackServer) -> None:
    """Half of the world writes its program's name in other letters."""
    server.answer(bodies.STREAM["openrouter"] if "stream" in shape else bodies.CHAT)
    ask(provider("openrouter", server.url, title=title, referer="https://bücher.example"), shape)
    headers: dict[str, Any] = server.seen[0].headers
    assert headers["x-title"].encode("latin-1").decode() == " ".join(title.split())
    assert headers["http-referer"].encode("latin-1").decode() == "https://bücher.example"


def test_this_machine_is_known_by_all_its_names() -> None:
    """A proxy that is asked for localhost answers with an error page."""
    assert all(map(is_loopback, ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"]))
    assert is_loopback("::ffff:127.0.0.1")
    assert not any(map(is_loopback, ["", "localhost.example", "128.0.0.1", "10.0.0.1", "::2", "example.com"]))


@pytest.mark.parametrize("status", [404, 405])
def test_a_wrong_path_brings_the_address_to_mind(status: int, server: LoopbackServer) -> None:
    """A gateway without /v1 is asked as it was given; if that is wrong, the error must not blame the model."""
    server.answer("404 page not found", status, headers={"content-type": "text/plain"})
    with pytest.raises(LLMInvalidRequestError, match="Most base URLs end in /v1") as caught:
        ask(provider("openai", f"{server.url}/gateway", max_retries=0), "complete")
    assert server.seen[0].path == "/gateway/responses"
    assert "model" not in caught.value.message
