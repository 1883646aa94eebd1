"""Format, lint and types, as tests, so that one run of pytest proves everything."""

from __future__ import annotations

import ast
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


def test_no_function_is_longer_than_a_screen() -> None:
    """A function of more than 40 lines does more than its name says."""
    for file in sorted((CLONE / "llmlab").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert (node.end_lineno or 0) - node.lineno < 40, f"{file}: {node.name}"
