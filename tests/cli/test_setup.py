"""What people set up wrongly is refused in one sentence, the same in `config check`, in `doctor` and in the call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmlab.errors import LLMError
from llmlab.providers import get_provider
from tests.cli.running import run

KEY = "sk-proj-Qz7Xw2Vk9Lt4Hm"
REFUSED = [
    ("openai", {"OPENAI_API_KEY": f"Bearer {KEY}"}, "", "the key for openai in OPENAI_API_KEY holds a character"),
    ("openai", {"OPENAI_API_KEY": f"{KEY}”{KEY}"}, "", "the key for openai in OPENAI_API_KEY holds a character"),
    ("ollama", {"OLLAMA_HOST": "localhost:70000"}, "", "OLLAMA_HOST is not a URL such as http://localhost:11434: Port"),
    ("ollama", {"OLLAMA_HOST": "http:/localhost"}, "", "OLLAMA_HOST must begin with http:// or https://. Did you mean"),
    ("ollama", {"OLLAMA_HOST": "http://"}, "", "OLLAMA_HOST is not a URL such as"),
    ("ollama", {"OLLAMA_HOST": "http://gpu 1:80"}, "", "OLLAMA_HOST is not a URL such as"),
    ("local_gpt_oss", {"LOCAL_GPT_OSS_URL": "http://h/?key=x"}, "", "LOCAL_GPT_OSS_URL has a part after ? or #"),
    ("local_gpt_oss", {"LOCAL_GPT_OSS_URL": "tcp://h:80"}, "", "LOCAL_GPT_OSS_URL must begin with http:// or https://"),
    ("openrouter", {"OPENROUTER_API_KEY": KEY, "OPENROUTER_TITLE": "a\x07b"}, "", "the header x-title holds a control"),
    ("openai", {}, "providers:\n  openai: {fallback: openai}\n", "llmlab.yaml:2: the fallback of openai is openai"),
    ("openai", {}, "providers:\n  openai: {base_url: 'http://h:70000'}\n", "llmlab.yaml:2: base_url must be a URL"),
    ("openai", {}, "providers:\n  openai: {base_url: 'h.example/v1'}\n", "llmlab.yaml:2: base_url must be a URL"),
    ("openai", {}, "providers:\n  openai: {base_url: 'https://h/v1?x=1'}\n", "llmlab.yaml:2: base_url must be a URL"),
    ("anthropic", {}, "backend: openai\nbackend: ollama\n", "llmlab.yaml:2: 'backend' is set twice"),
]


@pytest.mark.parametrize(("name", "variables", "settings", "sentence"), REFUSED)
def test_a_mistake_is_one_sentence_in_all_three_places(
    name: str, variables: dict[str, str], settings: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise `doctor` says that all is well, and the first call fails in words of a library."""
    for variable in ("OLLAMA_HOST", "LOCAL_GPT_OSS_URL"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    if settings:
        Path("llmlab.yaml").write_text(settings, encoding="utf-8")
    with pytest.raises(LLMError) as caught:
        get_provider(name)
    check, doctor = run("config", "check"), run("doctor", "--json")
    problems = [problem["what"] for problem in json.loads(doctor.stdout)["problems"]]
    assert sentence in caught.value.message
    assert check.exit_code == 2
    assert any(sentence in line for line in check.stderr.splitlines()), check.output
    assert any(sentence in problem for problem in problems), problems
    shown = caught.value.message + check.output + doctor.output
    assert KEY not in shown


@pytest.mark.parametrize("command", ["lab", "simulate", "serve-health"])
def test_a_port_above_65535_is_refused_by_every_command(command: str) -> None:
    result = run(command, "--port", "65536")
    assert result.exit_code == 2
    assert "less than or equal to 65535" in result.stderr
