"""The workflow files: what runs on every push, and what looks for drift on a schedule."""

from __future__ import annotations

from typing import Any

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


def test_every_workflow_reads_only_and_ends() -> None:
    """No job can write to the repository, and none hangs for hours."""
    for path in FOLDER.glob("*.yml"):
        loaded = workflow(path.name)
        assert loaded["permissions"] == {"contents": "read"}, path
        assert all(job["timeout-minutes"] <= 60 for job in loaded["jobs"].values()), path


def test_every_push_runs_the_suite_on_every_python() -> None:
    """There is one command that proves everything, and it needs no secret."""
    assert "bash .ci/run" in commands("ci.yml")
    assert {"push", "pull_request"} <= set(when("ci.yml"))
    assert "secrets" not in (FOLDER / "ci.yml").read_text("utf-8")
    assert workflow("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_newest_and_lowest_versions_are_tried_every_week_and_reported() -> None:
    """Else a learner is the first to hear of a new SDK release that breaks a lesson."""
    assert when("newest.yml")["schedule"]
    assert workflow("newest.yml")["jobs"]["test"]["strategy"]["matrix"]["versions"] == ["--newest", "--lowest"]
    assert commands("newest.yml") == ["bash .ci/run ${{ matrix.versions }}", "python3 -m llmlab update --report"]
    assert 'llmlab test --coverage "$@"' in (ROOT / ".ci" / "run").read_text("utf-8")


def test_drift_is_looked_for_on_a_schedule_with_the_keys() -> None:
    """Without the schedule nobody looks; without the keys nothing is asked."""
    assert any("-m llmlab drift --json" in command for command in commands("drift.yml"))
    assert when("drift.yml")["schedule"]
    text = (FOLDER / "drift.yml").read_text("utf-8")
    assert all(f"{key}: ${{{{ secrets.{key} }}}}" in text for key in KEYS)
    assert "pull_request" not in when("drift.yml"), "a stranger's change must not see the keys"
