"""Forked kernels: fast, and not to be told from kernels that were started plainly."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from llmlab.lab.notebooks import forked
from llmlab.lab.notebooks.forked import PLATFORM_FORKS, ForkServer
from llmlab.lab.notebooks.update import execute_stored_form
from tests.runner.samples import save

pytestmark = pytest.mark.skipif(not PLATFORM_FORKS, reason="this platform cannot fork kernels; plain ones are used")

CELLS = (
    "import os, sys\nprint(__name__, sys.argv[0].rpartition('/')[2], sys.path[0], os.environ['LLMLAB_PACE'])",
    "import pandas\npandas.DataFrame({name * 20: [1.5, 2.5] for name in 'abcdef'})",
    "import warnings\nwith warnings.catch_warnings(record=True) as seen:\n    warnings.warn('look here')\nlen(seen)",
    "import ipywidgets\nipywidgets.IntSlider(3)",
    "sorted(name for name in globals() if not name.startswith('_'))",
    "import asyncio\nawait asyncio.sleep(0)\nasyncio.get_running_loop().is_running()",
    "import threading\nthreading.active_count() < 20, sys.flags.optimize, sys.stdin.isatty()",
    "1 / 0",
)


def outputs(folder: Path, provisioner: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the cells give in a kernel of this kind."""
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", provisioner)
    monkeypatch.setattr(forked, "_kernels", count(1))  # no first kernel, which would start plainly
    notebook, _ = asyncio.run(execute_stored_form(save(folder / "01_same.ipynb", *CELLS)))
    return [cell.outputs for cell in notebook.cells]


def test_a_forked_kernel_gives_what_a_plain_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a stored output is true here and untrue in a learner's JupyterLab."""
    fork, plain = (outputs(tmp_path, name, monkeypatch) for name in ("llmlab-fork", "local-provisioner"))
    for source, one, other in zip(CELLS, fork, plain, strict=True):
        assert one == other, source


def test_two_forks_share_no_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two notebooks that shuffle would otherwise shuffle alike."""
    monkeypatch.setattr(forked, "_kernels", count(1))
    cell = "import random, uuid, numpy\nprint(random.random(), uuid.uuid4(), numpy.random.rand())"
    path = save(tmp_path / "01_chance.ipynb", cell)
    runs = [asyncio.run(execute_stored_form(path))[0] for _ in range(2)]
    assert len({word for run in runs for word in run.cells[0].outputs[0].text.split()}) == 6


def test_the_server_ends_with_its_kernels(tmp_path: Path) -> None:
    """Nothing is left running when a run is over, also not after a crash of a kernel."""
    server = ForkServer()
    pid = server.ask(arguments=["-f", "missing.json"], env=dict(os.environ), folder=str(tmp_path))
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RuntimeError, match="has ended"):
        server.ask(poll=pid)
