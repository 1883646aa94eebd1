"""Bring the clone to the newest packages: constraints, catalogue, outputs; and say what changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from llmlab.lab import bootstrap, installer
from llmlab.lab.maintenance import report

FLOOR = "3.11"
HEAD = "# Written by `python3 -m llmlab update`, for Python 3.11 and newer. Used by lab, test, CI, conda and Binder.\n"
CHANGED = (bootstrap.CONSTRAINTS, "llmlab/models/catalogue.json", "notebooks")


def resolve(clone: Path) -> str:
    """Return the text of constraints.txt: the newest versions that go together, for every platform.

    Raises:
        SystemExit: if they cannot be resolved.
    """
    options = ["--universal", f"--python-version={FLOOR}", "--extra=test", "--quiet"]
    plain = ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, *plain, "pyproject.toml"]
    done = subprocess.run(command, cwd=clone, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(installer.FAILED.format(".venv"))
    return HEAD + done.stdout


def update(clone: Path) -> tuple[list[str], bool]:
    """Change constraints, environment, catalogue and stored outputs. Nothing is committed.

    Returns:
        What changed, a sentence each; and whether every lesson runs with the new packages.
    """
    environment = bootstrap.Environment(clone)
    before, lessons = _snapshot(environment), _lessons(clone)
    (clone / bootstrap.CONSTRAINTS).write_text(resolve(clone), encoding="utf-8")
    environment.install(bootstrap.TEST)
    # From here on, the installed packages are not those that this process has loaded.
    after = _snapshot(environment, "--write")
    installer.say("running the lessons")
    command = [str(environment.python), "-m", "llmlab", "run", "--update"]
    works = not subprocess.run(command, cwd=clone, check=False).returncode
    packages = [
        re.split(r"[^\w.-]", one, maxsplit=1)[0].lower() for one in bootstrap.requirements(bootstrap.TEST, clone)
    ]
    sentences = [*report.changes(before, after, packages)]
    for name, text in _lessons(clone).items():
        sentences += report.changed_outputs(name, lessons[name], text)
    return sentences, works


def update_copy(clone: Path) -> int:
    """Update a temporary copy of what is committed, with its report and diff, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "llmlab"
        subprocess.run(["git", "clone", "--quiet", clone, copy], check=True)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [bootstrap.base_python(), "-m", "llmlab", "update"]
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def show_diff(clone: Path) -> None:
    """Show with git what `update` changed."""
    subprocess.run(["git", "diff", "--stat", "--patch", "--", *CHANGED], cwd=clone, check=False)


def _snapshot(environment: bootstrap.Environment, *options: str) -> dict[str, Any]:
    command = [str(environment.python), "-m", "llmlab.lab.maintenance.snapshot", *options]
    done = subprocess.run(command, cwd=environment.clone, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _lessons(clone: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted((clone / "notebooks").glob("*.ipynb"))}
