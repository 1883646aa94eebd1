"""`run` on real lessons. That every cell of every lesson gives what is stored is shown by the tests beside these."""

from __future__ import annotations

from pathlib import Path

from llmlab.lab.notebooks.notebook_file import find_notebooks
from llmlab.lab.notebooks.runner import run_notebooks


def test_lessons_run_two_at_a_time(tmp_path: Path) -> None:
    """`python3 -m llmlab run` works with no key and no network, and no number means all lessons."""
    assert len(find_notebooks()) >= 20
    results = run_notebooks(["00", "13"], mode="replay", jobs=2, output=tmp_path)
    assert [(result.ok, result.traceback) for result in results] == [(True, None)] * 2
