"""The command `test`: one run of pytest over everything, lint and types included."""

from __future__ import annotations

import os
import subprocess
import sys

import typer

from llmlab.lab import bootstrap

# A notebook's cells must stay on one worker.
PARALLEL = ("-n", "2", "--dist", "loadfile")
COVERAGE = ("--cov=llmlab", "--cov-report=term:skip-covered", "--cov-fail-under=95")


def test(context: typer.Context) -> None:
    """Prove everything: format, lint, types, unit tests, notebooks against their stored outputs, coverage.

    Anything else on the line goes to pytest, and then coverage is left out: -k NAME, a file, -x.

    What needs a browser says so and is skipped on a machine without one; with CI=true that is a failure.
    """
    if not (bootstrap.CLONE / "tests").is_dir():
        typer.echo("llmlab: the tests are in the repository. Clone it, and run this command there.", err=True)
        raise typer.Exit(2)
    command = pytest_command(context.args)
    # Real terminals differ; what pytest compares must not.
    environment = {**os.environ, "PYTHONPATH": str(bootstrap.CLONE), "LLMLAB_MODE": "offline"}
    raise typer.Exit(subprocess.run(command, cwd=bootstrap.CLONE, env=environment, check=False).returncode)


def pytest_command(arguments: list[str]) -> list[str]:
    """Return the command line of pytest; `arguments` are the reader's own."""
    options = arguments or [*PARALLEL, *COVERAGE]
    return [sys.executable, "-m", "pytest", *options]
