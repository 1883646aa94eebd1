"""`python3 -m llmlab`: see that Python and the packages are there, then hand over to the command line.

This file must be readable by every Python from 3.7 on, because its first duty is to tell an old one politely
that it is too old. So it imports the rest only after that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module

FLOOR = (3, 11)


def too_old(version: tuple[int, ...]) -> str:
    """Return what to say to a Python of this version: nothing, or that it is too old and what to do."""
    if version[:2] >= FLOOR:
        return ""
    newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if starts(name)]
    if newer:
        step = "This machine has a newer one: {} -m llmlab {}".format(newer[0], " ".join(sys.argv[1:])).rstrip()
    else:
        step = (
            "Install Python 3.11 or newer (python.org, your package manager, conda or uv), then run this again with it."
        )
    return "llmlab needs Python {}.{} or newer; this is Python {}.{}.\n{}".format(*FLOOR, *version[:2], step)


def starts(name: str) -> bool:
    """Whether there is a program of this name that starts; a version manager may leave names that do not."""
    return bool(shutil.which(name)) and not subprocess.call(
        [name, "-V"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def main() -> None:
    """Refuse an old Python, get the packages if they are missing, run the command."""
    refusal = too_old(sys.version_info[:2])
    if refusal:
        sys.exit(refusal)
    import_module("llmlab.lab.bootstrap").prepare(sys.argv[1:])
    import_module("llmlab.lab.cli.app").main()


if __name__ == "__main__":
    main()
