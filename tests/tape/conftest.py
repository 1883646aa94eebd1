"""What tests of the tape get: a lab that is off afterwards, a folder of recordings, and a script for the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.lab.tape import tape as tape_module
from llmlab.lab.tape.cassette import Cassette, read_cassette
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

LESSON = "01_call"
Script = Callable[[TapeRequest], TapeAnswer]


@pytest.fixture(autouse=True)
def lab_off(no_leftovers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves the lab on, waits, or sees a notebook's name."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    yield
    llmlab.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of recordings."""
    path = tmp_path / "recordings"
    path.mkdir()
    return path


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], None]:
    """Replace the simulator by something small."""
    return lambda script: monkeypatch.setattr(tape_module, "simulate", script)


@pytest.fixture
def record(folder: Path) -> Callable[[], Any]:
    return lambda: llmlab.start("record", lesson=LESSON, recordings=folder)


@pytest.fixture
def replay(folder: Path) -> Callable[[], Any]:
    return lambda: llmlab.start("replay", lesson=LESSON, recordings=folder)


def read(folder: Path) -> Cassette:
    """Return what was written for the lesson of these tests."""
    return read_cassette(folder / f"{LESSON}.yaml")
