"""What the tests of the specs share: what a test registers, or a model that it warns of, is forgotten afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmlab.models import registry, validation


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what is known of models."""
    monkeypatch.setattr(registry._plugins, "_registered", {})
    monkeypatch.setattr(registry, "_named", dict(registry._named))
    monkeypatch.setattr(registry, "_first", dict(registry._first))
    monkeypatch.setattr(registry, "_registered", set())
    monkeypatch.setattr(validation, "_told", set())
    clear()
    yield
    clear()


def clear() -> None:
    registry._offered.cache_clear()
    registry._load.cache_clear()
