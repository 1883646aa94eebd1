"""The way from a bare Python to a working llmlab: without it a learner's first command fails on a fresh machine."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmlab.lab import bootstrap, installer
from llmlab.lab.bootstrap import BASE, TEST, Environment, prepare

PYPROJECT = """[project]
dependencies = [{base}]
[project.optional-dependencies]
test = ["pytest>=9"]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose package needs something that no machine has."""
    folder = tmp_path / "clone"
    folder.mkdir()
    write_dependencies(folder, "no-such-thing>=1")
    (folder / "constraints.txt").write_text("no-such-thing==1.5\n", encoding="utf-8")
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the bootstrap did: installs and the continuation inside, with nothing really installed."""
    done: list[Any] = []

    def create(self: Environment) -> None:
        done.append("create incomplete" if self.incomplete.exists() else "create")
        self.python.parent.mkdir(parents=True, exist_ok=True)
        self.python.touch()

    def install(python: Path, clone: Path, options: list[str], lock: int | None) -> str:
        done.append(" ".join(options))
        return ""

    monkeypatch.setattr(Environment, "create", create)
    monkeypatch.setattr(installer, "install", install)
    monkeypatch.setattr(os, "execv", lambda program, command: done.append(command[2:]))
    return done


def write_dependencies(folder: Path, *names: str) -> None:
    text = PYPROJECT.format(base=", ".join(f'"{name}"' for name in names))
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """Let this process believe that it runs inside the environment."""
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(bootstrap, "absent", lambda need, clone: [*missing])


def test_first_start_installs_the_pinned_versions_and_continues_and_a_second_one_just_continues(
    clone: Path, calls: list[Any]
) -> None:
    prepare(["run", "01", "--jobs", "2"], Environment(clone))
    assert calls == ["create", "-c constraints.txt -e .", ["llmlab", "run", "01", "--jobs", "2"]]
    calls.clear()
    prepare(["lab"], Environment(clone))
    assert calls == [["llmlab", "lab"]]


def test_command_test_gets_the_test_tools_and_others_do_not(clone: Path, calls: list[Any]) -> None:
    prepare(["lab"], Environment(clone))
    assert not Environment(clone).current(TEST)
    prepare(["test"], Environment(clone))
    assert calls[-2] == "-c constraints.txt -e .[test]"
    assert Environment(clone).current(BASE)
    assert Environment(clone).current(TEST)


