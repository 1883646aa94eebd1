"""Install the package into an environment, with uv where it can be had, and explain a failure.

Standard library only. Everything is printed on stderr, so that `doctor --json` stays JSON on its first run too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HEARTBEAT = 5.0
"""Seconds between two lines that say that the installer still works."""

NO_VENV = (
    "This Python has no working venv module, which llmlab needs to make its .venv.\n"
    "On Debian and Ubuntu: apt-get install python3-venv   (as root or with sudo; or python{}.{}-venv)\n"
    "Then run the same command again."
)
NO_ENVIRONMENT = (
    "The environment {0} could not be made. Python said:\n{1}\n"
    "Delete the folder {0} and run the same command again. On Debian and Ubuntu: apt-get install python3-venv"
)
NOT_WRITABLE = (
    "llmlab cannot write in its folder ({}), so .venv cannot be made there.\n"
    "Copy the folder to a place of your own, and run the same command there."
)
NO_NETWORK = (
    "The packages could not be downloaded: there is no network, or the package index cannot be reached.\n"
    "Connect (behind a proxy, set HTTPS_PROXY) and run the same command again: it goes on where this one stopped.\n"
    "After that first time llmlab needs no network."
)
FAILED = (
    "The packages could not be installed; the reason stands above.\n"
    "Remove the reason and run the same command again. If that does not help, delete the folder {}."
)
STOPPED = "Stopped while the packages were being installed. Run the same command again: it recovers by itself."

_NETWORK = re.compile(
    r"dns error|error sending request|failed to establish a new connection|connection (?:broken|refused|reset)|"
    r"name resolution|network is unreachable|no route to host|timed out|could not connect|failed to fetch",
    re.IGNORECASE,
)


def say(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(f"llmlab: {text}", file=sys.stderr, flush=True)


def install(python: Path, clone: Path, options: Sequence[str], lock: int | None = None) -> str:
    """Install into the environment of `python`, with uv, or with pip where uv cannot be had or fails.

    The installer inherits `lock`, a file descriptor, and holds it while it runs.

    Returns:
        Nothing when it is done; else what to tell the reader: `NO_NETWORK` or `FAILED`.
    """
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--retries", "2", "install"]
    uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--compile-bytecode"]
    has_uv, output = run([*pip, "--quiet", "uv"], "getting the installer", clone, lock)
    if not has_uv and _NETWORK.search(output):
        return NO_NETWORK
    if has_uv:
        if run([*uv, *options], "installing", clone, lock)[0]:
            return ""
        # Where pip is set up for a mirror, it may get what uv cannot.
        say("uv could not do it; trying pip")
    done, output = run([*pip, *options], "installing", clone, lock)
    if done:
        return ""
    print(output, file=sys.stderr)
    return NO_NETWORK if _NETWORK.search(output) else FAILED.format(python.parents[1].name)


def run(command: Sequence[str], step: str, folder: Path, lock: int | None = None) -> tuple[bool, str]:
    """Run an installer and show its progress.

    Returns:
        Whether it succeeded, and its last lines.
    """
    say(step)
    lines: deque[str] = deque(maxlen=40)
    with (
        _heartbeat(step),
        subprocess.Popen(
            command,
            cwd=folder,
            # A user-wide "install into my home" setting of pip's would fail in an environment.
            env={**os.environ, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=() if lock is None else (lock,),
        ) as process,
    ):
        try:
            for line in map(str.rstrip, process.stdout or ()):
                lines.append(line)
                # Indented lines are lists of packages; these and warnings are shown if it fails.
                if line and not line.startswith((" ", "Requirement already", "Looking in", "WARNING")):
                    print(f"  {line}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            process.wait()
            say(STOPPED)
            sys.exit(130)
    return process.returncode == 0, "\n".join(lines)


@contextmanager
def _heartbeat(step: str) -> Iterator[None]:
    """Say now and then that a step is still running: a learner who sees nothing for a minute stops it."""
    started, over = time.monotonic(), threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            say(f"still {step}, {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
