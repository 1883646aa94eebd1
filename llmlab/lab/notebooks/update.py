"""Change the lessons' own files: write fresh outputs into them, or record the answers that they replay.

The counterpart of the comparison in `nbval_plugin.py`: what `update_outputs` writes, that one finds again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llmlab.lab.notebooks.client import CELL_TIMEOUT, LabClient, find_failure
from llmlab.lab.notebooks.kernel import kernel_environment
from llmlab.lab.notebooks.normalize import clean_metadata, clean_outputs
from llmlab.lab.notebooks.notebook_file import Notebook, find_notebooks, read_notebook, write_notebook
from llmlab.lab.notebooks.recordings import one_notebook
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.runner import Job, outcome, run_one


def execute_stored_form(
    path: Path, *, cell_timeout: int = CELL_TIMEOUT, last_words: str | None = None
) -> tuple[Notebook, Any]:
    """Run a notebook from its recordings, and return it in the stored form, and the value of `last_words`.

    Nothing is written. A failure is an error output in its cell, and the cells after it have not run.
    """
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = LabClient(notebook, cell_timeout=cell_timeout)
    env = kernel_environment(path, mode="replay")
    client.run(cwd=path.resolve().parent, env=env, guard=True, last_words=last_words)
    clean_outputs(notebook, client.widget_state)
    clean_metadata(notebook)
    return notebook, client.last_words


def update_outputs(
    targets: Sequence[str | Path] = (),
    *,
    on_done: Callable[[Result], object] | None = None,
    cell_timeout: int = CELL_TIMEOUT,
) -> list[Result]:
    """Run notebooks from their recordings and write the outputs into them. One that fails is left as it was.

    Args:
        targets: numbers, paths or folders; none means every lesson.
        on_done: called with each result as soon as it is there.
        cell_timeout: seconds that one cell may take.
    """
    results = []
    for path in find_notebooks(targets):
        results.append(outcome(path, partial(_update, path, cell_timeout), path))
        if on_done:
            on_done(results[-1])
    return results


def _update(path: Path, cell_timeout: int) -> Notebook:
    notebook, _ = execute_stored_form(path, cell_timeout=cell_timeout)
    if find_failure(notebook) is None:
        write_notebook(notebook, path)
    return notebook


def record_notebook(
    target: str | Path, *, authored: bool, provider: str | None = None, cell_timeout: int = CELL_TIMEOUT
) -> Result:
    """Run one notebook in record mode, so that its tape writes the answers down. Outputs are updated separately.

    A run that fails leaves the recordings as they were.

    Args:
        target: number or path of one notebook.
        provider: value for its papermill parameter `provider`.
        authored: let the simulator answer, with no key and no network, and mark the recordings as authored.
        cell_timeout: seconds that one cell may take.

    Raises:
        NotebookError: the target is none, or more than one notebook.
    """
    path = one_notebook(target)
    parameters = {"mode": "record", **({"provider": provider} if provider else {})}
    with TemporaryDirectory() as scratch:
        job = Job(path, Path(scratch) / path.name, parameters, "record", cell_timeout, authored)
        return run_one(job)
