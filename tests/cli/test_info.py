"""`models`, `tokens` and `health`: what a person asks before a prompt, and a script before a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.models import MODELS
from llmlab.providers import Provider, TokenCount
from tests.cli.running import OFFLINE, lines, run, settings_for
from tests.loopback import LoopbackServer


@pytest.mark.parametrize("provider", MODELS)
def test_models_are_listed_one_a_line(provider: str) -> None:
    result = run("models", "--provider", provider)
    assert (result.exit_code, result.stderr) == (0, OFFLINE)
    assert MODELS[provider] in result.stdout.splitlines()
    names = result.stdout.splitlines()
    assert lines(run("models", "--provider", provider, "--json")) == [{"provider": provider, "models": names}]


def test_models_with_details_say_what_each_can_do() -> None:
    text = run("models", "--provider", "openai", "--details").stdout
    assert "\ngpt-6-luna\n  provider          openai\n  can               streaming, tools" in text
    assert "\ntext-embedding-3-small\n  nothing is known of it\n" in text
    assert "\n  shut down         2027-04-01\n" in text


def test_models_with_details_have_other_names_than_their_own() -> None:
    text = run("models", "--provider", "anthropic", "--details").stdout
    assert "\n  also called              claude-haiku-4-5\n" in text


def test_models_with_details_as_json() -> None:
    [found] = lines(run("models", "--provider", "openai", "--details", "--json"))
    assert set(found) == {"provider", "models", "details"}
    assert set(found["details"]) == set(found["models"])
    assert found["details"]["text-embedding-3-small"] is None
    nano = found["details"]["gpt-5.4-nano"]
    assert (nano["max_output_tokens"], nano["retired_on"]) == (128_000, "2027-04-01")
    assert nano["usd_per_million_tokens"] == {"input": 0.2, "output": 1.25}
    assert "vision" in nano["can"]


def test_ollama_without_a_model_is_no_empty_line(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"models": []})
    result = run("models", "--mode", "live")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ollama has no model yet." in result.stderr


def test_number_of_tokens_says_who_counted() -> None:
    """An estimate that looks like a count would be trusted at a limit."""
    counted = run("tokens", "Why is the sky blue?").stdout
    assert f" tokens for {MODELS['openai']}, counted by openai\n" in counted
    guessed = run("tokens", "--provider", "ollama", "--model", "llama4", piped="Why is the sky blue?\n").stdout
    assert guessed == "about 5 tokens for llama4, an estimate: ollama does not count them\n"


def test_tokenizer_on_this_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Provider, "count_tokens", lambda self, prompt: TokenCount(6, "tiktoken"))
    assert run("tokens", "Hi", "--provider", "ollama", "--model", "m").stdout == "6 tokens for m, counted by tiktoken\n"


def test_tokens_as_json() -> None:
    [found] = lines(run("tokens", "Why is the sky blue?", "--provider", "ollama", "--model", "m", "--json"))
    assert found == {"provider": "ollama", "model": "m", "tokens": 5, "method": "estimate"}


def test_health_of_all_is_told_in_words() -> None:
    result = run("health")
    assert (result.exit_code, result.stderr) == (0, OFFLINE)
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [[name, "ok"] for name in MODELS]


def test_health_names_the_reason_and_the_others_are_asked_all_the_same(server: LoopbackServer) -> None:
    """One missing key must not hide that the local server runs."""
    text = f"providers: {{ollama: {{base_url: '{server.url}'}}, local_gpt_oss: {{base_url: '{server.url}'}}}}"
    Path("llmlab.yaml").write_text(text, encoding="utf-8")
    server.answer({"models": [{"name": "m"}], "data": [{"id": "m"}]})
    result = run("health", "--mode", "live", "--json")
    assert result.exit_code == 1
    [found] = lines(result)
    assert found["ok"] is False
    state = {one["provider"]: one["ok"] for one in found["providers"]}
    assert state == {"openai": False, "anthropic": False, "openrouter": False, "ollama": True, "local_gpt_oss": True}
    assert "OPENAI_API_KEY" in found["providers"][0]["reason"]
    assert set(found["providers"][0]) == {"provider", "ok", "reason", "latency"}


def test_health_of_one_asks_nobody_else_and_fails_with_1(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"error": "on fire"}, 500)
    result = run("health", "--mode", "live", "--provider", "ollama")
    assert result.exit_code == 1
    assert result.stdout.startswith("ollama  fails  ")
    assert "on fire" in result.stdout
    assert len(server.seen) == 1


def test_health_of_a_wrong_name_or_wrong_settings_is_wrong_usage() -> None:
    """That is nothing to wait for until the service is well again."""
    assert run("health", "--provider", "opnai").exit_code == 2
    Path("llmlab.yaml").write_text("bakend: openai", encoding="utf-8")
    assert run("health").exit_code == 2
