"""`config check`: every mistake in llmlab.yaml with its line at once, and never a key on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.running import lines, run

KEY = "sk-proj-abc123def456ghi789"


def write(text: str) -> None:
    Path("llmlab.yaml").write_text(text, encoding="utf-8")


def test_help_shows_an_example() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", run("config", "check", "--help").stdout)
    assert "Example: python3 -m llmlab config check llmlab.yaml --json" in " ".join(text.split())


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    """One a run would be a dozen runs."""
    write("backend: opnai\nproviders:\n  openai: {timeout: soon}\n  olama: {model: m}\n  anthropic: {modle: m}\nx: 1\n")
    result = run("config", "check")
    assert (result.exit_code, result.stdout) == (2, "")
    said = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == [f"llmlab.yaml:{number}" for number in (1, 3, 4, 5, 6)]
    assert "Did you mean 'openai'?" in said[0]
    assert "Did you mean 'ollama'?" in said[2]
    [found] = lines(run("config", "check", "llmlab.yaml", "--json"))
    assert (found["ok"], found["file"], found["problems"]) == (False, "llmlab.yaml", said)


@pytest.mark.parametrize("text", ["backend: [", "- a\n- b\n", "providers: openai\n", "providers: [openai]\n"])
def test_file_that_is_no_settings_file_is_named_with_its_line(text: str) -> None:
    write(text)
    result = run("config", "check")
    assert result.exit_code == 2
    assert re.match(r"llmlab\.yaml:\d+: ", result.stderr)


def test_file_that_is_missing_or_no_text_is_named() -> None:
    assert "the settings file other.yaml does not exist" in run("config", "check", "other.yaml").stderr
    Path("llmlab.yaml").write_bytes(b"backend: \xff")
    result = run("config", "check")
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_without_a_file_the_defaults_are_told() -> None:
    result = run("config", "check")
    assert result.exit_code == 0
    assert result.stdout == (
        "There is no llmlab.yaml here, so the defaults hold.\n"
        "backend: openai\nopenai:\n  key: OPENAI_API_KEY, not set\n"
    )


def test_what_is_set_is_listed_and_a_key_only_as_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody will show this screen to a helper."""
    monkeypatch.setenv("MY_KEY", KEY)
    write(
        "backend: ollama\nproviders:\n  openai: {api_key_env: MY_KEY, timeout: 30, model: '${MY_KEY}'}\n"
        "  local_gpt_oss: {base_url: 'http://me:hunter22@localhost:8080'}\n"
    )
    result = run("config", "check")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "llmlab.yaml is right.",
        "backend: ollama",
        "ollama:",
        "  key: none is needed",
        "openai:",
        "  model: [redacted]",
        "  timeout: 30",
        "  key: MY_KEY, found",
        "local_gpt_oss:",
        "  base_url: http://me:[redacted]@localhost:8080",
        "  key: none is needed",
    ]
    shown = run("config", "check", "--json")
    assert KEY not in shown.output
    assert lines(shown)[0]["providers"]["openai"] == {
        "model": "[redacted]",
        "timeout": 30,
        "key_variable": "MY_KEY",
        "key_found": True,
    }


def test_backend_out_of_a_variable_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "opnai")
    write("backend: ${WHO}\n")
    result = run("config", "check")
    assert result.exit_code == 2
    assert "no provider named 'opnai'" in result.stderr
    assert run("config", "check", "--json").exit_code == 2


def test_variable_that_names_the_file_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.yaml").write_text("backend: ollama\n", encoding="utf-8")
    monkeypatch.setenv("LLMLAB_CONFIG", "mine.yaml")
    assert run("config", "check").stdout.startswith("mine.yaml is right.\nbackend: ollama\n")
    monkeypatch.setenv("LLMLAB_CONFIG", "gone.yaml")
    assert "create it, or unset LLMLAB_CONFIG" in run("config", "check").stderr


@pytest.mark.parametrize(
    ("fallback", "words"),
    [("openai", "llmlab.yaml:2: the fallback of openai is openai itself"), ("olama", "Did you mean 'ollama'?")],
)
def test_fallback_that_cannot_help_is_refused(fallback: str, words: str) -> None:
    """It would be noticed when the provider is down."""
    write(f"providers:\n  openai: {{fallback: {fallback}}}\n  ollama: {{}}\n")
    result = run("config", "check")
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_names_in_one_mapping_llm_are_checked_as_well() -> None:
    write("llm:\n  backend: opnai\n  olama: {model: m}\n")
    said = run("config", "check").stderr.splitlines()
    assert [line.split(": ")[0] for line in said] == ["llmlab.yaml:2", "llmlab.yaml:3"]
    write("llm:\n  backend: ollama\n  ollama: {fallback: openai}\n  openai: {api_key: '${MY_KEY}'}\n")
    shown = run("config", "check").stdout
    assert "backend: ollama" in shown
    assert "key: MY_KEY, not set" in shown
