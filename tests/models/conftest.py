"""What the tests of models share: registered models and shown warnings are forgotten after each test."""

from __future__ import annotations

import pytest

from llmlab.models import registry, validation


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a registry of the test's own."""
    monkeypatch.setattr(registry, "_registry", registry.Registry())
    monkeypatch.setattr(validation, "_warned", set())
