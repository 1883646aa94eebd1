"""The command `record` before anything is spent: what it will cost, whose key is missing, and who has to agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmlab.errors import LLMError
from llmlab.lab.cli import recordings
from llmlab.lab.cli.app import app
from llmlab.lab.notebooks import update
from llmlab.lab.notebooks.cost_estimate import spending_of
from llmlab.lab.notebooks.result import Result
from llmlab.lab.tape.cassette import Cassette, Interaction, write_cassette
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.recordings.changed import recorded
from tests.runner.samples import code, save, text

ASK = "import openai\nopenai.OpenAI().responses.create(model='gpt-6-luna', input='Hello').output_text"
HEAD = "# Ask\n\n**What you'll do:** ask.\n\n**What you'll need:** a key · 5 minutes · live, this lesson {}"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which notebooks were started; nothing is run."""
    seen: list[Path] = []

    def record_notebook(target: Path, **_: Any) -> Result:
        seen.append(target)
        return Result(target, True, 1.0)

    monkeypatch.setattr(update, "record_notebook", record_notebook)
    return seen


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader with a key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine-1234567")


def record(path: Path, *options: str, answer: str = "") -> Any:
    return CliRunner().invoke(app, ["record", str(path), *options], input=answer)


def expensive(folder: Path, model: str = "gpt-6-luna") -> Path:
    """A notebook whose recording says that it took ten million tokens."""
    usage = {"input_tokens": 10_000_000, "output_tokens": 10_000_000}
    asked = TapeRequest("POST", "openai", "/v1/responses", {}, {"model": model})
    file = Cassette("recorded", "2026-11-14", (Interaction(asked, TapeAnswer(body={"usage": usage})),))
    write_cassette(folder / "recordings" / "01_ask.yaml", file)
    return save(folder / "01_ask.ipynb", ASK)


def test_a_missing_key_is_reported_before_a_kernel_starts(tmp_path: Path, started: list[Path]) -> None:
    """Not after a minute, as a 401 inside a cell, with half of the lesson paid for."""
    path = save(tmp_path / "01_ask.ipynb", ASK, text("# Ask"), "llmlab.get_provider('anthropic')")
    for _ in ("never recorded", "recorded before"):
        result = record(path)
        assert (result.exit_code, started) == (2, [])
        assert "needs OPENAI_API_KEY and ANTHROPIC_API_KEY" in result.output
        assert "--authored" in result.output
        write_cassette(tmp_path / "recordings" / "01_ask.yaml", recorded("plain", "claude"))


def test_a_cheap_lesson_is_recorded_without_a_question(tmp_path: Path, started: list[Path], key: None) -> None:
    """The price of a cent is said, and nobody is bothered."""
    path = save(tmp_path / "01_ask.ipynb", ASK)
    write_cassette(tmp_path / "recordings" / "01_ask.yaml", recorded("plain", "streamed"))
    result = record(path)
    assert result.exit_code == 0, result.output
    assert "about $0.00" in result.output
    assert "tokens of the present recording" in result.output
    assert started == [path]


def test_more_than_the_limit_is_asked_for(
    tmp_path: Path, started: list[Path], key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lesson that has become expensive is not paid for by a habit of typing."""
    monkeypatch.setattr(recordings, "is_interactive", lambda: True)
    for answer in ("\n", "n\n", "y\n"):
        assert started == []
        result = record(expensive(tmp_path), "--max-usd", "0.50", answer=answer)
        assert "Recording 01_ask.ipynb costs about $" in result.output
    assert len(started) == 1


def test_without_a_terminal_more_than_the_limit_is_refused(tmp_path: Path, started: list[Path], key: None) -> None:
    """A job in the night does not wait for an answer, and does not spend what nobody agreed to."""
    result = record(expensive(tmp_path), "--max-usd", "0.50")
    assert (result.exit_code, started) == (2, [])
    assert "--yes" in result.output
    assert "--max-usd" in result.output


def test_an_option_agrees_to_the_cost(tmp_path: Path, started: list[Path], key: None) -> None:
    """A job that is meant to spend can say so."""
    for options in (["--yes"], ["--max-usd", "100000"]):
        assert record(expensive(tmp_path), *options).exit_code == 0
    assert len(started) == 2


def test_an_unknown_price_is_said_and_asked_for(tmp_path: Path, started: list[Path], key: None) -> None:
    """No price is not a price of nothing."""
    result = record(expensive(tmp_path, model="a-model-without-a-price"))
    assert (result.exit_code, started) == (2, [])
    assert "an unknown amount: the price of a-model-without-a-price is not known" in result.output


def test_a_lesson_that_was_never_recorded_is_judged_by_its_head(tmp_path: Path, started: list[Path], key: None) -> None:
    """The head of a lesson says what it costs; that holds until there is something to count."""
    for says, options, exit_code in (
        ("costs less than $0.02", [], 0),
        ("costs less than $0.02", ["--max-usd", "0.01"], 2),
        ("is free", ["--max-usd", "0"], 0),
        ("costs something", [], 2),
    ):
        path = save(tmp_path / "01_ask.ipynb", text(HEAD.format(says)), ASK)
        assert record(path, *options).exit_code == exit_code, says


def test_authored_needs_no_key_and_no_agreement(tmp_path: Path, started: list[Path]) -> None:
    """Nothing is sent, so nothing is asked."""
    assert record(expensive(tmp_path), "--authored", "--max-usd", "0").exit_code == 0
    assert len(started) == 1


def test_a_provider_that_the_lesson_does_not_ask_is_refused(tmp_path: Path, started: list[Path]) -> None:
    """`--provider` is for lessons that can change theirs; the message says whom this one asks."""
    path = expensive(tmp_path)
    error = record(path, "--provider", "anthropic").exception
    assert isinstance(error, LLMError)
    assert error.message.startswith("01_ask.ipynb takes no --provider; it asks openai.")
    assert started == []
    assert record(path, "--provider", "openai").exit_code == 2, "its own provider may be named; the key is missing"


def test_the_key_of_the_chosen_provider_is_looked_for(tmp_path: Path, started: list[Path], key: None) -> None:
    """A lesson with a provider to choose needs the key of the one that is chosen."""
    path = save(tmp_path / "01_ask.ipynb", code("provider = 'openai'\nmodel: str | None = None", "parameters"), "1")
    assert "ANTHROPIC_API_KEY" in record(path, "--provider", "anthropic").output
    assert "nothing is recorded yet, and its head says no cost" in record(path, "--provider", "openai").output


def test_spending_is_counted_in_every_format() -> None:
    """Each call counts once, with the tokens that the service says at the end."""
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    stream = ((0.1, start), (0.2, {"type": "message_delta", "usage": {"output_tokens": 30}}))
    for alias, answer, expected in (
        ("ollama", TapeAnswer(body={"prompt_eval_count": 5, "eval_count": 7}), "$0.0000 (5 tokens in, 7 out)"),
        ("anthropic", TapeAnswer(events=stream), "(9 tokens in, 30 out)"),
        ("openrouter", TapeAnswer(body={"usage": {"prompt_tokens": 1, "cost": 0.25}}), "$0.2500 (1 tokens in, 0 out)"),
        ("anthropic", TapeAnswer(body={"input_tokens": 9}), "$0.0000 (0 tokens in, 0 out)"),  # only counted
        ("openai", TapeAnswer(400, {}, {"error": {"code": 1}}), "$0.0000 (0 tokens in, 0 out)"),
    ):
        request = TapeRequest("POST", alias, "/v1/messages", {}, {"model": "claude-haiku-5-5"})
        assert expected in str(spending_of([Interaction(request, answer)]))
