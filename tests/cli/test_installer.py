"""The installer: fast where it can be, and understandable where it fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab.lab import installer

OFFLINE = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"


@pytest.mark.parametrize(
    ("answers", "taken", "complaint"),
    [
        pytest.param({}, ["get", "uv"], "", id="uv"),
        pytest.param({"get": (False, "no wheel for this platform")}, ["get", "pip"], "", id="no uv for this machine"),
        pytest.param({"uv": (False, OFFLINE)}, ["get", "uv", "pip"], "", id="only pip knows the mirror"),
        pytest.param({"get": (False, OFFLINE)}, ["get"], installer.NO_NETWORK, id="no network"),
        pytest.param(
            {"uv": (False, ""), "pip": (False, OFFLINE)}, ["get", "uv", "pip"], installer.NO_NETWORK, id="cut"
        ),
        pytest.param(
            *({"uv": (False, ""), "pip": (False, "disk is full")}, ["get", "uv", "pip"]),
            installer.FAILED.format(".venv"),
            id="full",
        ),
    ],
)
def test_each_way_to_install_and_to_fail(
    answers: dict[str, Any],
    taken: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[str] = []

    def run(command: list[str], step: str, folder: Path, lock: int | None) -> tuple[bool, str]:
        done.append("get" if command[-1] == "uv" else "uv" if "uv" in command else "pip")
        answer: tuple[bool, str] = answers.get(done[-1], (True, ""))
        return answer

    monkeypatch.setattr(installer, "run", run)
    assert installer.install(Path(".venv/bin/python"), Path(), ["-e", "."]) == complaint
    assert done == taken
    assert ("disk is full" in capsys.readouterr().err) == ("reason stands above" in complaint)


def test_progress_is_shown_on_stderr_without_the_list_of_packages(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """stdout belongs to the command that follows: `doctor --json` is JSON on its first run too."""
    code = "print('Resolved 129 packages'); print(' + openai==3.52.0'); raise SystemExit(4)"
    done, output = installer.run([sys.executable, "-c", code], "installing", tmp_path)
    shown = capfd.readouterr()
    assert not done
    assert "openai==3.52.0" in output
    assert shown.out == ""
    assert shown.err == "llmlab: installing\n  Resolved 129 packages\n"


def test_a_long_step_says_that_it_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A learner who sees nothing for a minute stops the install. The step ends when it was said."""
    monkeypatch.setattr(installer, "HEARTBEAT", 0.01)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        (tmp_path / "said").write_text("".join(said[1:]), encoding="utf-8")

    monkeypatch.setattr(installer, "say", say)
    waits = "while time.monotonic() < end and 'still' not in pathlib.Path('said').read_text(): time.sleep(0.01)"
    code = f"import pathlib, time\nend = time.monotonic() + 5\n{waits}"
    assert installer.run([sys.executable, "-c", code], "installing", tmp_path) == (True, "")
    assert said[1].startswith("still installing, ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
def test_stopping_it_says_that_the_next_start_recovers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.1)"
    with pytest.raises(SystemExit) as end:
        installer.run([sys.executable, "-c", code], "installing", tmp_path)
    assert end.value.code == 130
    assert "recovers by itself" in capsys.readouterr().err
