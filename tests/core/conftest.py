"""What the tests of the core share: a clock that never waits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llmlab.transport import driver


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a flow wanted to wait, sync or async. It does not really wait."""
    waits: list[float] = []

    async def sleep_async(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(driver, "time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(driver, "asyncio", SimpleNamespace(sleep=sleep_async))
    return waits
