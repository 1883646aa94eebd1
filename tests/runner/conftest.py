"""A lesson stored once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.outputs import store


@pytest.fixture(scope="session")
def lesson_with_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook with every kind of output, stored by `update_outputs`. Not to be changed."""
    return store(tmp_path_factory.mktemp("stored"))
