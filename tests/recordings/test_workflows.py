"""The workflow files: what runs on every push, and what looks for drift on a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from llmlab.lab.notebooks.notebook_file import ROOT
from llmlab.lab.tape.environment import KEYS

FOLDER = ROOT / ".github" / "workflows"


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return loaded


def commands(name: str) -> list[str]:
    jobs = workflow(name)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def when(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the word `on` as true.
    found: dict[str, Any] = workflow(name)[True]
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.name)
def test_every_workflow_reads_only_and_ends(path: Path) -> None:
    """No job can write to the repository, and none hangs for hours."""
    loaded = workflow(path.name)
    assert loaded["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in loaded["jobs"].values())


def test_every_push_runs_what_ci_runs() -> None:
    """There is one command that proves everything, and it needs no secret."""
    assert "bash .ci/run" in commands("ci.yml")
    assert {"push", "pull_request"} <= set(when("ci.yml"))
    assert "secrets" not in (FOLDER / "ci.yml").read_text("utf-8")


def test_drift_is_looked_for_on_a_schedule_with_the_keys() -> None:
    """Without the schedule nobody looks; without the keys nothing is asked."""
    assert any("-m llmlab drift --json" in command for command in commands("drift.yml"))
    assert when("drift.yml")["schedule"]
    text = (FOLDER / "drift.yml").read_text("utf-8")
    assert all(f"{key}: ${{{{ secrets.{key} }}}}" in text for key in KEYS)
    assert "pull_request" not in when("drift.yml"), "a stranger's change must not see the keys"
