"""Read, find and write notebook files, with errors that name the file and the next step.

Nothing here runs a notebook.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from llmlab.errors import ConfigurationError
from llmlab.lab.notebooks.quick_nbformat import nbformat as nbformat
from llmlab.lab.tape.redaction import redact_output

# The root of the package's own clone; in an installed package there are no lessons beside it.
ROOT = Path(__file__).resolve().parents[3]


# A notebook, a cell or an output: JSON whose keys are attributes too. nbformat gives it no types, and neither do we.
Notebook: TypeAlias = Any


class NotebookError(ConfigurationError):
    """A notebook cannot be found, read or run as asked."""


def lessons_folder() -> Path:
    """Return the folder of the lessons: `notebooks/` here, or else beside the package."""
    here = Path("notebooks")
    return here if here.is_dir() else ROOT / "notebooks"


def find_notebooks(targets: Sequence[str | Path] = ()) -> list[Path]:
    """Turn what a person types into notebook files, sorted within each target, none twice.

    Args:
        targets: numbers ("4", "04"), paths of notebooks, or folders. None at all means every lesson.

    Raises:
        NotebookError: nothing is there; the message lists what is.
    """
    found: dict[Path, None] = {}
    for target in targets or [lessons_folder()]:
        for path in _find(str(target)):
            found.setdefault(path)
    return list(found)


def _find(target: str) -> list[Path]:
    path = Path(target)
    if re.fullmatch(r"\d{1,2}", target):
        matches = sorted(lessons_folder().glob(f"{int(target):02d}_*.ipynb"))
        if not matches:
            raise NotebookError(f"there is no lesson {int(target):02d}. {_known()}")
        return matches
    if path.is_dir():
        matches = sorted(path.glob("*.ipynb"))
        if not matches:
            raise NotebookError(f"there is no notebook in the folder {target}.")
        return matches
    for candidate in (path, lessons_folder() / target, lessons_folder() / f"{target}.ipynb"):
        if candidate.is_file() and candidate.suffix == ".ipynb":
            return [candidate]
    raise NotebookError(f"there is no notebook {target!r}. Give a number, a path or a folder. {_known()}")


def _known() -> str:
    names = [path.stem for path in sorted(lessons_folder().glob("*.ipynb"))]
    return f"Lessons: {', '.join(names)}." if names else f"The folder {lessons_folder().name}/ holds no lesson yet."


def read_notebook(path: Path) -> Notebook:
    """Read a notebook as format 4. A cell without an id gets one that says nothing, as JupyterLab would give it.

    Raises:
        NotebookError: the file is not JSON, not a notebook, or two of its cells have the same id.
    """
    try:
        notebook: Notebook = nbformat.reader.reads(path.read_text(encoding="utf-8"))
        if notebook.nbformat != 4:
            notebook = nbformat.convert(notebook, 4)
        if notebook.nbformat_minor >= 5:
            _complete_ids(notebook)
        nbformat.validate(notebook)
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise NotebookError(
            f"{path.name} is not a notebook: {reason}. Restore it with git, or open it in JupyterLab and save it."
        ) from error
    return notebook


def _complete_ids(notebook: Notebook) -> None:
    # nbformat would do this with a warning, and would give a second cell of the same id another one unasked.
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        name = cell.setdefault("id", f"{number:08x}")
        if name in seen:
            raise ValueError(f"two of its cells have the id {name!r}.")
        seen.add(name)


def write_notebook(notebook: Notebook, path: Path) -> None:
    """Write a notebook the way JupyterLab does, so that a re-run changes no byte. Outputs lose their secrets."""
    text = json.dumps(_split(notebook), ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _split(notebook: Notebook) -> object:
    # nbformat's own writer warns about notebooks that were read with little faults; this one only splits the lines.
    plain = json.loads(json.dumps(notebook))
    for cell in plain["cells"]:
        if "outputs" in cell:
            cell["outputs"] = redact_output(cell["outputs"])
    return nbformat.v4.rwbase.split_lines(nbformat.from_dict(plain))


def code_cells(notebook: Notebook) -> Iterator[tuple[int, Notebook]]:
    """Yield the code cells that hold code, numbered from 1 as Run All numbers them: [1], [2], …"""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    yield from enumerate((cell for cell in cells if "injected-parameters" not in tags(cell)), start=1)


def tags(cell: Notebook) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def parameter_names(notebook: Notebook) -> set[str]:
    """Return the names that the notebook's `parameters` cell assigns: what papermill may set."""
    names: set[str] = set()
    for _, cell in code_cells(notebook):
        if "parameters" in tags(cell):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
    return names


def parameter_default(notebook: Notebook, name: str) -> Any:
    """Return what the notebook's `parameters` cell gives a name, if that is a plain value; else None."""
    for _, cell in code_cells(notebook):
        for node in ast.parse(cell.source).body if "parameters" in tags(cell) else ():
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant) and name in [getattr(target, "id", "") for target in targets]:
                return value.value
    return None


def set_parameters(notebook: Notebook, values: Mapping[str, str]) -> Notebook:
    """Set parameters as papermill does, in a cell after the `parameters` cell; return the notebook, changed in place.

    Args:
        notebook: the notebook.
        values: values by name; names that its `parameters` cell does not assign are left out.
    """
    takes = parameter_names(notebook)
    lines = [f"{name} = {value!r}" for name, value in values.items() if name in takes]
    if lines:
        cell = nbformat.v4.new_code_cell(
            "\n".join(["# Parameters", *lines]), metadata={"tags": ["injected-parameters"]}
        )
        notebook.cells.insert(next(i for i, one in enumerate(notebook.cells) if "parameters" in tags(one)) + 1, cell)
    return notebook


def make_folder(folder: Path) -> Path:
    """Make a folder to write into.

    Raises:
        NotebookError: it cannot be made, or not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".llmlab-writes-here"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise NotebookError(
            f"cannot write into {folder}: {error.strerror}. Choose another folder with --output."
        ) from error
    return folder
