"""Storing outputs and recording answers: what gets into the lessons' files, and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmlab.lab.notebooks.notebook_file import NotebookError, read_notebook
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.update import record_notebook, update_outputs
from tests.runner.outputs import cell_of
from tests.runner.samples import code, save


def test_stored_form_is_what_a_reader_saw(lesson_with_outputs: Path) -> None:
    """Updated displays, cleared outputs and widgets are stored as they looked in the end, and nothing random is."""
    stored = read_notebook(lesson_with_outputs)
    assert [output.text for output in cell_of(stored, "tokens").outputs] == ["a rainbow"]
    assert cell_of(stored, "display").outputs[0].data["text/plain"] == "'second'"
    assert cell_of(stored, "later").outputs[0].data["text/plain"] == "'filled by a later cell'"
    assert [output.text for output in cell_of(stored, "cleared").outputs] == ["kept\n"]
    assert [output.text for output in cell_of(stored, "widget").outputs] == ["inside the box\n"]
    assert cell_of(stored, "html").outputs[0].data["text/html"] == "<b>after</b>"
    assert cell_of(stored, "silent").outputs == []
    head, slider, inner = cell_of(stored, "boxes").outputs
    assert (head.data["text/html"], slider.data["text/plain"], inner.text) == ("<i>head</i>", "[words]", "in a box\n")
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert "widget-view" not in lesson_with_outputs.read_text(encoding="utf-8")


def test_update_twice_changes_no_byte(lesson_with_outputs: Path, tmp_path: Path) -> None:
    """A second --update gives the same file, so that a diff shows only what changed."""
    copy = tmp_path / lesson_with_outputs.name
    copy.write_bytes(lesson_with_outputs.read_bytes())
    update_outputs([copy])
    assert copy.read_bytes() == lesson_with_outputs.read_bytes()


def test_update_leaves_a_failing_notebook_as_it_was(tmp_path: Path) -> None:
    """A lesson that breaks keeps its good outputs until it is repaired, and the others are still updated."""
    bad = save(tmp_path / "01_bad.ipynb", "1 / 0")
    good = save(tmp_path / "02_good.ipynb", "'fine'")
    before = bad.read_bytes()
    done: list[Result] = []
    first, second = update_outputs([tmp_path], on_done=done.append)
    assert sorted(map(str, done)) == sorted(map(str, (first, second)))
    assert (first.ok, first.failing_cell, second.ok) == (False, 1, True)
    assert bad.read_bytes() == before
    assert read_notebook(good).cells[0].outputs[0].data["text/plain"] == "'fine'"


def test_update_writes_a_clean_file(tmp_path: Path) -> None:
    """What an editor leaves in a notebook (timings, random ids, its Python) does not get into git."""
    path = save(
        tmp_path / "01_clean.ipynb", "'fine'", code("1", "keep"), language_info={"name": "python", "version": "3.11.7"}
    )
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["cells"][0] |= {"id": "4f1c2a9b", "metadata": {"execution": {"iopub": "2026"}, "collapsed": True}}
    path.write_text(json.dumps(raw), encoding="utf-8")
    update_outputs([path])
    stored = read_notebook(path)
    assert [cell["id"] for cell in stored.cells] == ["c01", "c02"]
    assert [dict(cell.metadata) for cell in stored.cells] == [{}, {"tags": ["keep"]}]
    assert [cell.execution_count for cell in stored.cells] == [1, 2]
    assert "version" not in stored.metadata.language_info


@pytest.mark.parametrize("authored", [True, False])
def test_record_runs_in_record_mode_and_leaves_the_lesson_alone(tmp_path: Path, authored: bool) -> None:
    """`record` writes recordings, by the tape; the notebook itself is not touched."""
    note = "import os, pathlib\npathlib.Path('mode').write_text(os.environ['LLMLAB_MODE'])"
    note += "\npathlib.Path('authored').write_text(os.environ.get('LLMLAB_AUTHORED', ''))"
    path = save(tmp_path / "01_record.ipynb", note)
    before = path.read_bytes()
    result = record_notebook(path, authored=authored)
    assert result.ok, result.traceback
    assert (tmp_path / "mode").read_text() == "record"
    assert (tmp_path / "authored").read_text() == ("1" if authored else "")
    assert path.read_bytes() == before


def test_record_takes_one_notebook(tmp_path: Path) -> None:
    """Recording costs money, so a folder by mistake is refused."""
    save(tmp_path / "01_a.ipynb", "1")
    save(tmp_path / "02_b.ipynb", "1")
    with pytest.raises(NotebookError, match="one notebook"):
        record_notebook(tmp_path, authored=False)
