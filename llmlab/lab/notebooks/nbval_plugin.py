"""What `pytest --llmlab FOLDER` does: it holds the stored outputs of notebooks to what their cells give now.

The comparison is nbval's; the execution is ours, so that updated displays, cleared outputs, streamed text and widgets
come out as a reader sees them. Each code cell is a test; one more per notebook asks whether every recording was used,
and says nothing twice and nothing secret. Recordings without a notebook fail as well.
Beyond nbval, the order and kind of outputs must agree, pictures are compared, and a cell that was never run fails.
With pytest-xdist, use `--dist loadfile`: a notebook is one kernel.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, coalesce_streams, nocolors  # type: ignore[import-untyped]

from llmlab.errors import LLMError
from llmlab.lab.notebooks.client import CELL_TIMEOUT, find_failure
from llmlab.lab.notebooks.normalize import clean_cell, path_hider
from llmlab.lab.notebooks.notebook_file import Notebook, NotebookError, code_cells, read_notebook
from llmlab.lab.notebooks.recordings import check_recordings
from llmlab.lab.notebooks.tracebacks import plain
from llmlab.lab.notebooks.update import execute_stored_form
from llmlab.lab.tape.secret_scan import find_orphans

_DIFF_LINES, _DIFF_WIDTH = 30, 200
UPDATE = "python3 -m llmlab run --update"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> LessonFile | OrphanFile | None:
    """Take every notebook that pytest comes across, and recordings that belong to none."""
    if file_path.suffix == ".ipynb" and ".ipynb_checkpoints" not in file_path.parts:
        return LessonFile.from_parent(parent, path=file_path)
    if file_path.suffix == ".yaml" and file_path.parent.name == "recordings":
        notebooks = list(file_path.parent.parent.glob("*.ipynb"))
        if notebooks and find_orphans(file_path, notebooks):
            return OrphanFile.from_parent(parent, path=file_path)
    return None


class Check(pytest.Item):
    """A test of a lesson or of its recordings, named in pytest's listings by its file."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Say which lesson's recordings these are, and what is wrong with them."""
        return f"{self.path.name}, {self.name}: {excinfo.value}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the test in pytest's listings."""
        return self.path, None, f"{self.path.name}::{self.name}"


class OrphanFile(pytest.File):
    """A file of recordings that belongs to no notebook."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give the one test that fails."""
        yield Orphan.from_parent(self, name="orphan")


class Orphan(Check):
    """Fails, because a file of recordings belongs to no notebook."""

    def runtest(self) -> None:
        """Say so.

        Raises:
            NotebookError: always.
        """
        raise NotebookError(str(find_orphans(self.path, [])[0]))


class LessonFile(pytest.File):
    """A notebook: runs once, when the first of its cells is tested."""

    # What nbval's comparison leaves out. A traceback names places of installed libraries.
    skip_compare = ("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count")
    sanitize_patterns: dict[str, str] = {}  # noqa: RUF012 - nbval reads it from its cell's parent

    def collect(self) -> Iterator[pytest.Item]:
        """Give one test per code cell, and one for the recordings."""
        try:
            self.stored = read_notebook(self.path)
        except LLMError as error:
            raise self.CollectError(error.message) from error
        self._run: tuple[Notebook, list[str], str] | None = None
        for number, cell in code_cells(self.stored):
            yield LessonCell.from_parent(self, name=f"cell {number}", cell_num=number, cell=cell, options={})
        yield LessonRecordings.from_parent(self, name="recordings")

    def run(self) -> tuple[Notebook, list[str]]:
        """Return the notebook as it comes out now, and its unused recordings. It is run the first time only."""
        if self._run is None:
            timeout = self.config.getoption("llmlab_cell_timeout", CELL_TIMEOUT)
            try:
                fresh, unused = asyncio.run(execute_stored_form(self.path, cell_timeout=timeout))
                self._run = (fresh, unused or [], "")
            except (LLMError, RuntimeError) as error:
                self._run = (None, [], path_hider(self.path.parent)(f"the notebook could not be run: {error}"))
        fresh, unused, problem = self._run
        if problem:
            pytest.fail(problem, pytrace=False)
        return fresh, unused


class Difference(Exception):
    """Says what a cell gives now, and what is stored."""


