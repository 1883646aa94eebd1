"""What `%load_ext llmlab` and `%llmlab` do in a notebook.

%load_ext llmlab     switch the tape on, and say which mode this is; also when it is run again
%llmlab              say which mode this is
%llmlab live         switch to another mode
%llmlab $mode        the same, from a variable; None changes nothing
%llmlab local        offline, but a real Ollama on this machine answers what is not recorded of it
%%expect SomeError   the cell must raise this error; see `expect.py`
"""

from __future__ import annotations

from typing import Any

from llmlab.errors import LLMError
from llmlab.lab import tape
from llmlab.lab.network_guard import GUARD
from llmlab.lab.notebooks import expect, tracebacks

_NAME = "llmlab"


def load(shell: Any) -> None:
    """Switch the tape on, say which mode this is, add the magic, and have errors shown without the way to them.

    Args:
        shell: IPython's.
    """
    # `mode` is a lesson's parameter; without it, LLMLAB_MODE decides.
    wanted = shell.user_ns.get("mode")
    tape.start(wanted if isinstance(wanted, str) else None)
    if hasattr(shell, "kernel"):
        # A notebook, not a shell within a program or test, which the guard would outlive.
        GUARD.arm()
    shell.register_magic_function(switch, "line", _NAME)
    shell.set_custom_exc((LLMError,), tracebacks.show)
    expect.install(shell)
    magics = shell.magics_manager.magics["line"]
    if not isinstance(magics["load_ext"], _LoadExt):
        magics["load_ext"] = _LoadExt(shell, magics["load_ext"])
    print(tape.banner())


class _LoadExt:
    """`%load_ext`, which loads llmlab again where IPython would only say that it is loaded."""

    def __init__(self, shell: Any, plain: Any) -> None:
        self.shell, self.plain = shell, plain

    def __call__(self, line: str) -> Any:
        if line.strip() == _NAME and _NAME in self.shell.extension_manager.loaded:
            return load(self.shell)
        return self.plain(line)


def unload(shell: Any) -> None:
    """Switch the tape off, take the magic away, and have errors shown as before.

    Args:
        shell: IPython's.
    """
    tape.stop()
    magics = shell.magics_manager.magics["line"]
    magics.pop(_NAME, None)
    if isinstance(magics["load_ext"], _LoadExt):
        magics["load_ext"] = magics["load_ext"].plain
    shell.set_custom_exc((), None)
    expect.remove(shell)


def switch(line: str) -> None:
    """Switch to the mode on this line, if there is one, and say which mode this is.

    Args:
        line: offline, replay, live, record or local; empty or None to change nothing.

    Raises:
        ConfigurationError: there is no such mode, or no local Ollama answers.
    """
    wanted = line.strip().strip("'\"")
    if wanted == "local":
        tape.use_local()
    elif wanted not in ("", "None"):
        tape.start(wanted)
    print(tape.banner())
    if wanted == "replay":
        print("llmlab: replay. A request that was not recorded is an error.")
