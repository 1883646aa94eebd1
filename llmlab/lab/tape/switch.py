"""Switching the tape on and off.

There is one tape in a process, because it replaces what every HTTP client of the process does. Starting again replaces
it; one `stop` gives the network back, however often it was started.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmlab._utils import clock
from llmlab.lab.faults.block import listen as listen_for_faults
from llmlab.lab.tape import transport_patch
from llmlab.lab.tape.body_streams import finish_streams
from llmlab.lab.tape.environment import find_lesson, find_mode, find_pace, find_recordings
from llmlab.lab.tape.local import find_ollama
from llmlab.lab.tape.tape import Tape
from llmlab.lab.tape.trace import Trace

OFF = "off"
_lock = threading.RLock()
_tape: Tape | None = None
_trace = Trace()


def start(
    mode: str | None = None,
    *,
    lesson: str | None = None,
    recordings: str | Path | None = None,
    pace: float | None = None,
) -> Tape:
    """Switch the tape on: from now on it answers every request of httpx and httpx2 in this process.

    Starting again switches to another mode; what was traced so far stays. As a context manager, it stops at the end.

    Args:
        mode: offline, replay, live or record; default LLMLAB_MODE, else offline.
        lesson: name of the lesson whose recordings are meant; default LLMLAB_LESSON, else the notebook's name.
        recordings: their folder; default LLMLAB_RECORDINGS, else `recordings/` beside the notebook.
        pace: factor on the recorded waiting times; default LLMLAB_PACE, else 1. 0 does not wait.

    Raises:
        ConfigurationError: there is no such mode, a file of recordings is broken, or there is no lesson to record for.
    """
    global _tape, _trace
    with _lock:
        trace = _trace if _tape else Trace()
        where = find_recordings(recordings)
        tape = Tape(find_mode(mode), find_lesson(lesson), where, find_pace(pace), trace, stop)
        _finish(_tape)
        if tape.passes_through:
            tape.keys.put_dotenv()
        else:
            tape.keys.put_placeholders()
        transport_patch.install(tape)
        clock.hand_over(tape)
        listen_for_faults(True)
        atexit.unregister(stop)
        atexit.register(stop)
        _tape, _trace = tape, trace
    return tape


def use_local() -> Tape:
    """Switch to offline, and let a real Ollama on this machine answer what is not recorded of it.

    Raises:
        ConfigurationError: no Ollama answers, or the one in OLLAMA_HOST is on another machine.
    """
    address = find_ollama()
    tape = start("offline")
    tape.local = address
    return tape


def stop() -> None:
    """Switch the tape off: the network and the environment are as they were. Stopping twice is fine."""
    global _tape
    with _lock:
        transport_patch.uninstall()
        clock.hand_over(None)
        listen_for_faults(False)
        _finish(_tape)
        _tape = None


def mode() -> str:
    """Return which mode this is: offline, replay, live, record, or off."""
    return _tape.mode if _tape else OFF


def trace() -> Trace:
    """Return what went over the wire since the tape was switched on."""
    return _trace


@contextmanager
def hurried() -> Iterator[None]:
    """Let nothing in the block really wait: whether code has a deadline is seen at once."""
    tape = _tape
    if tape is None:
        yield
        return
    before, tape.pace = tape.pace, 0.0
    try:
        yield
    finally:
        tape.pace = before


def banner() -> str:
    """Return in one line which mode this is, and what it means."""
    return _tape.banner() if _tape else "llmlab: off. Requests go to the network as they are."


def unused() -> list[str]:
    """Return the recordings of this lesson that nothing has asked for yet, as text."""
    return _tape.unused() if _tape else []


def _finish(tape: Tape | None) -> None:
    if tape:
        finish_streams()
        tape.keys.remove()
