"""What tests of the loopback simulator get: a running one, without waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmlab.lab.tape.server import SimulatorServer


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    """A running simulator; what it remembers, it shares with the process."""
    with SimulatorServer(pace=0) as running:
        yield running
