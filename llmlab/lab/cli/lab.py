"""The command `lab`: JupyterLab on the lessons, the first one open.

JupyterLab's settings are in `build/jupyterlab`, not in the reader's home: no news popup, no question about updates, no
look at the extension market, and every cell in the page at once.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from llmlab.lab import bootstrap
from llmlab.lab.cli.session import require_clone

FIRST = "00_start_here.ipynb"
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
_ADDRESS = re.compile(r"https?://\S+/lab\S*")
# Jupyter marks its log lines: [I …] for information, [W …], [E …] and [C …] for what a reader should see. Its own
# announcement of the address is a critical line without text, and the lines after it.
_QUIET = re.compile(r"^\s*$|^\[[ID] |^    |^\[C [^]]*\]\s*(?:$|received signal|Shutting down)")


def lab(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; the next free one if it is taken.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    newest: Annotated[bool, typer.Option("--newest", help="With the newest versions of all packages.")] = False,
) -> None:
    """Open JupyterLab on the lessons. Answers come from recordings: no key, no network, no cost.

    Without a display (over ssh, in a container) the address is printed. Ctrl-C ends it.
    """
    notebooks = require_clone("notebooks", "lessons")
    browser = not no_browser and has_display(os.environ, sys.platform)
    command = lab_command(notebooks, bootstrap.CLONE / "build" / "jupyterlab", port=port, browser=browser)
    # The kernel python3 shall be the one of this environment, not one that the machine has under that name.
    environment = {"LLMLAB_MODE": "offline", **os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}
    typer.echo(f"starting JupyterLab in {environment['LLMLAB_MODE']} mode …")
    raise typer.Exit(serve(command, environment, browser=browser))


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser could be shown to the person who typed the command."""
    if any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")):
        return False
    return not platform.startswith("linux") or any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def lab_command(notebooks: Path, state: Path, *, port: int | None, browser: bool) -> list[str]:
    """Write JupyterLab's settings, and return its command line."""
    settings, workspaces = state / "settings", state / "workspaces"
    settings.mkdir(parents=True, exist_ok=True)
    workspaces.mkdir(exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(OVERRIDES, indent=2), encoding="utf-8")
    options = {
        f"--ServerApp.root_dir={notebooks}": True,
        f"--LabApp.app_settings_dir={settings}": True,
        f"--LabApp.workspaces_dir={workspaces}": True,
        "--LabApp.news_url=None": True,
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate": True,
        "--LabApp.extension_manager=readonly": True,
        f"--LabApp.default_url=/lab/tree/{FIRST}": (notebooks / FIRST).is_file(),
        f"--ServerApp.port={port}": port is not None,
        "--no-browser": not browser,
        "--allow-root": hasattr(os, "geteuid") and os.geteuid() == 0,
    }
    return [sys.executable, "-m", "jupyterlab", "-y", *(option for option, wanted in options.items() if wanted)]


def serve(command: list[str], environment: Mapping[str, str], *, browser: bool) -> int:
    """Run the server until it ends, and return its exit code; Ctrl-C is a good end."""
    signals: list[int] = []
    with subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:

        def end(number: int, frame: object) -> None:
            signals.append(number)
            # Ctrl-C reaches the server too, which then stops its kernels; a plain `kill` has to be passed on.
            if number != signal.SIGINT:
                process.terminate()

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            show(process.stderr or (), browser=browser)
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if signals or not code:
        typer.echo("JupyterLab has ended.")
    return 0 if signals else code


def show(log: Iterable[str], *, browser: bool) -> None:
    """Print the address once it is known, and warnings; leave the rest of the log out."""
    address = ""
    for line in log:
        if not address and (found := _ADDRESS.search(line)):
            address = found.group(0)
            opened = "JupyterLab opens in your browser. If it does not, go to" if browser else "Open in your browser:"
            typer.echo(f"\n{opened}\n\n    {address}\n\nCtrl-C here ends it.\n")
        elif not _QUIET.match(line) and not _ADDRESS.search(line):
            typer.echo(line.rstrip(), err=True)
