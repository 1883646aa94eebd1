"""What tests of faults get: a lab that is off afterwards, and waits that fail."""

from __future__ import annotations

import pytest

from tests.tape.conftest import lab_off as lab_off


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Really waiting fails; giving the turn to another task does not."""

    def refuse(seconds: float) -> None:
        assert seconds == 0, f"something waited {seconds} s"

    monkeypatch.setattr("time.sleep", refuse)
