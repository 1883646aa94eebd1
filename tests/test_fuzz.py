"""A little of the fuzzing in every run of the tests; `python3 -m tests.fuzz` does more."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_input_raises_nothing_but_our_errors(target: str) -> None:
    for seed in range(150):
        TARGETS[target](random.Random(seed))
