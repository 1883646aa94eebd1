"""Small notebooks for the tests of the runner, the comparison, the structure checks and the handouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from llmlab.lab.notebooks.notebook_file import write_notebook

PYTHON3 = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


def text(source: str) -> Any:
    """A Markdown cell."""
    return new_markdown_cell(source)


def code(source: str, *tags: str) -> Any:
    """A code cell with tags; a solution's source is folded."""
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    if "solution" in tags:
        metadata["jupyter"] = {"source_hidden": True}
    return new_code_cell(source, metadata=metadata)


def notebook(*cells: Any, **metadata: Any) -> Any:
    """A notebook of these cells; a plain string is a code cell. The cells have ids c01, c02, …"""
    made = new_notebook(cells=[code(cell) if isinstance(cell, str) else cell for cell in cells])
    for number, cell in enumerate(made.cells, start=1):
        cell["id"] = f"c{number:02d}"
    made.metadata.update(PYTHON3 | metadata)
    return made


def save(path: Path, *cells: Any, **metadata: Any) -> Path:
    """Write a notebook of these cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_notebook(notebook(*cells, **metadata), path)
    return path
