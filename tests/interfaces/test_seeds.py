"""The list of promises. If one fails, nobody knows which sentence of the five documents still holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interfaces import seeds


def test_each_promise_has_a_test_and_the_test_exists() -> None:
    """A promise without a test breaks unnoticed."""
    assert seeds.promises()
    assert seeds.problems() == []


def test_the_page_is_up_to_date() -> None:
    """A reader trusts docs/seeds.md."""
    assert seeds.PAGE.read_text(encoding="utf-8") == seeds.page(), "run python3 -m tests.interfaces.seeds"


def test_what_is_wrong_with_a_promise_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A check that finds nothing holds nothing."""
    (tmp_path / "000.yaml").write_text(
        "- {promise: a, tests: [tests/interfaces/test_seeds.py::test_the_page_is_up_to_date]}\n"
        "- {promise: a, tests: []}\n"
        "- {promise: b, tests: [tests/test_errors.py::test_of_nothing, tests/none.py::test_a]}\n"
    )
    monkeypatch.setattr(seeds, "PROMISES", tmp_path)
    assert seeds.problems() == [
        "000: twice: a",
        "000: no test: a",
        "000: no such test: tests/test_errors.py::test_of_nothing",
        "000: no such test: tests/none.py::test_a",
    ]
