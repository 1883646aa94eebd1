"""What `%load_ext llmlab` and `%llmlab` do in a notebook.

%load_ext llmlab     switch the tape on, and say which mode this is
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
    shell.register_magic_function(switch, "line", _NAME)
    shell.set_custom_exc((LLMError,), tracebacks.show)
    expect.install(shell)
    print(tape.banner())


def unload(shell: Any) -> None:
    """Switch the tape off, take the magic away, and have errors shown as before.

    Args:
        shell: IPython's.
    """
    tape.stop()
    shell.magics_manager.magics["line"].pop(_NAME, None)
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
