"""The command `costs`. If one fails, a script or a person reads a wrong bill, or none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmlab.errors import ConfigurationError
from llmlab.lab.cli.app import app
from tests.ledger.records import DAY, record
from tests.ledger.test_database import store


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with three calls."""
    address = f"sqlite:///{tmp_path / 'costs.db'}"
    store(address, record(), record(time=DAY + 86400, provider="mine", model="own"), record(time=DAY + 86401))
    return address


def costs(*words: str) -> Any:
    return CliRunner().invoke(app, ["costs", *words])


def test_the_table_shows_what_was_stored(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = costs("--db", url)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"gpt-6-luna +2 +0 +0 +2,000 +200 +0\.0003", lines[1])
    assert re.fullmatch(r"own +1 +0 +0 +1,000 +100 +unknown", lines[2])
    assert lines[-1] == "Not in the sum: 1 call without a price."
    monkeypatch.setenv("LLMLAB_LEDGER", url)
    assert costs("--by", "day").stdout.splitlines()[1].startswith("2026-05-28")


def test_json_has_the_fields_that_the_help_promises(url: str) -> None:
    done = costs("--db", url, "--by", "provider", "--since", "2026-05-29T00:00+00:00", "--json")
    result = json.loads(done.stdout)
    assert list(result) == ["by", "since", "total", "lines"]
    assert (result["by"], result["since"]) == ("provider", "2026-05-29T00:00:00+00:00")
    assert [line["name"] for line in result["lines"]] == ["mine", "openai"]
    help_text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", costs("--help").stdout).split())
    for line in (result["total"], *result["lines"]):
        assert all(name in help_text for name in line)
    assert (result["total"]["calls"], result["total"]["unpriced"]) == (2, 1)


def test_calls_are_written_to_a_file(url: str, tmp_path: Path) -> None:
    assert costs("--db", url, "--csv", str(tmp_path / "calls.csv")).exit_code == 0
    assert len((tmp_path / "calls.csv").read_text(encoding="utf-8").splitlines()) == 4
    done = costs("--db", url, "--csv", str(tmp_path / "no" / "calls.csv"))
    assert done.exit_code == 2
    assert "calls.csv cannot be written: No such file or directory." in " ".join(done.output.split())


def test_an_empty_ledger_is_no_error_and_a_missing_one_is(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'none.db'}"
    done = costs("--db", address)
    assert (done.exit_code, done.stdout) == (0, "no call yet\n")
    assert json.loads(costs("--db", address, "--json").stdout)["total"]["calls"] == 0
    assert not (tmp_path / "none.db").exists()
    done = costs()
    assert done.exit_code == 2
    assert "set LLMLAB_LEDGER" in done.output
    for words in (["--db", "costs.db"], ["--db", "sqlite:///costs.db", "--since", "yesterday"]):
        assert isinstance(costs(*words).exception, ConfigurationError)
