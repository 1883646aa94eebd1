"""What these tests get: the lab switched on offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmlab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    """Offline without recordings: the simulator answers, and nothing waits."""
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield
