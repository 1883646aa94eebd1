"""The kernel that a notebook runs in: its environment, its Python, and the channels to it.

What is done with the kernel is in `client.py`.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

from llmlab.lab.notebooks import forked
from llmlab.lab.notebooks.notebook_file import ROOT, NotebookError
from llmlab.lab.tape.environment import lesson_name
from llmlab.lab.tape.redaction import secret_variables

# What the reader's shell may hold and a stored output must not depend on.
_PRIVATE = (
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "OLLAMA_HOST", "LOCAL_GPT_OSS_URL", "LLMLAB_CONFIG"),
    *("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PYTHONWARNINGS"),
)


def kernel_environment(
    notebook: Path,
    *,
    mode: str | None,
    authored: bool = False,
    lesson: str = "",
    recordings: Path | None = None,
) -> dict[str, str]:
    """Return the environment of the kernel that runs `notebook`.

    Args:
        notebook: path of the notebook.
        mode: offline, replay, live or record; None leaves what the shell says.
        authored: in mode record, let the simulator answer, and write that down as authored.
        lesson: whose recordings are meant, if not those that have the notebook's name.
        recordings: their folder, if not `recordings/` beside the notebook.
    """
    env = dict(os.environ)
    env.pop("JPY_SESSION_NAME", None)
    if mode == "replay" or authored:
        for name in _PRIVATE:
            env.pop(name, None)
    if mode is not None:
        env["LLMLAB_MODE"] = mode
    if authored:
        env["LLMLAB_AUTHORED"] = "1"
    if authored or env.get("LLMLAB_MODE", "offline") in ("offline", "replay"):
        for name in secret_variables():
            env.pop(name, None)
    env["LLMLAB_PACE"] = "0"
    env["LLMLAB_LESSON"] = lesson or lesson_name(notebook.stem)
    env["LLMLAB_RECORDINGS"] = str(recordings or notebook.resolve().parent / "recordings")
    # The kernel starts in the notebook's folder, and must find the same llmlab as we did.
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return env


class _PatientChannel(AsyncZMQSocketChannel):
    """A channel that looks again every quarter of a second.

    Writing into an `ipywidgets.Output` makes nbclient send on the socket that it is waiting on, and the wake-up for the
    answer can then be lost: about one run in eight would hang for ever.
    """

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            left = 0.25 if deadline is None else max(0.0, min(0.25, deadline - monotonic()))
            try:
                return await super().get_msg(timeout=left)
            except Empty:
                if deadline is not None and monotonic() >= deadline:
                    raise


class _PatientClient(AsyncKernelClient):
    shell_channel_class = Type(_PatientChannel)
    iopub_channel_class = Type(_PatientChannel)


class _ThisPython(KernelSpecManager):
    """`python3` is the Python that runs this program, whatever kernels the machine has under that name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name == "python3":
            from ipykernel.kernelspec import get_kernel_dict

            spec = get_kernel_dict()
            spec["metadata"] |= _provisioner()
            return KernelSpec(**spec)
        try:
            return super().get_kernel_spec(kernel_name)
        except NoSuchKernel as error:
            installed = ", ".join(sorted({"python3", *self.find_kernel_specs()}))
            raise NotebookError(
                f"the notebook asks for the kernel {kernel_name!r}, which is not installed. Installed: {installed}. "
                "Lessons use python3: open the notebook in JupyterLab, choose it, and save."
            ) from error


def _provisioner() -> dict[str, Any]:
    """Return the kernelspec's metadata that asks for a forked kernel, where this platform can fork.

    JUPYTER_DEFAULT_PROVISIONER_NAME=local-provisioner starts kernels plainly.
    """
    name = os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME", forked.NAME if forked.PLATFORM_FORKS else "")
    if not entry_points(group="jupyter_client.kernel_provisioners", name=name):
        return {}
    return {"kernel_provisioner": {"provisioner_name": name}}


class _Manager(AsyncKernelManager):
    client_factory = Type(klass=_PatientClient, default_value=_PatientClient)


def kernel_manager(kernel_name: str) -> AsyncKernelManager:
    """Return a manager for one kernel, which is not started yet."""
    return _Manager(kernel_name=kernel_name, kernel_spec_manager=_ThisPython())
