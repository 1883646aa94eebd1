"""Run a notebook's cells in a kernel, the one way that `run`, `run --update` and pytest share.

`LabClient` is nbclient's client with what lessons need: a kernel of this very Python, a network guard, no hang when a
cell writes into an `ipywidgets.Output`, and a failure that is always an error output in the cell, also for a dead
kernel and for a timeout. Comparing and storing are done elsewhere.
"""

from __future__ import annotations

import asyncio
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# notebook_file goes first: it imports nbformat the quick way, before nbclient imports it the slow way.
from llmlab.lab.notebooks.notebook_file import Notebook, code_cells, nbformat, tags  # isort: skip

from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from llmlab.lab.notebooks.auto_start import needs_tape
from llmlab.lab.notebooks.kernel import kernel_manager

CELL_TIMEOUT = 120  # seconds
# Names of errors that this client writes into cells.
TIMEOUT, DEAD = "CellTimeout", "KernelDied"
UNUSED_RECORDINGS = "getattr(__import__('sys').modules.get('llmlab.lab.tape'), 'unused', list)()"
_ARM = "__import__('llmlab.lab.network_guard', fromlist=['GUARD']).GUARD.arm(lesson=True)"
_START = "__import__('llmlab').start()"


class LabClient(NotebookClient):
    """Runs one notebook in one kernel. See `run`.

    Attributes:
        unused: the recordings that no cell requested; None if a cell failed.
    """

    unused: list[str] | None = None

    def __init__(self, notebook: Notebook, *, cell_timeout: int = CELL_TIMEOUT) -> None:
        super().__init__(
            notebook,
            kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
            timeout=cell_timeout,
            interrupt_on_timeout=True,  # the interrupt's traceback shows where the time went
            error_on_timeout={
                "ename": TIMEOUT,
                "evalue": f"the cell ran longer than {cell_timeout} s",
                "traceback": [],
            },
            raise_on_iopub_timeout=True,
            iopub_timeout=10,
            coalesce_streams=True,
            record_timing=False,
            extra_arguments=["--log-level=40"],  # ipykernel warns everyone about its TCP ports
        )
        self.log.setLevel("CRITICAL")  # every failure is reported by us, once

    async def run(self, *, cwd: Path, env: Mapping[str, str], guard: bool = False) -> Notebook:
        """Execute the cells until one fails, and return the notebook with its outputs.

        Args:
            cwd: folder that the kernel starts in.
            env: environment of the kernel.
            guard: refuse connections that leave this machine.

        Raises:
            NotebookError: the notebook asks for a kernel that is not installed.
            RuntimeError: the kernel did not start.
        """
        self.reset_execution_trackers()
        self.km = kernel_manager(self.kernel_name)
        try:
            await self.async_start_new_kernel(cwd=str(cwd), env=dict(env))
            await self.async_start_new_kernel_client()
            if needs_tape(self.nb):
                await self._silently(_START)
            if guard:
                await self._silently(_ARM)
            for index, cell in enumerate(self.nb.cells):
                if not await self._succeeds(cell, index):
                    break
            else:
                self.unused = await self._silently("", UNUSED_RECORDINGS)
        finally:
            await self._shut_down()
        return self.nb

    async def _succeeds(self, cell: Notebook, index: int) -> bool:
        """Execute a cell. When that fails, see that the cell holds an error output which says why."""
        try:
            await self.async_execute_cell(cell, index)
        except CellTimeoutError:
            problem = TIMEOUT, f"the cell ran longer than {self.timeout} s and could not be interrupted"
        except DeadKernelError:
            if _is_cancelled():
                raise asyncio.CancelledError from None  # nbclient takes a cancelled run for a dead kernel
            problem = DEAD, "the kernel died while it ran this cell"
        except CellExecutionError as error:
            if _errors(cell) and error.ename != TIMEOUT:
                return False
            problem = error.ename, error.evalue
        else:
            return True
        name, message = problem
        # A timeout takes the place of the interrupt that it caused, and keeps its traceback, which shows where it was.
        where = cell.outputs.pop().traceback if name == TIMEOUT and _errors(cell) else []
        traceback = [*where, f"{name}: {message}"]
        cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=message, traceback=traceback))
        return False

    async def _silently(self, code: str, expression: str = "None") -> Any:
        """Execute code that leaves no trace in the notebook: no output, no execution count."""
        assert self.kc is not None
        message = self.kc.execute(code, silent=True, store_history=False, user_expressions={"value": expression})
        reply = await self.async_wait_for_reply(message)
        content: dict[str, Any] = {"status": "error", "evalue": "the kernel did not answer"}
        if reply:
            content = reply["content"]
        value = content.get("user_expressions", {}).get("value", content)
        for part in (content, value):
            if part["status"] != "ok":
                raise RuntimeError(f"{code or expression}: {part.get('ename')}: {part.get('evalue')}")
        return literal_eval(value["data"]["text/plain"])

    async def _shut_down(self) -> None:
        manager: Any = self.km
        if manager is None:  # the client cleaned up after a kernel that did not start
            return
        if self.kc is not None:
            self.kc.stop_channels()
        # A kernel that hangs in a cell would not answer a polite request, and a cancelled run does not wait.
        hurry = _is_cancelled() or any(error.ename == TIMEOUT for cell in self.nb.cells for error in _errors(cell))
        if manager.has_kernel and await manager.is_alive():
            if hurry:
                await manager.shutdown_kernel(now=True)
            else:  # without the interrupt that `shutdown_kernel` sends first, which a kernel may complain about
                await manager.request_shutdown()
                await manager.finish_shutdown(pollinterval=0.02)
        await ensure_async(manager.cleanup_resources())
        self.kc = self.km = None


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _errors(cell: Notebook) -> list[Notebook]:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def find_failure(notebook: Notebook) -> tuple[int, Notebook] | None:
    """Return the number of the first code cell that failed unexpectedly, and the error output that says why.

    Jupyter's tag `raises-exception` allows a cell to fail, but not to hang or to end its kernel.
    """
    for number, cell in code_cells(notebook):
        for error in _errors(cell):
            if "raises-exception" not in tags(cell) or error.ename in (TIMEOUT, DEAD, "KeyboardInterrupt"):
                return number, error
    return None
