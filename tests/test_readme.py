"""The README is believed. If one of these fails, it says something that is not so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import llmlab
from llmlab.lab.cli.app import app
from llmlab.lab.notebooks.lessons import all_lessons, with_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python3 -m llmlab ([\w-]+)", README)))


def test_the_table_of_lessons_is_the_lessons_own() -> None:
    """A learner finds each lesson, with the time and the cost that the lesson itself states."""
    fresh = with_table(README, all_lessons(ROOT / "notebooks"))
    assert fresh == README, "run python3 -m llmlab.lab.notebooks.lessons"


def test_a_lesson_s_cost_is_a_few_words() -> None:
    """Once the paragraphs that followed it stood in the table, too."""
    assert max(len(lesson.cost) for lesson in all_lessons(ROOT / "notebooks")) < 80


def test_both_commands_are_named_first() -> None:
    """The two commands are all that a newcomer needs."""
    assert {"lab", "test"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    """A command in the README that is gone sends its reader away."""
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_every_link_leads_somewhere(path: str) -> None:
    """Pictures, lessons and pages that the README points to are there."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", README, re.DOTALL), ids=len)
def test_the_python_examples_run(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An example is copied before it is read."""
    llmlab.start("offline", pace=0)
    try:
        exec(example, {})
    finally:
        llmlab.stop()
    assert "openai" in (said := capsys.readouterr().out) or "scatters" in said


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+)(?:\(.*?\))?`", README.partition("## The package")[2]))))
def test_every_name_of_the_package_is_one(name: str) -> None:
    """A name in the README that is none costs its reader an hour."""
    commands = {command.name for command in [*app.registered_commands, *app.registered_groups]}
    assert name in llmlab.__all__ or name in commands


def test_what_it_says_of_the_recordings_is_so() -> None:
    """Nobody takes an authored answer for a real one."""
    files = list((ROOT / "notebooks" / "recordings").glob("*.yaml"))
    assert files
    assert all(file.read_text(encoding="utf-8").startswith("provenance: authored") for file in files)
