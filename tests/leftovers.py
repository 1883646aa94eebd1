"""What a test can leave behind for the next one: threads, listening sockets, variables, and state of llmlab.

A test that passes alone and fails in a full run has usually met something of another test. So each test answers for
what it leaves; see `no_leftovers` in `conftest.py`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator, Sized
from typing import Any
from weakref import WeakSet

GRACE = 1.0
"""Seconds in which a thread may end whose work is done."""
BY_DESIGN = {"_ledger", "_servers", "_exercises", "_encodings", "_warned", "_hints_given"}
"""State that lasts as long as the process: ledger, warm kernels, exercises, tokenizers, warnings and hints given."""

_STATE = (type(None), bool, int, float, list, dict, set)
_listening: WeakSet[socket.socket] = WeakSet()
_globals: list[tuple[dict[str, Any], str, str]] = []
_modules = 0


def watch_sockets() -> None:
    """Note every socket that listens from now on."""
    listen = socket.socket.listen

    def noted(self: socket.socket, *backlog: int) -> None:
        listen(self, *backlog)
        _listening.add(self)

    socket.socket.listen = noted  # type: ignore[method-assign]


def finish_threads() -> None:
    """Wait for the threads of llmlab, for a test that stops work of which a part is still in flight."""
    for thread in threading.enumerate():
        if thread.name.startswith("llmlab"):
            thread.join()


class Leftovers:
    """The state before a test, to be compared with the state after it."""

    def __init__(self) -> None:
        self._threads = set(threading.enumerate())
        self._sockets = set(_listening)
        self._environment = os.environ.copy()
        self._state = dict(_state())

    def found(self) -> list[str]:
        """Return what is there now and was not before, in words."""
        found = [f"the thread {thread.name!r} runs" for thread in self._live_threads()]
        found += [f"a server listens: {one}" for one in _listening if one not in self._sockets and one.fileno() != -1]
        changed = {name for name, _ in os.environ.copy().items() ^ self._environment.items()}
        found += [f"the variable {name} has changed" for name in sorted(changed - {"PYTEST_CURRENT_TEST"})]
        lab = sys.modules.get("llmlab.lab.tape.lab")
        if lab and (lab.LAB.tape or lab.LAB.faults):
            found.append(f"the lab is on: {lab.LAB.tape}, {lab.LAB.faults}")
        found += [f"{name} has changed" for name, value in _state() if self._state.get(name, value) != value]
        return found

    def _live_threads(self) -> Iterator[threading.Thread]:
        for thread in threading.enumerate():
            if thread not in self._threads and (not thread.daemon or thread.name.startswith("llmlab")):
                thread.join(GRACE)
                if thread.is_alive():
                    yield thread


def _state() -> Iterator[tuple[str, Any]]:
    """Yield the globals of llmlab that hold state, each with what tells a change."""
    global _modules
    if len(sys.modules) != _modules:
        _modules = len(sys.modules)
        _globals[:] = [
            (vars(module), name, f"{module_name}.{name}")
            for module_name, module in list(sys.modules.items())
            if module_name.startswith("llmlab.")
            for name, value in vars(module).items()
            if name[:1] == "_" and name[1:2].islower() and name not in BY_DESIGN and isinstance(value, _STATE)
        ]
    registry = sys.modules.get("llmlab.providers.registry")
    if registry is not None:
        yield "the names of providers", registry.provider_names()
    for space, name, full_name in _globals:
        value = space.get(name)
        yield full_name, (id(value), len(value) if isinstance(value, Sized) else 0)
