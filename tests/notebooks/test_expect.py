"""`%%expect`: lessons that fail on purpose pass in every tool, and a failure that changes is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = {
    "expected": "%%expect ZeroDivisionError\nprint('before')\n1 / 0",
    "base": "%%expect ArithmeticError\n1 / 0",
    "await": "%%expect KeyError\nimport asyncio\nawait asyncio.sleep(0)\n{}['a']",
    "text": '%%expect ValueError\ntext = """\n  two\n"""\nraise ValueError(text)',
    "notes": "%%expect ValueError\nerror = ValueError('no')\nerror.add_note('Try yes.')\nraise error",
    "other": "%%expect KeyError\n1 / 0",
    "none": "%%expect KeyError\n1",
    "empty": "%%expect KeyError",
    "nameless": "%%expect\n1 / 0",
    "plain": "1 / 0",
}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All cells, executed by nbclient as it comes, each to its end."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in ("%load_ext llmlab", *CELLS.values())]
    folder: Path = tmp_path_factory.mktemp("expect")
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, coalesce_streams=True).execute(cwd=str(folder))
    return dict(zip(CELLS, notebook.cells[1:], strict=True))


def shown(cell: Any) -> list[str]:
    """What a reader sees below a cell."""
    return [output.get("text") or f"{output.ename}: {output.evalue}" for output in cell.outputs]


def test_an_expected_error_is_shown_in_short_and_the_cell_succeeds(cells: dict[str, Any]) -> None:
    """A lesson about errors would otherwise end papermill with exit code 1."""
    assert shown(cells["expected"]) == ["before\n", "ZeroDivisionError: division by zero\n"]
    assert shown(cells["base"]) == ["ZeroDivisionError: division by zero\n"]
    assert shown(cells["await"]) == ["KeyError: 'a'\n"]
    assert shown(cells["notes"]) == ["ValueError: no\nTry yes.\n"]
    assert shown(cells["text"]) == ["ValueError: \n  two\n\n"]


def test_another_error_or_none_fails_the_cell(cells: dict[str, Any]) -> None:
    """A lesson whose failure has gone teaches something untrue."""
    assert shown(cells["other"]) == ["ExpectedError: expected KeyError, but this cell raised ZeroDivisionError"]
    assert shown(cells["none"]) == ["ExpectedError: expected KeyError, but this cell raised no error"]
    assert shown(cells["empty"]) == ["ExpectedError: expected KeyError, but this cell raised no error"]
    assert "takes one name of an error" in shown(cells["nameless"])[0]


def test_other_cells_are_as_before(cells: dict[str, Any]) -> None:
    """The magic must not swallow an error that nobody expects."""
    assert shown(cells["plain"]) == ["ZeroDivisionError: division by zero"]
