"""Interfaces stay thin. If this fails, a call through one of them costs more than it says in benchmarks/README.md."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from benchmarks.interfaces import INTERFACES

MOST_CALLS = 25
"""Calls of Python functions; the benchmark says that so many take less than 10 µs."""


@pytest.mark.parametrize("name", INTERFACES)
def test_an_interface_adds_few_calls_of_functions(name: str) -> None:
    through, direct = INTERFACES[name]()
    for call in (through, direct):
        calls_of(call)  # the first call loads and fills what later ones find
    assert calls_of(through) - calls_of(direct) <= MOST_CALLS


def calls_of(call: Callable[[], Any]) -> int:
    """Return how many functions of Python a call runs."""
    count = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        result = call()
        if isinstance(result, Coroutine):
            with suppress(StopIteration):
                result.send(None)
    finally:
        sys.setprofile(None)
    return count
