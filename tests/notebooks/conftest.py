"""Brings the lessons into the suite: every code cell of `notebooks/` is a test, held to its stored output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlab.lab.notebooks.nbval_plugin import LessonFile
from llmlab.lab.notebooks.notebook_file import ROOT


class Lessons(pytest.Directory):
    """The folder of the lessons."""

    def collect(self) -> Iterator[LessonFile]:
        """Give one file per lesson; their cells are the tests."""
        for path in sorted(self.path.glob("*.ipynb")):
            yield LessonFile.from_parent(self, path=path)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Lessons | None:
    """Put the lessons beside `test_lessons.py`; with --llmlab, their folder is named on the command line already."""
    if file_path.name == "test_lessons.py" and not parent.config.getoption("llmlab", False):
        return Lessons.from_parent(parent, path=ROOT / "notebooks")
    return None
