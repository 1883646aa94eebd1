"""The benchmarks in their smallest form. If one fails, a number in their README can no longer be checked by anybody.

What they measure is not looked at here: a machine that tests share says nothing about speed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.stack import time_policies

ROOT = Path(__file__).resolve().parents[2]


def test_the_ledger_is_measured() -> None:
    command = [sys.executable, "benchmarks/ledger.py", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode in (0, 1)) == ("", True), "1 is a missed target"
    assert len(json.loads(done.stdout)) == 4


def test_policies_are_measured() -> None:
    assert time_policies() > 0
