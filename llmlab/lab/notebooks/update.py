"""Change the lessons' own files: write fresh outputs into them, or record the answers that they replay.

The counterpart of the comparison in `nbval_plugin.py`: what `update_outputs` writes, that one finds again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from llmlab.lab.notebooks.client import CELL_TIMEOUT, LabClient, find_failure
from llmlab.lab.notebooks.kernel import kernel_environment
from llmlab.lab.notebooks.normalize import clean_metadata, clean_outputs
from llmlab.lab.notebooks.notebook_file import Notebook, find_notebooks, read_notebook, write_notebook
from llmlab.lab.notebooks.recordings import one_notebook
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.runner import Job, OnDone, execute, run_jobs


async def execute_stored_form(path: Path, *, cell_timeout: int = CELL_TIMEOUT) -> tuple[Notebook, list[str] | None]:
    """Run a notebook from its recordings, and return it in the stored form, and its unused recordings.

    Nothing is written. A failure is an error output in its cell, and the cells after it have not run.
    """
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = LabClient(notebook, cell_timeout=cell_timeout)
    await client.run(cwd=path.resolve().parent, env=kernel_environment(path, mode="replay"), guard=True)
    clean_outputs(notebook, client.widget_state)
    clean_metadata(notebook)
    return notebook, client.unused


def update_outputs(targets: Sequence[str | Path] = (), *, on_done: OnDone | None = None) -> list[Result]:
    """Run notebooks from their recordings and write the outputs into them. One that fails is left as it was.

    Args:
        targets: numbers, paths or folders; none means every lesson.
        on_done: called with each result as soon as it is there.
    """
    return run_jobs([Job(path, partial(_update, path), path) for path in find_notebooks(targets)], on_done=on_done)


async def _update(path: Path) -> Notebook:
    notebook, _ = await execute_stored_form(path)
    if find_failure(notebook) is None:
        write_notebook(notebook, path)
    return notebook


def record_notebook(target: str | Path, *, authored: bool, provider: str | None = None) -> Result:
    """Run one notebook in record mode, so that its tape writes the answers down. Outputs are updated separately.

    A run that fails leaves the recordings as they were.

    Args:
        target: number or path of one notebook.
        authored: let the simulator answer, with no key and no network, and mark the recordings as authored.
        provider: value for its papermill parameter `provider`.

    Raises:
        NotebookError: the target is none, or more than one notebook.
    """
    path = one_notebook(target)
    parameters = {"provider": provider} if provider else {}
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / path.name
        work = partial(execute, path, copy, parameters=parameters, mode="record", authored=authored)
        return run_jobs([Job(path, work, copy)])[0]