@pytest.mark.parametrize(
    ("words", "folder", "options"),
    [
        (["lab", "--newest"], ".venv-newest", "--upgrade -e ."),
        (["test", "-x", "--newest"], ".venv-newest", "--upgrade -e .[test]"),
        (["test", "--lowest"], ".venv-lowest", "--resolution lowest-direct -e .[test]"),
        (["ask", "--newest"], ".venv", "-c constraints.txt -e ."),
        (["update"], ".venv", "-c constraints.txt -e .[test]"),
    ],
)
def test_each_set_of_versions_has_its_own_environment(
    words: list[str], folder: str, options: str, clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switching between them would otherwise install each time; and packages of this process are not the newest."""
    monkeypatch.setattr(bootstrap, "CLONE", clone)
    monkeypatch.setattr(Environment.__init__, "__defaults__", (clone, "pinned"))
    prepare(words)
    assert calls == ["create", options, ["llmlab", *words]]
    assert (clone / folder / "bin" / "python").exists()


def test_the_newest_versions_are_looked_up_once_a_day(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = SimpleNamespace(today=lambda: "2026-11-21")
    monkeypatch.setattr(bootstrap, "date", day)
    newest, pinned = (Environment(clone, versions).fingerprint(BASE) for versions in ("newest", "pinned"))
    day.today = lambda: "2026-11-22"
    assert Environment(clone, "newest").fingerprint(BASE) != newest
    assert Environment(clone).fingerprint(BASE) == pinned


def test_installed_packages_are_used_as_they_are(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In conda, Colab and an active environment nobody wants a second one; but other versions need it."""
    write_dependencies(clone, "pytest", "PyYAML>=6", "types-PyYAML")
    prepare(["lab"], Environment(clone))
    assert calls == []
    assert not (clone / ".venv").exists()
    prepare(["lab", "--newest"], Environment(clone, "newest"))
    assert calls[1] == "--upgrade -e ."


def test_without_a_clone_nothing_happens(tmp_path: Path, calls: list[Any]) -> None:
    """Installed into site-packages, llmlab must not make environments there."""
    prepare(["lab"], Environment(tmp_path))
    assert calls == []


@pytest.mark.parametrize("change", ["dependency", "constraints", "moved", "incomplete", "no python", "no stamp"])
def test_environment_that_does_not_fit_is_repaired(change: str, clone: Path, calls: list[Any]) -> None:
    prepare(["lab"], Environment(clone))
    calls.clear()
    if change == "dependency":
        write_dependencies(clone, "no-such-thing>=2")
    elif change == "constraints":
        (clone / "constraints.txt").write_text("no-such-thing==1.6\n", encoding="utf-8")
    elif change == "moved":
        clone = clone.rename(clone.with_name("elsewhere"))
    environment = Environment(clone)
    if change == "incomplete":
        environment.incomplete.touch()
    elif change == "no python":
        environment.python.unlink()
    elif change == "no stamp":
        environment.stamp(BASE).unlink()
    prepare(["lab"], environment)
    assert calls[0] == ("create incomplete" if change == "incomplete" else "create")
    assert calls[2] == ["llmlab", "lab"]
    assert environment.current(BASE)


def test_inside_a_current_environment_the_command_just_runs(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(["lab"], Environment(clone))
    calls.clear()
    enter(clone / ".venv", monkeypatch)
    prepare(["lab"], Environment(clone))
    assert calls == []


def test_package_deleted_from_the_environment_is_noticed(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installer would believe its own records, so the environment is made anew."""
    prepare(["lab"], Environment(clone))
    calls.clear()
    enter(clone / ".venv", monkeypatch, "no_such_thing")
    prepare(["lab"], Environment(clone))
    assert calls[0] == "create incomplete"
    assert "no_such_thing was removed from .venv" in capsys.readouterr().err


@pytest.mark.parametrize(("complaint", "incomplete"), [(installer.NO_NETWORK, False), (installer.FAILED, True)])
def test_failed_install_is_explained_and_not_taken_for_a_good_one(
    complaint: str, incomplete: bool, clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without network nothing was changed, so the next start goes on where this one stopped."""
    monkeypatch.setattr(installer, "install", lambda *arguments: complaint)
    with pytest.raises(SystemExit, match="run the same command again"):
        prepare(["lab"], Environment(clone))
    assert Environment(clone).incomplete.exists() is incomplete
    assert not Environment(clone).current(BASE)


def test_missing_venv_module_names_the_debian_package(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        Environment(clone).create()


def test_environment_that_cannot_be_made_says_why(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = SimpleNamespace(returncode=1, stdout="", stderr="disk is full")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: refused)
    with pytest.raises(SystemExit, match=r"disk is full\nDelete the folder \.venv"):
        Environment(clone).create()


def test_broken_environment_is_really_repaired(clone: Path) -> None:
    """The one test with a real venv: it begins with a broken link to Python, as an upgrade of the system leaves it."""
    environment = Environment(clone)
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(clone / "gone")
    assert not environment.works()
    environment.create()
    assert environment.works()


@pytest.mark.parametrize(("incomplete", "made"), [(False, []), (True, [["--clear"]])])
def test_incomplete_environment_is_emptied_and_a_good_one_left_alone(
    incomplete: bool, made: list[list[str]], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill an installer takes half a package for a whole one; so nothing of it may stay."""
    environment = Environment(clone)
    environment.folder.mkdir()
    if incomplete:
        environment.incomplete.touch()
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    environment.create()
    assert [command[3:-1] for command in commands if command[1:3] == ["-m", "venv"]] == made


def test_two_at_once_wait_for_each_other_and_the_work_is_done_once(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such lock")
    answers = iter([False, True])
    monkeypatch.setattr(Environment, "current", lambda self, need: next(answers))
    with (clone / ".venv.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(bootstrap, "say", lambda text: (print(text), fcntl.flock(other, fcntl.LOCK_UN)))
        prepare(["lab"], Environment(clone))
    assert capsys.readouterr().out == "another llmlab is installing here; waiting for it\n"
    assert calls == [["llmlab", "lab"]]


def test_drive_without_locks_is_good_enough(clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such lock")

    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    prepare(["lab"], Environment(clone))
    assert Environment(clone).current(BASE)


def test_folder_that_cannot_be_written_is_named_as_the_reason(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / ".venv.lock").mkdir()
    with pytest.raises(SystemExit, match="Copy the folder to a place of your own"):
        prepare(["lab"], Environment(clone))
    assert calls == []


def test_windows_waits_for_the_continuation_and_returns_its_code(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There execv returns to the prompt at once, with the command still running."""
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command)
        return 3

    monkeypatch.setattr(bootstrap, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(bootstrap, "subprocess", SimpleNamespace(call=call))
    with pytest.raises(SystemExit) as end:
        prepare(["doctor"], Environment(clone))
    assert end.value.code == 3
    assert called[0][0].endswith("python.exe")
    assert called[0][1:] == ["-m", "llmlab", "doctor"]


def test_every_requirement_is_found_under_the_name_it_is_imported_by() -> None:
    """One wrong name, and every start would install again."""
    assert bootstrap.absent(BASE) == bootstrap.absent(TEST) == []
