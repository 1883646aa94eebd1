"""The pytest plugin that every project with llmlab installed has: `pytest --llmlab FOLDER`.

    pytest --llmlab notebooks

It adds two options, and keeps the cells of notebooks in their order, nbval's too. What runs and compares notebooks is
loaded when `--llmlab` is given, so that no other run of pytest waits for it; see `nbval_plugin.py`. It is registered
as an entry point in `pyproject.toml`.
"""

from __future__ import annotations

import math
from importlib import import_module

import pytest

RUNS_NOTEBOOKS = "llmlab.lab.notebooks.nbval_plugin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that switch the plugin on and bound a cell's time."""
    group = parser.getgroup("llmlab")
    group.addoption(
        "--llmlab", action="store_true", help="run notebooks from their recordings and compare their stored outputs"
    )
    group.addoption("--llmlab-cell-timeout", type=int, default=120, help="seconds that one cell may take")


def pytest_configure(config: pytest.Config) -> None:
    """Load what runs notebooks, if it is asked for."""
    if config.getoption("llmlab") and not config.pluginmanager.has_plugin(RUNS_NOTEBOOKS):
        config.pluginmanager.register(import_module(RUNS_NOTEBOOKS), RUNS_NOTEBOOKS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the cells of a notebook together and in their order, which pytest-randomly does not."""
    cells = [item for item in items if item.path.suffix == ".ipynb"]
    files = list(dict.fromkeys(cell.path for cell in cells))
    ordered = iter(sorted(cells, key=lambda cell: (files.index(cell.path), getattr(cell, "cell_num", math.inf))))
    items[:] = [next(ordered) if item.path.suffix == ".ipynb" else item for item in items]
