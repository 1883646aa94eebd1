"""Counting tokens without a service. If one fails, a count lies about its origin, or a lesson starts a download."""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from llmlab import Message, Role, ToolCall, ToolDefinition
from llmlab.providers import get_provider, tokens
from llmlab.providers.tokens import count_messages, encoding_of

DATA = b"as if it were an encoding"
HI = [Message(Role.USER, "one two three")]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """tiktoken, and the folder of its cache, which is empty. What it would download fails."""
    fake = ModuleType("tiktoken")
    fake.__spec__ = ModuleSpec("tiktoken", None)
    digest = hashlib.sha256(DATA).hexdigest()

    def get_encoding(name: str) -> SimpleNamespace:
        assert (tmp_path / f"{name}-file").read_bytes() == DATA, "this would be a download"
        return SimpleNamespace(encode_ordinary=str.split)

    fake.get_encoding = get_encoding  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiktoken", fake)
    monkeypatch.setattr(tokens, "_encodings", {})
    monkeypatch.setattr(tokens, "_FILES", {name: (f"{name}-file", digest) for name in ("o200k_base", "cl100k_base")})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_tiktoken_counts_where_its_data_is(cache: Path) -> None:
    (cache / "o200k_base-file").write_bytes(DATA)
    assert repr(count_messages(HI)) == "3 (tiktoken)"
    (cache / "o200k_base-file").unlink()
    assert repr(count_messages(HI)) == "3 (tiktoken)", "what is loaded stays loaded"
    assert repr(count_messages(HI, "cl100k_base")) == "3 (estimate)"
    assert repr(count_messages(HI, None)) == "3 (estimate)"


@pytest.mark.parametrize("data", [None, b"cut short"])
def test_nothing_is_ever_downloaded(cache: Path, data: bytes | None) -> None:
    """tiktoken itself fetches what is missing, and replaces what is broken."""
    if data is not None:
        (cache / "o200k_base-file").write_bytes(data)
    assert count_messages(HI).method == "estimate"


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "TMPDIR"])
def test_the_cache_is_looked_for_where_tiktoken_looks(
    cache: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "o200k_base-file").write_bytes(DATA)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    monkeypatch.setattr(tokens.tempfile, "gettempdir", lambda: str(cache / "none"))
    assert count_messages(HI).method == "estimate"
    if variable == "TMPDIR":
        (cache / "data-gym-cache").mkdir()
        (cache / "data-gym-cache" / "o200k_base-file").write_bytes(DATA)
        monkeypatch.setattr(tokens.tempfile, "gettempdir", lambda: str(cache))
    else:
        monkeypatch.setenv(variable, str(cache))
    assert count_messages(HI).method == "tiktoken"


def test_a_cache_that_is_switched_off_is_no_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert count_messages(HI).method == "estimate"


def test_without_tiktoken_it_is_an_estimate(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "o200k_base-file").write_bytes(DATA)
    monkeypatch.setattr(tokens, "find_spec", lambda name: None)
    assert count_messages(HI).method == "estimate"


def test_a_provider_without_an_endpoint_counts_by_the_model(cache: Path) -> None:
    """OpenAI's tokenizer would count other vendors' models wrongly."""
    (cache / "o200k_base-file").write_bytes(DATA)
    ollama = get_provider("ollama")
    assert repr(ollama.count_tokens("one two three", model="gpt-oss:20b")) == "3 (tiktoken)"
    assert ollama.count_tokens("one two three", model="qwen3:8b").method == "estimate"


def test_each_model_has_its_encoding() -> None:
    """OpenAI's tokenizer would count other vendors' models wrongly."""
    encodings = {
        **dict.fromkeys(("gpt-oss:20b", "openai/gpt-6-luna", "gpt-4o-mini", "gpt-4.1", "o3-mini"), "o200k_base"),
        **dict.fromkeys(("gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"), "cl100k_base"),
        **dict.fromkeys(("claude-haiku-5-5", "qwen3:8b", "openrouter/free", "olmo", "")),
    }
    assert {model: encoding_of(model) for model in encodings} == encodings


def test_the_estimate_is_the_stated_one() -> None:
    assert count_messages([], None) == 0
    assert count_messages([Message(Role.USER, "x")], None) == 1
    calls = (ToolCall("c", "name", {"a": 1}), ToolCall("d", "name", unparsed="x" * 12))
    assert count_messages([Message(Role.ASSISTANT, "x" * 8, tool_calls=calls)], None) == 9


def test_tools_are_counted_too() -> None:
    """A long list of tools costs as much as a long prompt."""
    tools = [ToolDefinition("clock", "Tells the time, anywhere.")]
    with get_provider("ollama") as made:
        count = made.count_tokens("Hi", tools=tools)
        assert count > made.count_tokens("Hi") + 10
    assert count.method == "estimate"
