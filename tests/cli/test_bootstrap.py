"""The way from a bare Python to a working llmlab: without it a learner's first command fails on a fresh machine."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import time
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
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the bootstrap did: installs and the continuation inside, with nothing really installed."""
    done: list[Any] = []

    def create(self: Environment) -> None:
        done.append("create torn" if self.torn.exists() else "create")
        self.python.parent.mkdir(parents=True, exist_ok=True)
        self.python.touch()

    def install(python: Path, clone: Path, target: str, lock: int | None) -> str:
        done.append(target)
        return ""

    monkeypatch.setattr(Environment, "create", create)
    monkeypatch.setattr(installer, "install", install)
    monkeypatch.setattr(os, "execv", lambda program, command: done.append(command[2:]))
    return done


def write_dependencies(folder: Path, *names: str) -> None:
    text = PYPROJECT.format(base=", ".join(f'"{name}"' for name in names))
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_first_start_installs_and_continues_with_the_same_arguments(clone: Path, calls: list[Any]) -> None:
    prepare(["run", "01", "--jobs", "2"], Environment(clone))
    assert calls == ["create", ".", ["llmlab", "run", "01", "--jobs", "2"]]


def test_second_start_installs_nothing(clone: Path, calls: list[Any]) -> None:
    prepare(["lab"], Environment(clone))
    calls.clear()
    prepare(["lab"], Environment(clone))
    assert calls == [["llmlab", "lab"]]


def test_command_test_gets_the_test_tools_and_others_do_not(clone: Path, calls: list[Any]) -> None:
    prepare(["lab"], Environment(clone))
    prepare(["test"], Environment(clone))
    assert [call for call in calls if isinstance(call, str) and "create" not in call] == [".", ".[test]"]
    assert Environment(clone).current(BASE)
    assert Environment(clone).current(TEST)


def test_packages_that_are_there_are_used_as_they_are(clone: Path, calls: list[Any]) -> None:
    """In conda, Colab and an active environment nobody wants a second one."""
    write_dependencies(clone, "pytest", "PyYAML>=6", "types-PyYAML")
    prepare(["lab"], Environment(clone))
    assert calls == []
    assert not (clone / ".venv").exists()


def test_without_a_clone_nothing_happens(tmp_path: Path, calls: list[Any]) -> None:
    """Installed into site-packages, llmlab must not make environments there."""
    prepare(["lab"], Environment(tmp_path))
    assert calls == []


@pytest.mark.parametrize("change", ["dependency", "moved", "torn", "no python", "no stamp"])
def test_environment_that_does_not_fit_is_mended(change: str, clone: Path, calls: list[Any]) -> None:
    prepare(["lab"], Environment(clone))
    calls.clear()
    if change == "dependency":
        write_dependencies(clone, "no-such-thing>=2")
    elif change == "moved":
        clone = clone.rename(clone.with_name("elsewhere"))
    environment = Environment(clone)
    if change == "torn":
        environment.torn.touch()
    elif change == "no python":
        environment.python.unlink()
    elif change == "no stamp":
        environment.stamp(BASE).unlink()
    prepare(["lab"], environment)
    assert calls == ["create torn" if change == "torn" else "create", ".", ["llmlab", "lab"]]
    assert environment.current(BASE)


def test_inside_a_current_environment_the_command_just_runs(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(["lab"], Environment(clone))
    calls.clear()
    monkeypatch.setattr(sys, "prefix", str(clone / ".venv"))
    monkeypatch.setattr(bootstrap, "absent", lambda need, clone: [])
    prepare(["lab"], Environment(clone))
    assert calls == []


def test_package_deleted_from_the_environment_is_noticed(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installer would believe its own records, so the environment is made anew."""
    prepare(["lab"], Environment(clone))
    calls.clear()
    monkeypatch.setattr(sys, "prefix", str(clone / ".venv"))
    prepare(["lab"], Environment(clone))
    assert calls[0] == "create torn"
    assert "no_such_thing has gone from .venv" in capsys.readouterr().err


def test_no_network_is_said_and_the_next_start_goes_on(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    working = installer.install
    monkeypatch.setattr(installer, "install", lambda *arguments: installer.NO_NETWORK)
    with pytest.raises(SystemExit, match=r"no network(?s:.*)run the same command again"):
        prepare(["lab"], Environment(clone))
    monkeypatch.setattr(installer, "install", working)
    prepare(["lab"], Environment(clone))
    assert calls == ["create", "create", ".", ["llmlab", "lab"]]


def test_failed_install_is_not_taken_for_a_good_one(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer, "install", lambda *arguments: installer.FAILED)
    with pytest.raises(SystemExit, match="recovers by itself"):
        prepare(["lab"], Environment(clone))
    assert Environment(clone).torn.exists()
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


def test_half_made_environment_is_really_mended(clone: Path) -> None:
    """The one test with a real venv: it begins with a broken link to Python, as an upgrade of the system leaves it."""
    environment = Environment(clone)
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(clone / "gone")
    assert not environment.works()
    environment.create()
    assert environment.works()


@pytest.mark.parametrize(("torn", "made"), [(False, []), (True, [["--clear"]])])
def test_torn_environment_is_emptied_and_a_good_one_left_alone(
    torn: bool, made: list[list[str]], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill an installer takes half a package for a whole one; so nothing of it may stay."""
    environment = Environment(clone)
    environment.folder.mkdir()
    if torn:
        environment.torn.touch()
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    environment.create()
    assert [command[3:-1] for command in commands if command[1:3] == ["-m", "venv"]] == made


def test_two_at_once_wait_for_each_other(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such lock")
    with (clone / ".venv.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        # The other one ends while this one waits.
        monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(other, fcntl.LOCK_UN))
        with bootstrap._alone(clone) as lock:
            assert lock is not None
    assert capsys.readouterr().err.count("another llmlab is installing here") == 1


def test_work_done_while_waiting_is_not_done_again(
    clone: Path, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(Environment, "current", lambda self, need: next(answers))
    prepare(["lab"], Environment(clone))
    assert calls == [["llmlab", "lab"]]


def test_drive_without_locks_is_good_enough(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such lock")

    def refuse(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with bootstrap._alone(clone) as lock:
        assert lock is not None


def test_folder_that_cannot_be_written_is_named_as_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="Copy the folder to a place of your own"), bootstrap._alone(tmp_path / "none"):
        pytest.fail("there is no lock to be had here")


def test_windows_waits_for_the_continuation_and_returns_its_code(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There execv returns to the prompt at once, with the command still running."""
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command)
        return 3

    monkeypatch.setattr(bootstrap, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(bootstrap, "subprocess", SimpleNamespace(call=call))
    with pytest.raises(SystemExit) as end:
        bootstrap._continue_inside(Environment(clone), ["doctor"])
    assert end.value.code == 3
    assert called[0][0].endswith("python.exe")
    assert called[0][1:] == ["-m", "llmlab", "doctor"]


@pytest.mark.parametrize("need", [BASE, TEST])
def test_every_requirement_is_found_under_the_name_it_is_imported_by(need: str) -> None:
    """One wrong name, and every start would install again."""
    assert bootstrap.absent(need) == []
