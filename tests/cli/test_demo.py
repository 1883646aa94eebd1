"""`demo`: the first command of whoever comes from the document of the scripts."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cli.running import OFFLINE, lines, run, said, settings_for, streamed
from tests.core.trying import NAMES, spread
from tests.loopback import LoopbackServer

KINDS = ("sync", "async", "stream")


@pytest.mark.parametrize(("provider", "kind"), spread(NAMES, KINDS))
def test_each_provider_answers_in_each_way_and_shows_the_code(provider: str, kind: str) -> None:
    result = run("demo", provider, f"--{kind}", "What is 2+3?")
    assert (result.exit_code, result.stdout) == (0, "2+3 = 5\n")
    assert result.stderr.startswith(f"{OFFLINE}\nllmlab: {kind}: ")
    assert ("await " in result.stderr, "complete_stream" in result.stderr) == (kind == "async", kind == "stream")


def test_without_a_choice_and_a_prompt_all_three_are_shown() -> None:
    result = run("demo", "openrouter")
    assert result.exit_code == 0
    [(answer, times)] = Counter(result.stdout.splitlines()).items()
    assert (answer.startswith("A large language model is"), times) == (True, 3)


def test_all_three_are_sent_and_a_pipe_is_the_prompt(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer(said("Hi."))
    server.answer(said("Hi."))
    server.answer(streamed(said("Hi.", ""), said("")))
    result = run("demo", "ollama", "-", "--mode", "live", "--json", piped="Hello\n")
    assert [found["content"] for found in lines(result) if "content" in found] == ["Hi."] * 3
    assert [(one.body["messages"][0]["content"], one.body["stream"]) for one in server.seen] == [
        ("Hello", False),
        ("Hello", False),
        ("Hello", True),
    ]


def test_a_missing_key_ends_it_with_how_to_set_it_up() -> None:
    """The first thing that goes wrong for everybody."""
    result = run("demo", "openrouter", "--mode", "live", "Hi")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "OPENROUTER_API_KEY=<your key> into a file named .env" in result.stderr
    assert "https://openrouter.ai/settings/keys" in result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_model_names_the_models_there_are(kind: str) -> None:
    result = run("demo", "openrouter", f"--{kind}", "--model", "openrouter/fre", "Hi")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "openrouter/free" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["openruter", "Hi"], "Did you mean 'openrouter'"),
        (["openrouter", " "], "the prompt is empty"),
        (["openrouter", "--strem", "Hi"], "--stream"),
        ([], "PROVIDER"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_sent(words: list[str], says: str) -> None:
    result = run("demo", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.output
