"""Switching the lab on and off. One object holds all state, because there is one transport for every client."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from llmlab._utils import clock
from llmlab.errors import ConfigurationError
from llmlab.lab.faults import FaultPlan
from llmlab.lab.network_guard import GUARD
from llmlab.lab.tape.environment import Variables, find_lesson, find_mode, find_ollama, find_pace, find_recordings
from llmlab.lab.tape.recorder import Recorder
from llmlab.lab.tape.tape import Tape
from llmlab.lab.tape.trace import Trace
from llmlab.lab.tape.transport_patch import TransportPatch


class Lab:
    """What is switched on in this process: a tape, its trace, and the faults of the blocks that are open."""

    def __init__(self) -> None:
        self.faults: list[FaultPlan] = []
        self._trace = Trace()
        self._lock = threading.RLock()
        self._patch = TransportPatch()
        self._variables = Variables()
        # One for each file, so that a lesson may switch away from recording and back.
        self._recorders: dict[Path, Recorder] = {}

    @property
    def tape(self) -> Tape | None:
        """What answers, or None while the lab is off."""
        return self._patch.tape

    def start(
        self,
        mode: str | None = None,
        *,
        lesson: str | None = None,
        recordings: str | Path | None = None,
        pace: float | None = None,
    ) -> Tape:
        """Switch the tape on: from now on it answers every request of httpx and httpx2 in this process.

        Starting again switches to another mode; the trace goes on. As a context manager, the tape stops at the end.

        Args:
            mode: offline, replay, live or record; default LLMLAB_MODE, else offline.
            lesson: name of the lesson whose recordings are used; default LLMLAB_LESSON, else the notebook's name.
            recordings: their folder; default LLMLAB_RECORDINGS, else `recordings/` beside the notebook.
            pace: factor on the recorded waiting times; default LLMLAB_PACE, else 1. 0 does not wait.

        Raises:
            ConfigurationError: there is no such mode, a file of recordings is broken, or there is no lesson to record
                for.
        """
        with self._lock:
            tape = Tape(
                find_mode(mode),
                find_lesson(lesson),
                find_recordings(recordings),
                find_pace(pace),
                trace=self._trace if self.tape else Trace(),
                faults=self.faults,
                recorders=self._recorders,
                stop=self.stop,
            )
            self._switch_to(tape)
        return tape

    def _switch_to(self, tape: Tape) -> None:
        self._finish()
        if tape.passes_through:
            self._variables.set_from_dotenv()
        else:
            self._variables.hide()
        GUARD.offline = not tape.passes_through
        self._trace = tape.trace
        self._patch.install(tape)
        clock.set_clock(tape)
        atexit.unregister(self.stop)
        atexit.register(self.stop)

    def use_local(self) -> Tape:
        """Switch to offline, and let a real Ollama on this machine answer requests to Ollama that are not recorded.

        Raises:
            ConfigurationError: no Ollama answers, or OLLAMA_HOST is on another machine.
        """
        address = find_ollama()
        tape = self.start("offline")
        tape.local = address
        return tape

    def stop(self) -> None:
        """Switch the tape off: network and environment are as before, however often the tape was started."""
        with self._lock:
            clock.set_clock(None)
            GUARD.offline = False
            self._finish()
            self._patch.uninstall()

    def mode(self) -> str:
        """Return the mode: offline, replay, live, record, or off."""
        return self.tape.mode if self.tape else "off"

    def trace(self) -> Trace:
        """Return what went over the wire since the tape was switched on."""
        return self._trace

    def banner(self) -> str:
        """Return in one line which mode is on, and what it means."""
        return self.tape.banner() if self.tape else "llmlab: off. Requests go to the network as they are."

    def unused(self) -> list[str]:
        """Return the recordings of this lesson that were not asked for yet, as text."""
        return self.tape.unused() if self.tape else []

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Do not really wait inside the block, so that a check sees at once whether code has a deadline."""
        tape = self.tape
        if tape is None:
            yield
            return
        before, tape.pace = tape.pace, 0.0
        try:
            yield
        finally:
            tape.pace = before

    def _finish(self) -> None:
        if self.tape:
            self._patch.finish_streams()
            self._variables.restore()


LAB: Final = Lab()
start, use_local, stop = LAB.start, LAB.use_local, LAB.stop
mode, trace, banner, unused, hurried = LAB.mode, LAB.trace, LAB.banner, LAB.unused, LAB.hurried


class faults(FaultPlan):
    """Let requests meet faults inside a block: `with llmlab.faults("rate_limit", retry_after=2, times=2): …`

    Such a request never reaches the network, whatever the mode: what is damaged is a recording, or else an answer of
    the simulator. It is never recorded, and does not use up a recording. Arguments are those of `FaultPlan`.

    Raises:
        ConfigurationError: the tape is off, or see `FaultPlan`.
    """

    def __enter__(self) -> Self:
        if LAB.tape is None:
            raise ConfigurationError(
                "faults happen on the tape, and it is off. Switch it on: %load_ext llmlab in a notebook, or "
                "llmlab.start() in a program."
            )
        LAB.faults.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        LAB.faults.remove(self)
