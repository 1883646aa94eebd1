"""The lessons run headless, as `run` does it; their stored outputs are compared by the tests beside these."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlab.lab.notebooks.notebook_file import ROOT
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.runner import run_notebooks

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Every lesson, run once with papermill from its recordings."""
    output = tmp_path_factory.mktemp("build")
    return {result.notebook.name: result for result in run_notebooks(LESSONS, mode="replay", jobs=2, output=output)}


def test_there_are_lessons() -> None:
    """A suite that finds no lesson does not pass for one that proved them."""
    assert LESSONS


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_with_papermill(results: dict[str, Result], lesson: Path) -> None:
    """`python3 -m llmlab run` works on every lesson, with no key and no network."""
    result = results[lesson.name]
    assert result.ok, f"cell {result.failing_cell}: {result.traceback}"
