"""The lessons in the tools that everybody has: papermill, nbconvert and nbval, with nothing of the kit around them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from llmlab.lab.notebooks.notebook_file import ROOT

LESSONS = ROOT / "notebooks"
BIN = Path(sys.executable).parent


def test_plain_tools_are_green(tmp_path: Path) -> None:
    """A teacher who uses papermill, nbconvert or nbval on a lesson, from any folder, would read of failures."""
    env = {**os.environ, "LLMLAB_PACE": "0", "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    nbval = "-m pytest --nbval -q -p no:cacheprovider"
    for command in (
        f"-m papermill {LESSONS / '00_start_here.ipynb'} one.ipynb -p provider ollama",
        f"-m nbconvert --execute --to notebook --output-dir . {LESSONS / '06_break_things_on_purpose.ipynb'}",
        f"{nbval} {LESSONS / '19_run_batches.ipynb'}",
    ):
        done = subprocess.run(
            [sys.executable, *command.split()], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
