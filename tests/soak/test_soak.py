"""1,000 mixed calls while a fifth of them fails. At full length this is benchmarks/soak.py."""

from __future__ import annotations

import sys

import pytest

from benchmarks.soak import soak


@pytest.mark.skipif(sys.platform == "win32", reason="counts file descriptors in /dev/fd, which Windows does not have")
def test_every_call_ends_well_and_nothing_leaks() -> None:
    """A program that runs for weeks must not die of a strange answer, nor of a thousand small leaks."""
    report = soak(1_000)
    assert report.unexpected == []
    assert report.calls == 1_000
    # Faults were met, and most were survived.
    assert 0.6 * report.calls < report.outcomes["Completion"] < report.calls
    assert report.leaked_tasks == 0
    assert report.leaked_files <= 0
    assert report.growth < 20
