"""Settings reach the provider: what llmlab.yaml says is used, and an argument in the code still wins."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmlab
from llmlab.config.environment import ProviderSettings, Settings
from llmlab.errors import ConfigurationError, MissingAPIKeyError, UnsupportedProviderError
from llmlab.providers import Provider
from tests.loopback import LoopbackServer

KEY = "sk-mine-0123456789"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, server: LoopbackServer) -> None:
    """A settings file for a server on loopback, with a key under a name of its own."""
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("SECONDS", "7.5")
    Path("llmlab.yaml").write_text(
        "backend: openrouter\n"
        "providers:\n"
        f"  openrouter: {{api_key_env: MY_KEY, base_url: '{server.url}', model: mine, timeout: '${{SECONDS}}',\n"
        "               max_tokens: 12, temperature: 0.25, max_retries: 1, retry_delay: 0}\n",
        encoding="utf-8",
    )


def policy(provider: Provider) -> tuple[int, float]:
    retry = provider.retry
    return retry.max_retries, retry.base_delay


def test_without_a_name_the_backend_is_meant(configured: None) -> None:
    """The program names no provider, so that one line of the file moves it to another."""
    with llmlab.get_provider() as llm:
        assert llm.name == "openrouter"
    with llmlab.get_provider(settings=Settings("ollama")) as llm:
        assert llm.name == "ollama"


def test_without_a_file_the_backend_is_openai() -> None:
    with llmlab.get_provider(api_key=KEY) as llm:
        assert (llm.name, llm.model) == ("openai", llmlab.MODELS["openai"])


def test_a_backend_that_does_not_exist_names_the_known_ones() -> None:
    with pytest.raises(UnsupportedProviderError, match="Did you mean 'openai'"):
        llmlab.get_provider(settings=Settings("opnai"))


def test_the_file_is_what_the_wire_shows(configured: None, server: LoopbackServer) -> None:
    """Every setting that travels, travels: key, address, model, limit and temperature; then the retries."""
    server.answer({"error": {"message": "busy"}}, 503)
    server.answer({"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]})
    with llmlab.get_provider() as llm:
        assert llm.complete("Hello?").content == "Hi"
        assert llm.timeout == 7.5
    assert len(server.seen) == 2
    asked = server.seen[-1]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (asked.body["model"], asked.body["max_tokens"], asked.body["temperature"]) == ("mine", 12, 0.25)


def test_arguments_win_over_the_file(configured: None) -> None:
    """Who writes a value into the code means it for this one."""
    with llmlab.get_provider(
        "openrouter", "other", "sk-other-0123456789", "http://localhost:1/v1/", 3, 0, retry_delay=9.0
    ) as llm:
        assert (llm.model, llm.base_url, llm.timeout) == ("other", "http://localhost:1/v1", 3)
        assert policy(llm) == (0, 9.0)


def test_another_provider_is_not_touched(configured: None) -> None:
    """Settings of one provider sent to another would send a key to the wrong house."""
    with llmlab.get_provider("ollama") as llm:
        assert (llm.model, llm.base_url) == (llmlab.MODELS["ollama"], "http://localhost:11434")
        assert policy(llm) == (3, 2.0)


def test_a_missing_key_is_named_by_the_files_variable(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual name would send the reader to a variable that nobody reads."""
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(MissingAPIKeyError, match="MY_KEY=<your key>") as caught:
        llmlab.get_provider("openrouter")
    assert caught.value.variable == "MY_KEY"


def test_a_local_server_may_want_a_key_too(monkeypatch: pytest.MonkeyPatch, server: LoopbackServer) -> None:
    """vLLM takes `--api-key`."""
    monkeypatch.setenv("VLLM_KEY", KEY)
    server.answer({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})
    settings = Settings(providers={"local_gpt_oss": ProviderSettings("VLLM_KEY", server.url)})
    with llmlab.get_provider("local_gpt_oss", settings=settings) as llm:
        llm.complete("Hello?")
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


def test_given_settings_take_the_place_of_the_file(configured: None) -> None:
    with llmlab.get_provider("openrouter", api_key=KEY, settings=Settings()) as llm:
        assert llm.model == llmlab.MODELS["openrouter"]


def test_a_broken_file_stops_everybody() -> None:
    """Falling back to defaults would send prompts to a service that nobody chose."""
    Path("llmlab.yaml").write_text("backnd: ollama", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="did you mean 'backend'"):
        llmlab.get_provider("ollama")
