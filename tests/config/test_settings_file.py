"""llmlab.yaml: read as written, or refused with the place and the nearest valid name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmlab.config.environment import ProviderSettings, Settings
from llmlab.config.settings import load_settings, settings_from
from llmlab.errors import ConfigurationError


def written(text: str, name: str = "llmlab.yaml") -> Path:
    path = Path.cwd() / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(text: str) -> str:
    written(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return str(caught.value)


def test_everything_that_can_be_set_arrives() -> None:
    written(
        "backend: anthropic\n"
        "providers:\n"
        "  openai:\n"
        "    {api_key_env: MY_KEY, base_url: 'https://x.example/v1', model: m, timeout: 30, max_tokens: 9,\n"
        "     temperature: 0.5, max_retries: 0, retry_delay: 0.25, fallback: ollama}\n"
        "  mine: {fallback: true}\n"
        "  ollama:\n"
    )
    settings = load_settings()
    full = ProviderSettings("MY_KEY", "https://x.example/v1", "m", 30, 9, 0.5, 0, 0.25, "ollama")
    assert settings.backend == "anthropic"
    assert settings.providers == {
        "openai": full,
        "mine": ProviderSettings(fallback=True),
        "ollama": ProviderSettings(),
    }


def test_openrouter_alone_is_told_who_calls() -> None:
    """The same setting of another provider would silently do nothing."""
    written("providers: {openrouter: {referer: 'https://me.example', title: Mine}}\n")
    assert load_settings().options_for("openrouter") == {"referer": "https://me.example", "title": "Mine"}
    assert "unknown setting 'title'" in refused("providers: {openai: {title: Mine}}\n")


def test_settings_become_arguments_of_the_provider() -> None:
    """None means that the file says nothing, so the provider's own default must stand."""
    settings = Settings(providers={"openai": ProviderSettings(api_key_env="MY_KEY", timeout=5, fallback=True)})
    assert settings.options_for("openai") == {"timeout": 5, "key_variable": "MY_KEY"}
    assert settings.options_for("ollama") == {}


def test_which_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument, else LLMLAB_CONFIG, else llmlab.yaml here; another order would read a file nobody meant."""
    assert load_settings() == Settings()
    written("backend: here")
    assert load_settings().backend == "here"
    monkeypatch.setenv("LLMLAB_CONFIG", str(written("backend: variable", "b.yaml")))
    assert load_settings().backend == "variable"
    assert load_settings(written("backend: argument", "c.yaml")).backend == "argument"


def test_a_named_file_that_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quietly using the defaults would send requests to another service than the one that was configured."""
    with pytest.raises(ConfigurationError, match=r"the settings file .*gone\.yaml does not exist"):
        load_settings("gone.yaml")
    monkeypatch.setenv("LLMLAB_CONFIG", "also-gone.yaml")
    with pytest.raises(ConfigurationError, match=r"also-gone\.yaml"):
        load_settings()


def test_variables_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "gpu")
    monkeypatch.setenv("SECONDS", "12.5")
    written(
        "providers:\n  ollama: {base_url: 'http://${WHERE}:${PORT:-11434}', timeout: '${SECONDS}', model: '${M:-m}'}\n"
    )
    assert load_settings().providers["ollama"] == ProviderSettings(base_url="http://gpu:11434", timeout=12.5, model="m")


def test_a_variable_that_is_not_set_is_named_with_its_place() -> None:
    assert "llmlab.yaml:3: the variable NOWHERE is not set" in refused(
        "providers:\n  openai:\n    model: '${NOWHERE}'\n"
    )


