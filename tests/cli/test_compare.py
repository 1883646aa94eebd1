"""`compare` on the command line. If one fails, a script reads the wrong winner."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmlab
from tests.cli.running import OFFLINE, lines, run, said, settings_for
from tests.loopback import LoopbackServer

PROMPTS = "What is 2 + 2?\nWhy is the sky blue?\n"
TWO = ("--provider", "openai", "--provider", "ollama")


def test_the_tables_are_for_people() -> None:
    result = run("compare", "-", *TWO, piped=PROMPTS)
    assert (result.exit_code, result.stderr) == (0, OFFLINE)
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["answers", "errors", "score", "latency", "output_tokens", "cost"]
    assert [row.split()[:3] for row in rows[1:3]] == [["openai", "2", "0"], ["ollama", "2", "0"]]
    assert "contestant   than  metric  prompts  difference" in result.stdout


def test_the_shape_of_json() -> None:
    (found,) = lines(run("compare", "-", *TWO, "--n", "2", "--json", piped=PROMPTS))
    assert list(found) == ["rows", "summary", "differences"]
    assert len(found["rows"]) == 8
    assert list(found["rows"][0]) == [
        *("number", "prompt", "contestant", "run", "answer", "input_tokens", "output_tokens", "cost", "latency"),
        *("source", "error", "score", "reason"),
    ]
    assert list(found["summary"][0]) == [
        *("contestant", "answers", "errors", "score", "latency", "output_tokens", "cost")
    ]
    assert list(found["differences"][0]) == [
        *("contestant", "than", "metric", "prompts", "difference", "low", "high", "p")
    ]
    assert found["rows"][0]["score"] is None


def test_one_contestant_differs_from_nobody() -> None:
    result = run("compare", "-", "--provider", "openai", piped=PROMPTS)
    assert (result.exit_code, "than" in result.stdout) == (0, False)
    (found,) = lines(run("compare", "-", "--provider", "openai", "--json", piped=PROMPTS))
    assert found["differences"] == []


def test_a_judge_scores(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_for(server)
    server.answer(said("Four."))
    server.answer(said('{"reason": "right", "score": 9}'))
    words = ("--provider", "ollama", "--judge", "ollama", "--criteria", "Is it right?", "--mode", "live", "--json")
    (found,) = lines(run("compare", "-", *words, piped="What is 2 + 2?"))
    assert (found["rows"][0]["score"], found["rows"][0]["reason"], found["summary"][0]["score"]) == (9, "right", 9)
    assert "Criteria: Is it right?" in server.seen[1].body["messages"][0]["content"]


def test_a_model_that_is_down_is_told_and_is_exit_code_1(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"error": "down"}, 500)
    result = run("compare", "-", "--provider", "ollama", "--mode", "live", piped="Hi")
    assert result.exit_code == 1
    assert "llmlab: ollama, prompt 0: LLMAPIError: ollama answered 500: down." in result.stderr


def test_a_stopped_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("compare", "-", *TWO, "--resume", "run.jsonl", "--json")
    first = run(*words, piped=PROMPTS)
    kept = Path("run.jsonl").read_text(encoding="utf-8")
    assert run(*words, piped=PROMPTS).stdout == first.stdout
    assert Path("run.jsonl").read_text(encoding="utf-8") == kept


def test_wrong_usage_is_said() -> None:
    assert run("compare", "-", piped=PROMPTS).exit_code == 2
    result = run("compare", "-", "--provider", "opnai", "--json", piped=PROMPTS)
    assert (result.exit_code, lines(result)[0]["error"]["type"]) == (2, "ConfigurationError")
    assert llmlab.mode() == "off"


def test_the_table_measures_what_is_configured(server: LoopbackServer) -> None:
    """A row for each provider, in their order; one that fails says why and is exit code 1."""
    result = run("compare", "--table")
    assert (result.exit_code, result.stderr) == (0, OFFLINE)
    head, line, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in result.stdout.splitlines())
    assert head == ["Provider", "Avg latency", "Tokens/sec", "Privacy", "Cost per answer"]
    assert set("".join(line)) == {"-"}
    assert [(row[0].split()[0], row[3], row[4] == "free") for row in rows] == [
        ("openai", "cloud", False),
        ("anthropic", "cloud", False),
        ("openrouter", "cloud", True),
        ("ollama", "full", True),
        ("local_gpt_oss", "full", True),
    ]
    assert all(row[1].endswith(" s") and float(row[2]) > 0 for row in rows)
    assert rows[0][4].startswith("$0.0000")


def test_the_table_of_some_providers_as_json(server: LoopbackServer) -> None:
    settings_for(server)
    server.answer({"error": "down"}, 500)
    words = ("--table", "--provider", "ollama", "--provider", "openai", "--mode", "live", "--json")
    result = run("compare", "-", *words, piped="Hi")
    assert result.exit_code == 1
    (found,) = lines(result)
    assert run("compare", "--table", "--judge", "openai").exit_code == 2
    down, without_key = found["rows"]
    assert down.keys() == {"provider", "latency", "tokens_per_second", "privacy", "cost", "error"}
    assert (down["provider"].split()[0], down["latency"], down["privacy"]) == ("ollama", None, "full")
    assert "LLMAPIError" in down["error"]
    assert (without_key["provider"], "no API key" in without_key["error"]) == ("openai", True)