class LessonCell(IPyNbCell):  # type: ignore[misc]
    """A code cell: does it still give what is stored?"""

    def setup(self) -> None:
        """Nothing to do: the notebook is run by the first `runtest`."""
        self.colors = nocolors

    def runtest(self) -> None:
        """Compare the stored outputs with those of this run.

        Raises:
            Difference: they are not the same.
        """
        fresh_notebook, _ = self.parent.run()
        fresh = dict(code_cells(fresh_notebook))[self.cell_num]
        if (failure := find_failure(fresh_notebook)) is not None:
            number, error = failure
            if number == self.cell_num:
                trace = path_hider(self.parent.path.parent)(plain("\n".join(error.traceback)))
                raise Difference(f"the cell fails with {error.ename}: {error.evalue}\n{trace}")
            if number < self.cell_num:
                raise Difference(f"not reached, because cell {number} fails")
        if self.cell.execution_count is None:
            raise Difference(f"the cell was never run. Store its output: {UPDATE}")
        stored = _settled(self.cell)
        now = coalesce_streams(deepcopy(fresh.outputs))
        self.comparison_traceback: list[str] = []
        if not self.compare_outputs(now, stored):
            raise Difference(self.comparison_traceback[0] + _diff(stored, now))
        if _kinds(now) != _kinds(stored):
            raise Difference("kind or order of the outputs differs" + _diff(stored, now))

    def format_output_compare(self, key: str, left: object, right: object) -> None:
        """Note what differs; nbval calls this. How it differs is shown by `_diff`."""
        self.comparison_traceback.append(f"{key} differs")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """Say which cell it is, how it begins, and what differs."""
        where = f"{self.parent.path.name}, cell {self.cell_num}: {self.cell.source.strip().splitlines()[0]}"
        if isinstance(excinfo.value, Difference):
            return f"{where}\n{excinfo.value}\n\nIf the new output is right: {UPDATE}"
        expected = isinstance(excinfo.value, pytest.fail.Exception)
        return f"{where}\n{excinfo.value if expected else excinfo.getrepr(style='short')}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the test in pytest's listings."""
        return self.parent.path, None, f"{self.parent.path.name}::{self.name}"


class LessonRecordings(Check):
    """The recordings of a lesson: is each of them used?"""

    def runtest(self) -> None:
        """Fail when a recording was never asked for, says one thing twice, or holds a secret.

        Raises:
            Difference: which are used is not known.
            NotebookError: there are such; the message lists them, with file and line.
        """
        assert isinstance(self.parent, LessonFile)
        notebook, unused = self.parent.run()
        if find_failure(notebook) is not None:
            raise Difference("which of them are used is not known, because a cell fails")
        check_recordings(self.parent.path, unused)


def _settled(cell: Notebook) -> list[Notebook]:
    """Return a cell's stored outputs, with the widgets and split streams that an editor may have left in them."""
    settled: list[Notebook] = coalesce_streams(clean_cell(deepcopy(cell.outputs), {}))
    return settled


def _kinds(outputs: list[Notebook]) -> list[str]:
    """Return what sort of output each one is: nbval looks at values alone."""
    return [
        f"{output.output_type} {output.get('name') or ', '.join(sorted(output.get('data', {})))}".rstrip()
        for output in outputs
    ]


def _diff(stored: list[Notebook], now: list[Notebook]) -> str:
    """Return a diff of outputs as text, small enough to read."""
    lines = list(difflib.unified_diff(_lines(stored), _lines(now), "stored", "now", lineterm="", n=1))
    if len(lines) > _DIFF_LINES:
        lines = [*lines[:_DIFF_LINES], f"… and {len(lines) - _DIFF_LINES} lines more"]
    return "".join(f"\n{line[:_DIFF_WIDTH]}" for line in lines)


def _lines(outputs: list[Notebook]) -> list[str]:
    lines = []
    for kind, output in zip(_kinds(outputs), outputs, strict=True):
        lines.append(f"[{kind}]")
        if output.output_type == "stream":
            lines += [*output.text.splitlines(), *(["(no line end)"] if not output.text.endswith("\n") else [])]
        elif output.output_type == "error":
            lines.append(f"{output.ename}: {output.evalue}")
        else:
            for value in output.data.values():
                lines += (value if isinstance(value, str) else json.dumps(value, indent=1)).splitlines()
    return lines
