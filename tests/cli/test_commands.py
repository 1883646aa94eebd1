"""The command line: help with examples, exit codes that scripts rely on, and failures shown where they happened."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import llmlab
from llmlab.errors import LLMError
from llmlab.lab import bootstrap
from llmlab.lab.cli import app as cli
from llmlab.lab.cli import test
from llmlab.lab.cli.app import app
from llmlab.lab.notebooks import handout, notebook_file, runner, update
from llmlab.lab.notebooks.result import Result

EXAMPLES = [example for _, example in (*cli.COMMANDS, *cli.CALLS)]
GOOD = Result(Path("01_call_openai.ipynb"), True, 1.25)
BAD = Result(Path("02_call_anthropic.ipynb"), False, 2.5, 7, "Traceback …\nValueError: [red] herring")
SKIPPED = Result(Path("03_x.ipynb"), True, 0.0, skipped="lesson 03 takes no --model")


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for the runner: `results` is what it returns, `options` what it was asked."""
    script: dict[str, Any] = {"results": [GOOD], "options": {}}

    def run_notebooks(targets: Any, *, on_done: Callable[[Result], object], **options: Any) -> list[Result]:
        script["options"] = {"targets": list(targets), **options}
        for result in script["results"]:
            on_done(result)
        results: list[Result] = script["results"]
        return results

    monkeypatch.setattr(
        notebook_file, "find_notebooks", lambda targets: [result.notebook for result in script["results"]]
    )
    monkeypatch.setattr(runner, "run_notebooks", run_notebooks)
    return script


def test_help_of_every_command_shows_an_example() -> None:
    """A learner copies the example before reading the options."""
    assert len(EXAMPLES) == 31
    for example in EXAMPLES:
        words = example.split()[: 2 if example.startswith(("batch", "config", "jobs")) else 1]
        result = invoke(*words, "--help")
        text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
        assert result.exit_code == 0, example
        assert f"Example: python3 -m llmlab {' '.join(words)} " in " ".join(text.split()), example


def test_every_command_is_listed_and_no_command_shows_the_list() -> None:
    shown = invoke().output
    assert all(example.split()[0] in shown for example in EXAMPLES)
    assert invoke("--version").stdout == f"llmlab {llmlab.__version__}\n"


def test_help_does_not_wait_for_the_rooms() -> None:
    """Importing papermill or pandas would make every `--help` take seconds."""
    heavy = "{'papermill', 'pandas', 'nbformat', 'httpx2', 'rich'}"
    code = f"import llmlab.lab.cli.app, sys; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=bootstrap.CLONE, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", ["lab", "simulate", "serve-health"])
def test_port_that_cannot_be_is_refused(command: str) -> None:
    """Else the reader gets a traceback of the socket module, or a server on another port."""
    result = invoke(command, "--port", "99999")
    assert (result.exit_code, "65535" in result.output) == (2, True)


def test_unknown_command_is_wrong_usage() -> None:
    result = invoke("labb")
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_kernels_find_this_package(monkeypatch: pytest.MonkeyPatch, ran: dict[str, Any]) -> None:
    """In a conda environment with the dependencies only, `import llmlab` in a lesson would fail."""
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert invoke("run").exit_code == 0
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(bootstrap.CLONE), "mine"]


def test_run_hands_everything_on_and_shows_a_table(ran: dict[str, Any]) -> None:
    result = invoke("run", "01", "4", "--provider", "ollama", "--mode", "replay", "--model", "m", "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert ran["options"] == {
        "targets": ["01", "4"],
        "provider": "ollama",
        "mode": "replay",
        "model": "m",
        "jobs": 2,
        "output": Path("build"),
    }
    assert re.search(r"01_call_openai\.ipynb +ok +1\.2 s", result.stdout)
    assert str(Path("build/index.html")) in result.stdout


