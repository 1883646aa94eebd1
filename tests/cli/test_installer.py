"""The installer: fast where it can be, and understandable where it fails."""

from __future__ import annotations

import queue
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab.lab import installer

OFFLINE = "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answers of the three steps (get uv, uv, pip), and which of them were taken."""
    script: dict[str, Any] = {"get": (True, ""), "uv": (True, ""), "pip": (True, ""), "taken": []}

    def run(command: list[str], step: str, folder: Path, lock: int | None) -> tuple[bool, str]:
        name = "get" if command[-1] == "uv" else "uv" if "uv" in command else "pip"
        script["taken"].append(name)
        answer: tuple[bool, str] = script[name]
        return answer

    monkeypatch.setattr(installer, "run", run)
    return script


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
            {"uv": (False, ""), "pip": (False, "disk is full")}, ["get", "uv", "pip"], installer.FAILED, id="x"
        ),
    ],
)
def test_each_way_to_install_and_to_fail(
    answers: dict[str, Any], taken: list[str], complaint: str, steps: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    steps.update(answers)
    assert installer.install(Path("python"), Path(), ".") == complaint
    assert steps["taken"] == taken
    assert ("disk is full" in capsys.readouterr().err) == (complaint == installer.FAILED)


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


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A learner who sees nothing for a minute stops the install."""
    monkeypatch.setattr(installer, "HEARTBEAT", 0)
    heard: queue.Queue[str | None] = queue.Queue()

    def say(text: str) -> None:
        # The installer speaks as soon as the heartbeat was heard.
        print(text)
        heard.put("done")

    monkeypatch.setattr(installer, "say", say)
    assert installer._next(heard, "installing", 0.0) == "done"
    assert capsys.readouterr().out.startswith("still installing, ")


def test_stopping_it_says_that_the_next_start_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, "_next", interrupted)
    with pytest.raises(SystemExit) as end:
        installer.run([sys.executable, "-c", ""], "installing", tmp_path)
    assert end.value.code == 130
    assert "recovers by itself" in capsys.readouterr().err
