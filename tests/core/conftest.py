"""What the tests of the core share: a clock that never waits, and examples that are the same in every run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import settings

from llmlab.transport import driver

settings.register_profile("core", max_examples=40, deadline=None, database=None, derandomize=True)
settings.load_profile("core")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a flow wanted to wait, sync or async. It does not really wait."""
    waits: list[float] = []

    async def sleep_async(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(driver, "time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(driver, "asyncio", SimpleNamespace(sleep=sleep_async))
    return waits
