"""The command `lab`, the first thing a learner types: it shows the lesson or its address, and ends cleanly."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmlab.lab import bootstrap
from llmlab.lab.cli import lab
from llmlab.lab.cli.app import app

LOG = """\
[I 2026-11-21 02:52:07.804 ServerApp] jupyterlab | extension was successfully loaded.
[W 2026-11-21 02:52:07.804 ServerApp] something that a reader should see
[I 2026-11-21 02:52:07.804 ServerApp] http://localhost:8889/lab/tree/00_start_here.ipynb?token=abc
[C 2026-11-21 02:52:07.804 ServerApp]

    To access the server, open this file in a browser:
        http://127.0.0.1:8889/lab/tree/00_start_here.ipynb?token=abc
"""


@pytest.mark.parametrize(
    ("environment", "platform", "shown"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "1"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_TTY": "/dev/ttys1"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_browser_only_where_it_can_be_seen(environment: dict[str, str], platform: str, shown: bool) -> None:
    assert lab.has_display(environment, platform) is shown


def test_first_lesson_opens_and_settings_stay_in_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    (tmp_path / lab.FIRST).touch()
    command = lab.lab_command(tmp_path, tmp_path / "state", port=9000, browser=False)
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command
    assert f"--LabApp.app_settings_dir={tmp_path / 'state' / 'settings'}" in command
    assert {"--no-browser", "--allow-root", "--ServerApp.port=9000"} <= set(command)


def test_ordinary_user_with_a_display_gets_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    command = lab.lab_command(tmp_path, tmp_path, port=None, browser=True)
    assert not {"--no-browser", "--allow-root"} & set(command)
    assert not any("default_url" in word or "ServerApp.port" in word for word in command)


def test_no_news_and_no_question_about_updates(tmp_path: Path) -> None:
    state = tmp_path / "build" / "jupyterlab"
    for _ in ("first start", "second start"):
        lab.lab_command(tmp_path, state, port=None, browser=True)
    written = json.loads((state / "settings" / "overrides.json").read_text(encoding="utf-8"))
    assert written["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false", "checkForUpdates": False}


def test_address_and_warnings_are_shown_and_the_rest_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    lab.show(LOG.splitlines(keepends=True), browser=False)
    shown = capsys.readouterr()
    assert shown.out.count("http://") == 1
    assert "    http://localhost:8889/lab/tree/00_start_here.ipynb?token=abc\n" in shown.out
    assert shown.err == "[W 2026-11-21 02:52:07.804 ServerApp] something that a reader should see\n"


def test_server_that_cannot_start_gives_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; sys.exit('No module named jupyterlab')"
    assert lab.serve([sys.executable, "-c", code], os.environ, browser=False) == 1
    assert "No module named jupyterlab" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_stopping_it_ends_the_server_and_is_no_failure(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The stand-in signals its parent, as a Ctrl-C or a `kill` would; left behind, servers would hold the port."""
    waits = "signal.pause()" if name == "SIGTERM" else "sys.exit(5)"
    code = f"import os, signal, sys; os.kill(os.getppid(), signal.{name}); {waits}"
    assert lab.serve([sys.executable, "-c", code], os.environ, browser=False) == 0
    assert "JupyterLab has ended." in capsys.readouterr().out


def test_lab_starts_offline_on_the_lessons_of_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    served: list[tuple[list[str], str]] = []

    def serve(command: list[str], environment: dict[str, str], *, browser: bool) -> int:
        served.append((command, environment["LLMLAB_MODE"]))
        return 0

    monkeypatch.setattr(bootstrap, "CLONE", tmp_path)
    monkeypatch.setattr(lab, "serve", serve)
    result = CliRunner().invoke(app, ["lab", "--no-browser"])
    assert result.exit_code == 0, result.output
    ((command, mode),) = served
    assert mode == "offline"
    assert f"--ServerApp.root_dir={tmp_path / 'notebooks'}" in command
