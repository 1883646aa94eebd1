"""`rosetta` on the command line: readable in a terminal, whole in a pipe, and it never asks for a key."""

from __future__ import annotations

from llmlab.formats import FORMATS
from tests.cli.running import lines, run


def test_a_prompt_is_shown_in_every_format() -> None:
    result = run("rosetta", "Why", "is", "it?", "--system", "Be brief.")
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(name in result.stdout for name in FORMATS)
    assert '"input": "Why is it?"' in result.stdout
    assert '"instructions": "Be brief."' in result.stdout


def test_a_prompt_comes_through_a_pipe() -> None:
    assert '"input": "Why?"' in run("rosetta", piped="Why?\n").stdout
    assert run("rosetta", piped="").exit_code == 2


def test_json_is_a_line_a_format() -> None:
    """A script compares what two vendors are sent."""
    found = lines(run("rosetta", "Hi", "--json", "--stream", "--temperature", "0", "--max-tokens", "9", "--model", "m"))
    assert [one["format"] for one in found] == list(FORMATS)
    bodies = {one["format"]: one["body"] for one in found}
    assert bodies["openai_responses"] == {
        "model": "m",
        "input": "Hi",
        "temperature": 0,
        "max_output_tokens": 9,
        "stream": True,
    }
    assert bodies["anthropic_messages"] is None
    assert "has no temperature" in next(one["refusal"] for one in found if one["format"] == "anthropic_messages")


def test_providers_limit_what_is_shown() -> None:
    found = lines(run("rosetta", "Hi", "--provider", "anthropic", "--provider", "openai_chat", "--json"))
    assert [one["format"] for one in found] == ["openai_chat", "anthropic_messages"]


def test_a_wrong_name_or_option_is_wrong_usage() -> None:
    result = run("rosetta", "Hi", "--provider", "opnai", "--json")
    assert result.exit_code == 2
    assert "did you mean 'openai'?" in result.stderr
    assert lines(result)[0]["error"]["exit_code"] == 2
    assert run("rosetta", "Hi", "--temperature", "9").exit_code == 2
