"""What the tests of the policies share: a clock that stands still, so that a wait is as long as the policy says."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import llmlab
from llmlab._utils import clock
from tests.core.conftest import slept

__all__ = ["frozen", "slept"]


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offline, with a clock that only waits move on, and that no wait holds up."""
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()
