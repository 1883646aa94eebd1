"""The kernel's guard and the client's last resort."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

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


def test_a_notebook_that_is_offline_reaches_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line of each lesson promises that nothing is sent; a library that the tape does not see keeps it."""
    monkeypatch.setenv("MY_SERVICE_TOKEN", "gh0123456789abcdefXY")
    cells = (
        "import os\nprint(os.environ.get('MY_SERVICE_TOKEN'))",
        "%load_ext llmlab",
        "import urllib.request\nurllib.request.urlopen('http://llm.example/')",
    )
    path = tmp_path / "01_ask.ipynb"
    client = LabClient(notebook(*cells))
    ran = asyncio.run(client.run(cwd=tmp_path, env=kernel_environment(path, mode="offline")))
    assert ran.cells[0].outputs[0].text == "None\n"
    failure = find_failure(ran)
    assert failure is not None
    assert "In offline and replay modes nothing is sent" in failure[1].evalue
