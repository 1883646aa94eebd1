"""What tests of stores get: the lab switched on offline, and a folder with two files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmlab
from llmlab.lab import simulator

HANDBOOK = "Staff get 28 days of holiday a year.\n\nThe office dog is called Biscuit. It sleeps under the stairs."
MENU = "On Fridays the canteen serves fish.\n\nCoffee is free before nine o'clock."


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    """Offline without recordings: a simulator that remembers nothing answers, and nothing waits."""
    simulator.forget()
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield
    simulator.forget()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files to ask about."""
    found = tmp_path / "documents"
    found.mkdir()
    (found / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (found / "menu.txt").write_text(MENU, encoding="utf-8")
    return found
