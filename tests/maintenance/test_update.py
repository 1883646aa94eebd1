"""The command `update`. If a test fails, a maintainer commits a catalogue that is wrong, or overlooks a change."""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from llmlab.lab import bootstrap
from llmlab.lab.cli.app import app
from llmlab.lab.maintenance import catalogue, report, snapshot, update
from tests.maintenance.test_constraints import pins

DAY = date(2026, 11, 21)


def test_the_catalogue_is_that_of_the_pinned_packages() -> None:
    """Whoever pins other versions also updates the catalogue: `python3 -m llmlab update` does both."""
    versions = {pin.name: str(pin.specifier)[2:] for pin in pins() if pin.name in catalogue.PACKAGES}
    stored = catalogue.load()
    assert stored["versions"] == versions
    if stored["versions"] != {name: version(name) for name in catalogue.PACKAGES}:
        pytest.skip("this environment has other versions than constraints.txt")
    generated = catalogue.generate(stored, date.fromisoformat(stored["as_of"]))
    assert generated == stored
    assert catalogue.dump(generated) == catalogue.FILE.read_text(encoding="utf-8")
    assert len(catalogue.openai_ends()) > 40, "OpenAI's SDK writes its shutdown days in another way now"


def test_models_come_and_go_with_the_sdk() -> None:
    """A dead model that looks alive is suggested to learners; a forgotten one is warned of."""
    stored = {
        "gpt-5": {"aliases": ["gpt-5-2025-08-07"], "prices": [1, 2]},
        "gpt-4": {"prices": [30, 60]},
        "o1": {"retired_on": "2026-10-23"},
        "o3": {"retired_on": "2026-12-11"},
    }
    named = ["gpt-9", "gpt-9-2027-01-01", "gpt-6-sol", "gpt-5", "gpt-5-2025-08-07", "o3", "gpt-8"]
    ends = {"gpt-8": date(2026, 11, 20), "gpt-5": date(2027, 1, 2), "gpt-5-2025-08-07": date(2027, 1, 2)}
    assert list(catalogue.merge("openai", stored, named, ends, DAY).items()) == [
        ("gpt-6-sol", {}),
        ("gpt-5", {"aliases": ["gpt-5-2025-08-07"], "prices": [1, 2], "retired_on": "2027-01-02"}),
        ("o3", {}),
        ("gpt-4", {"prices": [30, 60], "retired_on": "2026-11-21"}),
        ("o1", {"retired_on": "2026-10-23"}),
        ("gpt-9", {"aliases": ["gpt-9-2027-01-01"]}),
    ]


def snap(parameters: dict[str, list[str]], models: dict[str, Any], **versions: str) -> dict[str, Any]:
    return {"versions": versions, "catalogue": {"models": {"openai": models}}, "methods": parameters}


def test_changes_are_reported_in_sentences() -> None:
    before = snap({"a.create": ["input", "max_tokens"], "a.gone": []}, {"gpt-5": {"prices": [1, 2]}}, openai="3.5")
    after = snap(
        {"a.create": ["input", "max_output_tokens", "fast"]},
        {"gpt-5": {"prices": [1, 3], "retired_on": "2027-01-02"}, "gpt-9": {}},
        openai="4.0",
    )
    assert list(report.changes(before, after, ["openai", "pip"])) == [
        "openai 3.5 became 4.0.",
        "gpt-5 of openai is shut down on 2027-01-02; before: not known.",
        "gpt-5 of openai costs, in and out, in USD for a million tokens, 1, 3; before: 1, 2.",
        "New model: gpt-9 of openai. If it is not in llmlab/models/kinds.py, its requests are sent unchecked.",
        "a.create no longer takes max_tokens; perhaps max_output_tokens is its new name.",
        "a.create now takes max_output_tokens, fast.",
        "a.gone no longer exists.",
    ]
    assert list(report.changes(before, before, ["openai"])) == []


def notebook(*outputs: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": "", "outputs": [output]} for output in outputs]})


def test_changed_outputs_are_named() -> None:
    found = list(report.changed_outputs("01.ipynb", notebook("a", "b"), notebook("a", "c")))
    assert found == ["01.ipynb: the output of cell 1 changed."]


def test_methods_are_those_that_the_lessons_call(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": ["%time\n", "client.responses.create(input='Hi')\n", "[1].append(2)"]},
        {"cell_type": "code", "source": ["not Python"]},
        {"cell_type": "markdown", "source": ["client.files.create()"]},
    ]
    (tmp_path / "01.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = snapshot.methods(tmp_path)
    assert list(found) == ["openai.responses.create"]
    assert {"input", "model", "instructions"} <= set(found["openai.responses.create"])


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose commands are recorded, and where the new packages change one output."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01.ipynb").write_text(notebook("old"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["openai>=3"]\n[project.optional-dependencies]\ntest = []\n', encoding="utf-8"
    )
    done: list[str] = []

    def run(command: list[Any], **options: Any) -> Any:
        words = " ".join(map(str, command[1:]))
        done.append(words)
        if "run --update" in words:
            (tmp_path / "notebooks" / "01.ipynb").write_text(notebook("new"), encoding="utf-8")
        written = json.dumps(snap({}, {}, openai="4" if "--write" in words else "3"))
        return SimpleNamespace(returncode=0, stdout="openai==4\n" if "compile" in words else written)

    monkeypatch.setattr(update, "subprocess", SimpleNamespace(run=run, PIPE=-1))
    monkeypatch.setattr(bootstrap.Environment, "install", lambda self, need: done.append(f"install {need}"))
    monkeypatch.setattr(bootstrap, "CLONE", tmp_path)
    return tmp_path


def test_update_pins_installs_and_rewrites_in_this_order(clone: Path) -> None:
    result = CliRunner().invoke(app, ["update"])
    assert result.exit_code == 0, result.output
    assert (clone / "constraints.txt").read_text(encoding="utf-8") == update.HEAD + "openai==4\n"
    assert result.stdout.splitlines() == ["openai 3 became 4.", "01.ipynb: the output of cell 0 changed."]
