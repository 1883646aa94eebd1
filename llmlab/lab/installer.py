"""Install the package into an environment, fast where uv can be had, and explain it when that fails.

Standard library only; used by `llmlab.lab.bootstrap` and by nobody else. Everything is said on stderr, so that
`doctor --json` stays JSON on its very first run.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

HEARTBEAT = 5.0
"""Seconds of silence after which a line says that the installer still works."""

NO_VENV = (
    "This Python has no working venv module, which llmlab needs to make its .venv.\n"
    "On Debian and Ubuntu: apt-get install python3-venv   (as root or with sudo; or python{}.{}-venv)\n"
    "Then run the same command again."
)
NO_ENVIRONMENT = (
    "The environment .venv could not be made. Python said:\n{}\n"
    "Delete the folder .venv and run the same command again. On Debian and Ubuntu: apt-get install python3-venv"
)
NOT_WRITABLE = (
    "Nothing can be written in the folder of llmlab ({}), so .venv cannot be made there.\n"
    "Copy the folder to a place of your own, and run the same command there."
)
NO_NETWORK = (
    "The packages could not be downloaded: there is no network, or the package index cannot be reached.\n"
    "Connect (behind a proxy, set HTTPS_PROXY) and run the same command again: it goes on where this one stopped.\n"
    "After that first time llmlab needs no network."
)
FAILED = (
    "The packages could not be installed; the reason stands above.\n"
    "When it is mended, run the same command again: it recovers by itself. Should it not, delete the folder .venv."
)
STOPPED = "Stopped while the packages were being installed. Run the same command again: it recovers by itself."

_NETWORK = re.compile(
    r"dns error|error sending request|failed to establish a new connection|connection (?:broken|refused|reset)|"
    r"name resolution|network is unreachable|no route to host|timed out|could not connect|failed to fetch",
    re.IGNORECASE,
)


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(f"llmlab: {text}", file=sys.stderr, flush=True)


def install(python: Path, clone: Path, target: str, lock: int | None = None) -> str:
    """Install the clone, editable, into the environment of `python`.

    Args:
        python: the environment's interpreter; it has pip.
        clone: the folder that holds pyproject.toml.
        target: "." or ".[test]".
        lock: a file descriptor that the installer shall hold as long as it lives.

    Returns:
        Nothing when it is done; else what to tell the reader: `NO_NETWORK` or `FAILED`.
    """
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--retries", "2", "install"]
    uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--compile-bytecode"]
    fast, output = run([*pip, "--quiet", "uv"], "getting the installer", clone, lock)
    if not fast and _NETWORK.search(output):
        return NO_NETWORK
    if fast:
        if run([*uv, "-e", target], "installing", clone, lock)[0]:
            return ""
        # Where pip is set up for a mirror, it may get what uv cannot.
        say("uv could not do it; trying pip")
    done, output = run([*pip, "-e", target], "installing", clone, lock)
    if done:
        return ""
    print(output, file=sys.stderr)
    return NO_NETWORK if _NETWORK.search(output) else FAILED


def run(command: Sequence[str], step: str, folder: Path, lock: int | None = None) -> tuple[bool, str]:
    """Run an installer, pass on what it says, and say something when it is silent for long.

    Returns:
        Whether it succeeded, and its last lines.
    """
    say(step)
    started = time.monotonic()
    # A user-wide "install into my home" setting of pip's would fail in an environment.
    environment = {**os.environ, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    heard: queue.Queue[str | None] = queue.Queue()
    lines: deque[str] = deque(maxlen=40)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=() if lock is None else (lock,),
    ) as process:
        threading.Thread(target=_listen, args=(process.stdout, heard), daemon=True).start()
        try:
            while (line := _next(heard, step, started)) is not None:
                lines.append(line)
                # Indented lines are lists of packages; these and warnings are shown if it fails.
                if line.strip() and not line.startswith((" ", "Requirement already", "Looking in", "WARNING")):
                    print(f"  {line}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            process.wait()
            say(STOPPED)
            sys.exit(130)
    return process.returncode == 0, "\n".join(lines)


def _listen(stream: IO[str], heard: queue.Queue[str | None]) -> None:
    for line in stream:
        heard.put(line.rstrip())
    heard.put(None)


def _next(heard: queue.Queue[str | None], step: str, started: float) -> str | None:
    while True:
        try:
            return heard.get(timeout=HEARTBEAT)
        except queue.Empty:
            say(f"still {step}, {time.monotonic() - started:.0f} s")
