"""The command `test`: one run of pytest over everything, lint and types included."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from llmlab.lab import bootstrap
from llmlab.lab.cli.session import require_clone

# A process for each core. A file stays on one process, because a lesson's cells need one kernel.
# The order of the files is ours: tests/conftest.py puts the slow ones first.
PARALLEL = ("-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder")
COVERAGE = ("--cov=llmlab", "--cov-report=term:skip-covered", "--cov-fail-under=95")


def run_tests(
    context: typer.Context,
    newest: Annotated[bool, typer.Option("--newest", help="With the newest versions of all packages.")] = False,
    lowest: Annotated[bool, typer.Option("--lowest", help="With the lowest versions that are allowed.")] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Fail if tests run less than 95 % of lines.")] = False,
) -> None:
    """Prove everything: format, lint, types, unit tests, notebooks against their stored outputs.

    Packages have the versions of constraints.txt. Anything else on the line goes to pytest: -k NAME, a file, -x.

    What needs a browser says so and is skipped on a machine without one; with CI=true that is a failure.
    """
    require_clone("tests", "tests")
    command = [sys.executable, "-m", "pytest", *(context.args or PARALLEL), *(COVERAGE if coverage else ())]
    # Real terminals differ; what pytest compares must not.
    environment = {**os.environ, "PYTHONPATH": str(bootstrap.CLONE), "LLMLAB_MODE": "offline"}
    # The tests start hundreds of processes, and each would compile the package again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if sys.version_info >= (3, 12):
        environment["COVERAGE_CORE"] = "sysmon"
    done = subprocess.run(command, cwd=bootstrap.CLONE, env=environment, check=False)
    raise typer.Exit(done.returncode)
