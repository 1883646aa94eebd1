"""A new vendor with a wire format of its own. If one fails, llmlab knows five providers and can be taught no sixth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import llmlab
from llmlab.errors import LLMInvalidRequestError, LLMRateLimitError, LLMStreamError
from llmlab.providers import Provider, get_provider, register_provider, registry
from tests.cli.running import lines, run
from tests.core import vendor
from tests.core.installed import install
from tests.core.trying import SHAPES, ask
from tests.loopback import LoopbackServer

LAST = {"content": "", "stop": True, "stop_type": "limit", "model": "m", "tokens_evaluated": 7, "tokens_predicted": 3}
WHOLE = {**LAST, "content": " Because it is."}
STREAM = [{"content": piece, "stop": False} for piece in (" Because", " it", " is.")] + [LAST]


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone afterwards."""
    monkeypatch.setattr(registry._plugins, "_registered", {})


def events(*pieces: dict[str, object]) -> str:
    return "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces)


def made(**options: object) -> Provider:
    register_provider("llama_cpp", vendor.LlamaCpp)
    return get_provider("llama_cpp", **options)  # type: ignore[arg-type]


def test_a_whole_vendor_takes_less_than_60_lines() -> None:
    """Who needs more will write requests by hand instead."""
    assert len(Path(vendor.__file__).read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("shape", SHAPES)
def test_it_answers_in_every_call_shape(shape: str, server: LoopbackServer) -> None:
    server.answer(events(*STREAM) if "stream" in shape else WHOLE)
    answer = ask(made(base_url=server.url), shape, "Why?", max_tokens=3)
    assert (answer.content, answer.provider, answer.model) == ("Because it is.", "llama_cpp", "m")
    assert (answer.finish_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("length", 7, 3)
    [seen] = server.seen
    prompt = "User: Why?\nAssistant:"
    assert (seen.path, seen.body["prompt"], seen.body["n_predict"]) == ("/completion", prompt, 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_answers_offline_too(shape: str) -> None:
    """Else the lesson that adds it needs a server that nobody has."""
    with llmlab.start("offline", lesson=None, pace=0):
        answer = ask(made(), shape, "What is 17 * 23?")
    assert (answer.content, answer.source, answer.finish_reason) == ("17 * 23 = 391", "simulated", "stop")
    assert answer.usage.input_tokens > 5


def test_it_has_everything_that_providers_have(server: LoopbackServer, slept: list[float]) -> None:
    """Errors, retries, broken streams, models and health are nobody's to write again."""
    with llmlab.start("offline", lesson=None, pace=0), made() as provider:
        assert provider.health()
        assert provider.list_models()
        with pytest.raises(LLMInvalidRequestError, match="llama_cpp answered 400"):
            provider.complete("Hi " * 900_000)
    server.answer({"error": {"code": 429, "message": "slow down"}}, 429)
    with made(base_url=server.url, max_retries=1) as provider:
        with pytest.raises(LLMRateLimitError):
            provider.complete("Hi")
        assert (len(server.seen), len(slept)) == (2, 1)
        server.answers = []
        server.answer(events(*STREAM[:2]))
        with pytest.raises(LLMStreamError) as caught:
            list(provider.complete_stream("Hi"))
    assert caught.value.partial == "Because it"


def test_an_installed_vendor_is_had_by_name_in_settings_and_on_the_command_line(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("llmlab-llama", "llmlab.providers", monkeypatch, llama_cpp="tests.core.vendor:LlamaCpp")
    text = f"backend: llama_cpp\nproviders:\n  llama_cpp: {{base_url: '{server.url}', model: mine}}\n"
    Path("llmlab.yaml").write_text(text, encoding="utf-8")
    assert run("config", "check").exit_code == 0
    server.answer(events(*STREAM))
    result = run("ask", "Why?", "--mode", "live")
    assert (result.exit_code, result.stdout) == (0, " Because it is.\n")
    [found] = lines(run("rosetta", "Why?", "--provider", "llama_cpp", "--json"))
    assert (found["format"], found["body"]["prompt"]) == ("llama_cpp", "User: Why?\nAssistant:")
    assert run("ask", "Why?", "--provider", "llama_cp").exit_code == 2


def test_a_broken_package_is_named_where_the_settings_speak_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`config check` and `health` tell of one bad package, and of everything else too."""
    install("acme-llm", "llmlab.providers", monkeypatch, acme="no_such_module_of_acme:Acme")
    Path("llmlab.yaml").write_text("backend: ollama\nproviders:\n  acme: {timeuot: 5}\n", encoding="utf-8")
    checked = run("config", "check", "--json")
    assert checked.exit_code == 2
    named, misspelled = lines(checked)[0]["problems"]
    assert named.startswith("llmlab.yaml:3: the package acme-llm 1.0 offers the provider 'acme'")
    assert "did you mean 'timeout'" in misspelled
    Path("llmlab.yaml").unlink()
    states = {one["provider"]: one["ok"] for one in lines(run("health", "--json"))[0]["providers"]}
    assert (states["acme"], states["ollama"]) == (False, True)
