"""The kernel's guard and the client's last resort."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llmlab.lab.notebooks.client import LabClient, find_failure
from llmlab.lab.notebooks.kernel import kernel_environment
from tests.runner.samples import notebook


def test_a_cell_that_cannot_be_interrupted_is_ended(tmp_path: Path) -> None:
    """Code that ignores Ctrl-C costs its timeout, not the whole run."""
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    path = tmp_path / "01_deaf.ipynb"
    client = LabClient(notebook(deaf), cell_timeout=1)
    client.iopub_timeout = 1
    failure = find_failure(asyncio.run(client.run(cwd=tmp_path, env=kernel_environment(path, mode="replay"))))
    assert failure is not None
    assert failure[1].evalue == "the cell ran longer than 1 s and could not be interrupted"
