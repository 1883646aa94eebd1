"""README and docs: every command, link, name, example and number in them is tried."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import llmlab
from llmlab.lab.cli.app import app
from llmlab.lab.notebooks.lessons import all_lessons
from llmlab.toolkit.jobs.settings import forget
from tests.notebooks.lesson_table import with_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
LESSONS = all_lessons(ROOT / "notebooks")
EXAMPLES = [
    (name, code) for name, page in PAGES.items() for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
]
OPTIONS = sorted(set(re.findall(r"python3 -m llmlab ([\w-]+)[^`\n]*?(--[\w-]+)", "\n".join(PAGES.values()))))


def test_the_readme_fits_on_a_screen_and_a_half_and_begins_with_both_commands() -> None:
    """The two commands are all that a newcomer needs; the rest stands in docs/."""
    assert len(PAGES["README.md"].splitlines()) <= 75
    assert re.findall(r"^python3 -m llmlab (\w+)", PAGES["README.md"], re.MULTILINE)[:2] == ["lab", "test"]


def test_commands_exist_and_every_command_is_documented() -> None:
    """A command that does not exist stops its reader; one that is not listed is not found."""
    documented = set(re.findall(r"python3 -m llmlab ([\w-]+)", "\n".join(PAGES.values())))
    commands = {command.name or "" for command in [*app.registered_commands, *app.registered_groups]}
    for command in documented:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
    assert {name for name in commands if f"`python3 -m llmlab {name}`" not in PAGES["commands.md"]} == set()


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_options_exist(command: str, option: str) -> None:
    """An option in an example is copied as it is."""
    help_text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
    assert option in re.sub(r"\x1b\[[0-9;]*m", "", help_text)


def test_links_lead_somewhere() -> None:
    """A reader follows every link."""
    for name, page in PAGES.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page):
            assert (folder / link).exists(), f"{name}: {link}"


@pytest.mark.parametrize("example", [code for _, code in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_python_examples_run(
    example: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example is copied before it is read."""
    monkeypatch.chdir(tmp_path)
    llmlab.start("offline", pace=0)
    try:
        exec(example, {})
    finally:
        llmlab.stop()
        forget()
    assert capsys.readouterr().out


def test_names_of_the_package_exist() -> None:
    """A wrong name in the documentation costs its reader an hour."""
    names = set(re.findall(r"`@?(?:llmlab\.)?(\w+)(?:\(.*?\))?`", PAGES["package.md"]))
    extra = {"tool", "repr", "yaml"}
    assert {name for name in names - extra if name not in llmlab.__all__} == set()


def test_the_table_of_lessons_is_up_to_date() -> None:
    """A learner finds each lesson with the time and the cost that the lesson itself states."""
    assert with_table(PAGES["lessons.md"], LESSONS) == PAGES["lessons.md"], (
        "run python3 -m tests.notebooks.lesson_table"
    )
    assert max(len(lesson.cost) for lesson in LESSONS) < 80


def test_numbers_are_true() -> None:
    """Twenty lessons, and most of them cost less than one cent."""
    assert len(LESSONS) == 20
    assert "Twenty lessons" in PAGES["README.md"]
    assert sum("less than $0.01" in lesson.cost or "free" in lesson.cost for lesson in LESSONS) > 15


def test_modes_are_documented() -> None:
    """A mode that only the code knows is never used."""
    rows = re.findall(r"^\| `(\w+)`", PAGES["offline-and-live.md"], re.MULTILINE)
    for mode in rows:
        llmlab.start(mode, pace=0, lesson=None) if mode in ("offline", "replay") else None
        llmlab.stop()
    assert rows == ["offline", "replay", "live", "record"]


def test_what_is_said_of_the_recordings_is_true() -> None:
    """A reader must not take an authored answer for a real one."""
    files = list((ROOT / "notebooks" / "recordings").glob("*.yaml"))
    assert len(files) == 20
    assert all(file.read_text(encoding="utf-8").startswith("provenance: authored") for file in files)


def test_extras_can_be_installed() -> None:
    """`pip install ".[sql]"` with an unknown extra only warns, and the reader wonders later."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set(re.findall(r"\.\[(\w+)\]", "\n".join(PAGES.values())))
    assert named
    assert named <= set(project["optional-dependencies"])