WRONG_SETTINGS: list[Any] = [
    ("backnd: openai", "llmlab.yaml:1: unknown setting 'backnd'; did you mean 'backend'?"),
    ("providers:\n  openai: {time_out: 3}", "llmlab.yaml:2: unknown setting 'time_out'; did you mean 'timeout'?"),
    (
        "providers:\n  openai:\n    zzz: 3",
        "llmlab.yaml:3: unknown setting 'zzz'; the settings are api_key_env, base_url",
    ),
    ("backend: openai\nbackend: ollama", "llmlab.yaml:2: 'backend' is set twice"),
    ("providers: {a: {timeout: 1, timeout: 2}}", "'timeout' is set twice"),
    ("providers: [openai]", "llmlab.yaml:1: expected names with values"),
    ("backend: 3", "llmlab.yaml:1: backend must be a provider's name, not 3"),
    ("backend: [", "llmlab.yaml:1: this is not YAML"),
    ("providers: {a: {timeout: soon}}", "timeout must be seconds, above 0, not 'soon'"),
    ("providers: {a: {timeout: true}}", "timeout must be seconds"),
    ("providers: {a: {timeout: .nan}}", "timeout must be seconds"),
    ("providers: {a: {max_tokens: 1.5}}", "max_tokens must be a whole number above 0, not 1.5"),
    ("providers: {a: {max_retries: -1}}", "max_retries must be a whole number, 0 or more, not -1"),
    ("providers: {a: {temperature: 3}}", "temperature must be a number from 0 to 2, not 3"),
    ("providers: {a: {base_url: localhost}}", "base_url must be a URL that begins with http:// or https://"),
    ("providers: {a: {model: }}", "model must be a model's name, not None"),
]


def test_what_is_wrong_is_said_with_its_place(subtests: pytest.Subtests) -> None:
    """A setting with a typo would be ignored, and nobody would know."""
    for text, says in WRONG_SETTINGS:
        with subtests.test(text=text):
            assert says in refused(text)


def test_all_problems_are_said_at_once() -> None:
    """One run for each mistake would be one too many."""
    said = refused("backnd: x\nproviders:\n  openai:\n    timeout: soon\n    modle: m\n").splitlines()
    assert [line.split(": ")[0].rpartition(":")[2] for line in said] == ["1", "4", "5"]


def test_a_key_in_the_file_is_refused_and_not_repeated() -> None:
    """llmlab.yaml is committed."""
    said = refused("providers:\n  openai: {api_key: sk-proj-abc123def456ghi789}\n")
    assert "keys do not belong in this file" in said
    assert ".env" in said
    assert "abc123" not in said
    assert "abc123" not in refused("providers:\n  openai: {api_key_env: sk-proj-abc123def456ghi789}\n")


def test_one_mapping_llm_holds_backend_and_providers() -> None:
    """Configurations of voice assistants and the like are written in this form."""
    written(
        "llm:\n  backend: ollama\n  openai: {api_key: '${MY_KEY}'}\n  ollama: {model: 'gpt-oss:20b', fallback: true}\n"
    )
    settings = load_settings()
    assert settings.backend == "ollama"
    assert settings.providers == {
        "openai": ProviderSettings(api_key_env="MY_KEY"),
        "ollama": ProviderSettings(model="gpt-oss:20b", fallback=True),
    }
    assert "llmlab.yaml:3: timeout must be" in refused("llm:\n  openai:\n    timeout: soon\n")


def test_a_dict_is_checked_as_a_file_is() -> None:
    config = {"llm": {"backend": "ollama", "ollama": {"timeout": 120, "base_url": "http://localhost:1"}}}
    assert settings_from(config) == Settings(
        "ollama", {"ollama": ProviderSettings(base_url="http://localhost:1", timeout=120)}
    )
    for wrong, says in (
        ({"tiemout": 1}, "the configuration of ollama: unknown setting 'tiemout'; did you mean 'timeout'?"),
        ({"timeout": "soon"}, "the configuration of ollama: timeout must be seconds, above 0, not 'soon'"),
        ({"api_key": "sk-proj-abc123def456ghi789"}, "keys do not belong"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            settings_from({"llm": {"ollama": wrong}})
        assert says in str(caught.value)
        assert "abc123" not in str(caught.value)
