"""The compose file and the numbers of docs/scale.md. If it is wrong, the first day of a fleet is spent on it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from llmlab.config.environment import VARIABLES
from llmlab.lab.cli.app import app
from llmlab.toolkit.jobs.store import JobStore

FILE = Path(__file__).resolve().parents[2] / "docs" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_services_have_images_and_known_parts_and_come_back_after_a_failure() -> None:
    known = {"image", "command", "environment", "volumes", "working_dir", "depends_on", "restart", "stop_grace_period"}
    for service in SERVICES.values():
        assert set(service) <= known
        assert re.fullmatch(r"[a-z]+:[\w.-]+", service["image"])
        assert service["restart"] == "unless-stopped"
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        named = [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(".")]
        assert set(named) <= set(COMPOSE["volumes"])


def test_workers_get_variables_that_exist_and_addresses_of_the_services() -> None:
    environment = SERVICES["worker"]["environment"]
    assert set(environment) <= set(VARIABLES)
    assert environment["LLMLAB_BROKER_URL"].startswith("redis://redis:")
    assert "@postgres/jobs" in environment["LLMLAB_JOBS_URL"]
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == "jobs"
    # A database whose name is wrong is refused when the worker starts; nothing is opened here.
    JobStore(environment["LLMLAB_JOBS_URL"].replace("${POSTGRES_PASSWORD}", "x"))
    assert not any("sk-" in str(value) for value in environment.values())


def test_the_command_of_a_worker_exists() -> None:
    options = re.findall(r"--[\w-]+", SERVICES["worker"]["command"][-1])
    help_text = CliRunner().invoke(app, ["worker", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
    assert options
    assert all(option in re.sub(r"\x1b\[[0-9;]*m", "", help_text) for option in options)


def test_the_capacity_sheet_is_computed() -> None:
    """A fleet of the wrong size misses its hour, or costs too much."""
    page = FILE.with_name("scale.md").read_text(encoding="utf-8")
    limit = min(int(rate) for rate in re.findall(r"(\d+) (?:jobs per second )?with (?:files|Redis)", page))
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \|$", page, re.MULTILINE)
    assert rows
    for row in rows:
        jobs, seconds, calls, workers, rate = (float(value.replace(",", "")) for value in row)
        assert calls == math.ceil(jobs * seconds / 3600)
        assert workers == math.ceil(calls / 8)
        assert rate == round(jobs / 3600 / workers, 1) < limit
