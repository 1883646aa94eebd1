"""Format, lint and types, as tests, so that one run of pytest proves everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[1]
CHECKS = {
    "format": ["-m", "ruff", "format", "--check", "."],
    "lint": ["-m", "ruff", "check", "."],
    "types": ["-m", "mypy", "--strict"],
    "rooms": ["-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_code_is_clean(name: str) -> None:
    """Without this, format, lint and type errors reach readers, who learn from this code."""
    done = subprocess.run([sys.executable, *CHECKS[name]], cwd=CLONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