def test_run_that_fails_prints_cell_and_traceback(ran: dict[str, Any]) -> None:
    ran["results"] = [GOOD, BAD, SKIPPED]
    result = invoke("run")
    assert result.exit_code == 1
    assert "02_call_anthropic.ipynb, cell 7:\nTraceback …\nValueError: [red] herring\n" in result.stdout
    assert "skipped: lesson 03 takes no --model" in result.stdout


def test_run_with_a_wrong_provider_or_mode_starts_nothing(ran: dict[str, Any]) -> None:
    assert invoke("run", "--provider", "opnai").exit_code == 2
    assert invoke("run", "--mode", "ofline").exit_code == 2
    assert ran["options"] == {}


def test_live_run_without_a_key_starts_nothing(ran: dict[str, Any], tmp_path: Path) -> None:
    """The learner would otherwise wait for a kernel, and find the reason at the end of a traceback."""
    lesson = tmp_path / "01.ipynb"
    lesson.write_text('{"cells": [{"source": ["provider = \\"openai\\"\\n"]}]}', encoding="utf-8")
    ran["results"] = [Result(lesson, True, 1.0)]
    result = invoke("run", "01", "--mode", "live")
    assert (result.exit_code, ran["options"]) == (3, {})
    assert "OPENAI_API_KEY=<your key>" in result.stderr
    assert invoke("run", "01", "--mode", "live", "--provider", "ollama").exit_code == 0


def test_handout_hands_formats_on_and_lists_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def make_handouts(targets: Any, **options: Any) -> list[Path]:
        asked.update(options, targets=targets)
        return [Path("build/handouts/01.html")]

    monkeypatch.setattr(handout, "make_handouts", make_handouts)
    result = invoke("handout", "01", "--format", "html, PDF", "--solutions")
    assert asked == {
        "targets": ["01"],
        "formats": ["html", "pdf"],
        "solutions": True,
        "output": Path("build/handouts"),
    }
    assert result.stdout == f"{Path('build/handouts/01.html')}\n"


@pytest.mark.parametrize(
    ("words", "options", "coverage"),
    [
        (["--newest"], ["-n", "logical"], False),
        (["--coverage"], ["-n", "logical"], True),
        (["--", "-k", "retry", "-x"], ["-k", "retry", "-x"], False),
    ],
)
def test_the_suite_is_one_run_of_pytest_and_measures_coverage_on_request(
    words: list[str], options: list[str], coverage: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coverage costs a quarter of the time; a part of the suite covers a part of the code, and would fail the floor."""
    seen: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        seen.append(command)
        return SimpleNamespace(returncode=5)

    monkeypatch.setattr(test, "subprocess", SimpleNamespace(run=run))
    assert invoke("test", *words).exit_code == 5
    assert seen[0][1:3] == ["-m", "pytest"]
    assert seen[0][3 : 3 + len(options)] == options
    assert ("--cov-fail-under=95" in seen[0]) is coverage


@pytest.mark.parametrize("command", ["test", "lab", "update"])
def test_outside_the_repository_it_says_where_tests_and_lessons_are(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "CLONE", tmp_path)
    result = invoke(command)
    assert result.exit_code == 2
    assert "Clone it" in result.output


def test_error_of_llmlab_is_a_message_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(prog_name: str) -> None:
        raise LLMError("there is no lesson 99. Lessons: 00, 01.")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err == "llmlab: there is no lesson 99. Lessons: 00, 01.\n"


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(targets: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(notebook_file, "find_notebooks", stop)
    monkeypatch.setattr(sys, "argv", ["llmlab", "run"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130


def test_update_writes_outputs_and_takes_no_other_mode(ran: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored outputs come from the recordings alone; a live answer in them would fail on the next run."""
    asked: list[Any] = []
    monkeypatch.setattr(update, "update_outputs", lambda targets, on_done: asked.append(targets) or [GOOD])
    shown = invoke("run", "01", "--update")
    assert (shown.exit_code, asked) == (0, [["01"]])
    assert "index.html" not in shown.stdout
    assert invoke("run", "01", "--update", "--mode", "live").exit_code == 2
    assert asked == [["01"]]
