"""The commands on jobs: what people read in a terminal, and what scripts read as JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import llmlab
from llmlab.lab.cli.app import app
from tests.jobs.conftest import ask
from tests.jobs.test_job import run

FIELDS = {"id", "status", "project_id", "organization_id", "attempts", "created_at", "started_at", "finished_at"}


def invoke(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["jobs", *words])
    assert result.exit_code == code, result.output
    return result.output


def lines(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in invoke(*words, "--json").splitlines()]


@pytest.fixture
def two(embedded: Path) -> llmlab.JobGroup:
    """One job that succeeded, and one that waits."""
    group = llmlab.submit_many([ask(), ask("What is [red] 2 * 3?")], project_id=7)
    run(group.ids[0])
    return group


def test_list_shows_what_the_filters_leave(two: llmlab.JobGroup) -> None:
    shown = invoke("list")
    assert all(one in shown for one in two.ids)
    assert "6 * 7 = 42" in shown
    found = lines("list", "--status", "succeeded", "--project", "7")
    assert [one["id"] for one in found] == two.ids[:1]
    assert set(found[0]) == FIELDS | {"cost", "seconds", "answer", "error"}
    assert lines("list", "--organization", "1") == []
    assert "the status is one of queued" in invoke("list", "--status", "done", code=2)


def test_show_tells_one_job_and_names_a_wrong_id(two: llmlab.JobGroup) -> None:
    assert "status: succeeded" in invoke("show", two.ids[0])
    assert lines("show", two.ids[0])[0]["answer"] == "6 * 7 = 42"
    assert "there is no job 'x'" in invoke("show", "x", code=2)


def test_cancel_and_retry(two: llmlab.JobGroup) -> None:
    waiting = two.ids[1]
    assert invoke("cancel", waiting) == "cancelled\n"
    assert lines("cancel", waiting) == [{"id": waiting, "cancelled": False}]
    again = invoke("retry", waiting).strip()
    assert llmlab.job(again).status == "queued"
    assert "is queued; only a failed or cancelled one is retried" in invoke("retry", again, code=2)


def test_export_is_csv_that_spreadsheets_read(two: llmlab.JobGroup) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke("export"))))
    assert [row["id"] for row in rows] == two.ids
    assert rows[0]["answer"] == "6 * 7 = 42"
    assert lines("export", "--status", "queued")[0]["id"] == two.ids[1]


def test_watch_ends_when_nothing_waits_or_runs(two: llmlab.JobGroup) -> None:
    two[1].cancel()
    assert "cancelled" in invoke("watch", "--project", "7")
