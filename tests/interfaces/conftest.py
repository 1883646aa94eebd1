"""What the tests of the interfaces share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmlab
from llmlab.lab import simulator
from tests.core.conftest import slept as slept


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    """Offline without recordings: a simulator that remembers nothing answers, and nothing waits."""
    simulator.forget()
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield
    simulator.forget()


@pytest.fixture
def own_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies of settings that no other test shares."""
    monkeypatch.setattr("llmlab.policies.from_settings._shared", {})
