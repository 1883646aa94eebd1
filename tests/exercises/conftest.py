"""What tests of exercises get: the lab switched on offline, and a registry of their own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import llmlab
from llmlab.lab.exercises import Wrong, exercise, registry
from llmlab.lab.exercises.inspect import Answer
from tests.models.conftest import forgotten as forgotten  # an exercise may register a model


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[None]:
    """Offline without recordings: the simulator answers, and nothing waits."""
    with llmlab.start("offline", lesson="none", recordings=tmp_path, pace=0):
        yield


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exercises that a test makes are gone after it, and no hint was given before it."""
    for module in registry._lessons().values():
        import_module(module)  # now, so that they are not loaded into the copy and lost with it
    monkeypatch.setattr(registry, "_exercises", dict(registry._exercises))
    monkeypatch.setattr(registry, "_hints_given", {})


@pytest.fixture
def doubling(own_registry: None) -> None:
    """Exercise 0.9: double a number; and 0.8, whose check is broken.

    They stand here because a check and the learner's code never share a file.
    """

    @exercise("0.9", hints=["Think.", "Think twice."])
    def judge(function: Answer) -> str:
        found = function(4)
        if found != 8:
            raise Wrong(f"Your function made {found} of 4.")
        return "Your function made 8 of 4."

    @exercise("0.8", hints=["none"])
    def broken(function: Answer) -> str:
        raise ZeroDivisionError("in the check")
