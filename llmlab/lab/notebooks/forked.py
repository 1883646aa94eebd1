"""Kernels forked from a warm server: ready at once, with the slow imports done.

A kernel that starts plainly needs half a second, and importing openai, anthropic and pandas two more. The server is a
child process that imports all of that once and then forks itself for each kernel. The first kernel of a process starts
plainly, because one kernel alone is ready sooner than the server. It is a kernel provisioner of
`jupyter_client`, so nbclient, papermill and nbval can use it alike: entry point `llmlab-fork`, chosen by a kernelspec
or by the variable JUPYTER_DEFAULT_PROVISIONER_NAME. Needs a platform that can fork.

`python3 -m llmlab.lab.notebooks.forked FD` is the server; it reads requests from the socket FD, one JSON line each.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

NAME = "llmlab-fork"
PLATFORM_FORKS = hasattr(os, "fork") and sys.platform != "darwin"  # Apple's libraries do not survive a fork
WARM = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "openai", "anthropic", "httpx", "httpx2", "ollama", "pandas"),
    *("ipywidgets", "pydantic", "yaml", "matplotlib_inline.backend_inline", "llmlab.lab.notebooks.magics"),
)
"""Modules that lessons use and that are slow to import."""


class ForkServer:
    """The warm server, seen from the process that starts it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, **request: Any) -> Any:
        """Send a request and return the answer.

        Raises:
            RuntimeError: the server has ended.
        """
        with self._lock:
            try:
                self._socket.sendall(json.dumps(request).encode() + b"\n")
                line = self._lines.readline()
            except OSError:
                line = ""
        if not line:
            raise RuntimeError("the server of warm kernels has ended")
        return json.loads(line)

    def close(self) -> None:
        """End the server and the kernels that still run."""
        self._lines.close()
        self._socket.close()
        self._process.wait()


class ForkedProcess:
    """A forked kernel, with the part of `subprocess.Popen` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        if self.returncode is None:
            try:
                self.returncode = self._server.ask(poll=self.pid)
            except RuntimeError:
                self.returncode = 1
        return self.returncode

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        while (code := self.poll()) is None:
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):
    """Starts the first kernel of this process plainly, and each other one as a fork of the warm server."""

    process: Any = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel; its arguments are those behind `-m ipykernel_launcher` in the command."""
        if next(_kernels) == 0:
            return await super().launch_kernel(cmd, **kwargs)
        arguments = cmd[cmd.index("-f") :]
        env = dict(kwargs.get("env") or os.environ)
        self.cwd = kwargs.get("cwd") or Path.cwd()
        server = _server()
        self.pid = self.pgid = server.ask(arguments=arguments, env=env, folder=str(self.cwd))
        self.process = ForkedProcess(server, self.pid)
        return self.connection_info


_kernels = count()
_servers: list[tuple[int, ForkServer]] = []
_starting = threading.Lock()


def _server() -> ForkServer:
    """Return the server of this process, started on first use."""
    with _starting:
        if not _servers or _servers[0][0] != os.getpid():
            _servers[:] = [(os.getpid(), ForkServer())]
        return _servers[0][1]


def serve(control: socket.socket) -> None:
    """Answer requests until the other side has gone; then end the kernels that are left."""
    # pandas looks at its import whether it is in a kernel, and prints wider tables there.
    vars(builtins)["get_ipython"] = lambda: SimpleNamespace(kernel=True)
    for module in WARM:
        with suppress(ImportError):
            import_module(module)
    del vars(builtins)["get_ipython"]
    gc.freeze()
    children: set[int] = set()
    for line in control.makefile("r", encoding="utf-8"):
        request = json.loads(line)
        if (pid := request.get("poll")) is not None:
            answer = _exit_code(pid, children)
        else:
            with warnings.catch_warnings(action="ignore"):  # OpenBLAS has threads, and knows how to fork
                answer = os.fork()
            if answer == 0:
                control.close()
                _become_kernel(request["arguments"], request["env"], request["folder"])
            children.add(answer)
        control.sendall(json.dumps(answer).encode() + b"\n")
    for pid in children:
        for kill in (os.killpg, os.kill):  # a kernel that has only just been forked is no group of its own yet
            with suppress(OSError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _exit_code(pid: int, children: set[int]) -> int | None:
    if pid not in children:
        return 0
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _become_kernel(arguments: Sequence[str], env: Mapping[str, str], folder: str) -> None:
    """Turn this fork into a kernel that cannot be told from one that was started plainly."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        warm_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ.clear()
        os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
        own_path = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
        os.chdir(folder)
        sys.path[:] = [*own_path, *(entry for entry in sys.path[1:] if entry not in warm_path)]
        sys.argv = ["ipykernel_launcher.py", *arguments]
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        app: Any = import_module("ipykernel.kernelapp")
        # Its default was read from the environment of the server.
        app.launch_new_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
