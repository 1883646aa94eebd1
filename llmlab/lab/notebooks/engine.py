"""The papermill engine `llmlab`: papermill's parameters and bookkeeping around our own client.

papermill's engine stops at nothing that hangs, counts an expected failure as a failure, and stores one output per
streamed token. This one does not; see `client.py` for how.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmlab.lab.notebooks.client import CELL_TIMEOUT, LabClient
from llmlab.lab.notebooks.normalize import clean_outputs
from llmlab.lab.notebooks.notebook_file import Notebook

# After nbfile, which imports nbformat the quick way.
from papermill.engines import Engine, papermill_engines  # type: ignore[import-untyped]  # isort: skip

NAME = "llmlab"


class LabEngine(Engine):  # type: ignore[misc]
    """Runs a notebook for papermill."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        folder: Path | None = None,
        env: dict[str, str] | None = None,
        guard: bool = False,
        execution_timeout: int | None = None,
        last_words: str | None = None,
        on_executed: Callable[[Notebook, Any], object] | None = None,
        **_: Any,
    ) -> None:
        """Execute the cells, and tell papermill's manager about each.

        Args:
            nb_man: papermill's manager of this run, which holds the notebook.
            kernel_name: the kernel to run it in.
            folder: folder that the kernel starts in; the current one if not given.
            env: environment of the kernel; that of this process if not given.
            guard: refuse connections that leave this machine.
            execution_timeout: seconds that one cell may take.
            last_words: an expression to evaluate after the last cell.
            on_executed: called in the end with the notebook and the value of `last_words`, also when papermill then
                raises because of an error in it.
        """
        client = LabClient(nb_man.nb, kernel_name=kernel_name, cell_timeout=execution_timeout or CELL_TIMEOUT)

        def after(cell: Notebook, index: int, succeeded: bool) -> None:
            if not succeeded:
                nb_man.cell_exception(cell, cell_index=index, exception=None)
            nb_man.cell_complete(cell, cell_index=index)

        client.run(
            cwd=folder or Path.cwd(),
            env=os.environ if env is None else env,
            guard=guard,
            last_words=last_words,
            before=nb_man.cell_start,
            after=after,
        )
        clean_outputs(nb_man.nb, client.widget_state)
        if on_executed:
            on_executed(nb_man.nb, client.last_words)


papermill_engines.register(NAME, LabEngine)
