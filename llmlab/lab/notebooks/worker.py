"""A worker for jobs that a notebook starts and stops: `with llmlab.worker(): …`"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from llmlab.errors import ConfigurationError
from llmlab.lab.tape.lab import LAB

READY = "The worker takes jobs."
_GRACE = 15.0
"""Seconds in which a worker may finish what it runs."""


class worker:
    """Run a worker as a process of its own inside a block; it answers as this process does, offline or live.

    Args:
        concurrency: jobs at the same time.

    Raises:
        ConfigurationError: it did not start.
    """

    def __init__(self, concurrency: int = 4) -> None:
        self._concurrency = concurrency
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The number of the process; 0 while there is none."""
        return self._process.pid if self._process else 0

    def kill(self) -> None:
        """End the process at once, as a power cut would, whatever it runs."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def start(self) -> Self:
        """Start the process, and return when it takes jobs."""
        command = [sys.executable, "-m", "llmlab", "worker", "--concurrency", str(self._concurrency)]
        command += ["--until-stdin-ends"]
        settings: dict[str, str] = {"LLMLAB_MODE": LAB.tape.mode if LAB.tape else "live"}
        if (switched_on := LAB.tape) is not None:
            settings |= {"LLMLAB_LESSON": switched_on.lesson or "", "LLMLAB_PACE": str(switched_on.pace)}
            settings |= {"LLMLAB_RECORDINGS": str(Path(switched_on.folder).absolute())}
        with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **settings},
                # A pipe that closes when this process ends, however it does; the worker then ends too.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C in a terminal is for the program, which then stops its worker.
                start_new_session=True,
            )
            lines = iter(self._process.stdout or ())
            if not any(line.strip() == READY for line in lines):
                self._end()
                log.seek(0)
                reason = log.read().strip().splitlines()[-1:] or ["it gave no reason"]
                raise ConfigurationError(f"the worker did not start: {reason[0]}")
        return self

    def stop(self) -> None:
        """Let the process finish what it runs, and end it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
            self.kill()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
