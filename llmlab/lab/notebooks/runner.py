"""Run lessons without a browser: `python3 -m llmlab run`.

Each notebook runs in a kernel of its own, two at a time. A notebook that fails never stops the others.
Executed copies and an index go to the output folder; the lessons themselves are not changed (see `update.py` for that).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from llmlab.errors import LLMError
from llmlab.lab.notebooks.client import CELL_TIMEOUT, LabClient, find_failure
from llmlab.lab.notebooks.kernel import kernel_environment
from llmlab.lab.notebooks.normalize import clean_outputs, hide_paths, path_hider
from llmlab.lab.notebooks.notebook_file import (
    Notebook,
    NotebookError,
    find_notebooks,
    make_folder,
    parameter_names,
    read_notebook,
    set_parameters,
    write_notebook,
)
from llmlab.lab.notebooks.pending_recording import pending_recording
from llmlab.lab.notebooks.recordings import check_recordings, recording_place
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.tracebacks import plain

OnDone = Callable[[Result], object]


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook, what is done with it, and where the executed copy will be; or the reason why it is skipped."""

    notebook: Path
    work: Callable[[], Awaitable[Notebook]]
    executed: Path
    skipped: str = ""


def run_notebooks(
    targets: Sequence[str | Path] = (),
    *,
    provider: str | None = None,
    mode: str | None = None,
    model: str | None = None,
    jobs: int = 2,
    output: Path = Path("build"),
    on_done: OnDone | None = None,
    cell_timeout: int = CELL_TIMEOUT,
) -> list[Result]:
    """Run notebooks and return their results, in the order of the targets.

    Args:
        targets: numbers, paths or folders; none means every lesson.
        provider, model: values for the papermill parameters of these names.
        mode: offline, replay, live or record; what the shell says if not given.
        jobs: how many notebooks run at the same time.
        output: folder for `index.html` and `executed/`.
        on_done: called with each result as soon as it is there.
        cell_timeout: seconds that one cell may take.

    Raises:
        NotebookError: a target does not exist, takes no such parameter, or the output folder cannot be written.
    """
    notebooks = find_notebooks(targets)
    choices = {name: value for name, value in (("provider", provider), ("model", model)) if value is not None}
    refusals = [_refusal(path, choices) for path in notebooks]
    if any(refusals) and (targets or all(refusals)):
        raise NotebookError(" ".join(filter(None, refusals)))
    work = partial(execute, parameters=choices, mode=mode, cell_timeout=cell_timeout)
    tasks = [
        Job(path, partial(work, path, copy), copy, refusal)
        for path, copy, refusal in zip(notebooks, _copies(notebooks, output), refusals, strict=True)
    ]
    results = run_jobs(tasks, jobs, on_done)
    from llmlab.lab.notebooks.report import write_report  # needs nbconvert, which no other part of a run does

    write_report(results, output)
    return results


def _copies(notebooks: Sequence[Path], output: Path) -> Iterator[Path]:
    """Yield the file of each executed copy. Two notebooks of one name, from two folders, do not share one."""
    folder = make_folder(output / "executed")
    seen: Counter[str] = Counter()
    for path in notebooks:
        seen[path.name] += 1
        yield folder / (path.name if seen[path.name] == 1 else f"{path.stem}-{seen[path.name]}.ipynb")


def run_jobs(jobs: Sequence[Job], at_once: int = 2, on_done: OnDone | None = None) -> list[Result]:
    """Do the work of all jobs and return their results in order. What goes wrong in one is in its result.

    Args:
        jobs: what is to be done.
        at_once: how many at the same time.
        on_done: called with each result as soon as it is there.
    """

    async def run_all() -> list[Result]:
        slots = asyncio.Semaphore(at_once)

        async def run(job: Job) -> Result:
            async with slots:
                result = await _run_job(job)
            if on_done:
                on_done(result)
            return result

        async with asyncio.TaskGroup() as group:  # after Ctrl-C it waits until every kernel has ended
            tasks = [group.create_task(run(job)) for job in jobs]
        return [task.result() for task in tasks]

    return asyncio.run(run_all())


async def _run_job(job: Job) -> Result:
    if job.skipped:
        return Result(job.notebook, ok=True, seconds=0.0, skipped=job.skipped)
    start = perf_counter()
    cell, problem = None, None
    try:
        if failure := find_failure(await job.work()):
            cell, error = failure
            problem = plain("\n".join(error.traceback)) or f"{error.ename}: {error.evalue}"
    except LLMError as error:
        problem = error.message
    except Exception as error:  # noqa: BLE001 - whatever it is, the other notebooks go on
        problem = f"{type(error).__name__}: {error}"
    if problem is not None:
        problem = path_hider(job.notebook.parent)(problem)
    return Result(job.notebook, problem is None, perf_counter() - start, cell, problem, job.executed)


async def execute(
    path: Path,
    copy: Path,
    *,
    parameters: Mapping[str, str],
    mode: str | None,
    cell_timeout: int = CELL_TIMEOUT,
    authored: bool = False,
) -> Notebook:
    """Execute a notebook, write the executed copy, and return it.

    In mode record, its recordings are replaced when it has succeeded; in replay, they are checked.

    Args:
        path: the notebook.
        copy: file for the executed notebook.
        parameters: values for its parameters; those that it does not have are left out.
        mode: offline, replay, live or record; what the shell says if None.
        cell_timeout: seconds that one cell may take.
        authored: in mode record, let the simulator answer.

    Raises:
        NotebookError: the notebook, its kernel or its recordings are not right, or the copy cannot be written.
    """
    _remove_old(copy)
    notebook = set_parameters(read_notebook(path), {**parameters, **({"mode": mode} if mode else {})})
    client = LabClient(notebook, cell_timeout=cell_timeout)
    actual = mode or os.environ.get("LLMLAB_MODE", "offline")
    run = partial(client.run, cwd=path.resolve().parent, guard=authored or actual in ("offline", "replay"))
    if actual == "record":
        await _record(path, run, parameters.get("provider"), mode, authored)
    else:
        await run(env=kernel_environment(path, mode=mode))
    clean_outputs(notebook, client.widget_state)
    hide_paths(notebook, path.parent)
    write_notebook(notebook, copy)
    if mode == "replay" and not parameters and find_failure(notebook) is None:
        check_recordings(path, client.unused)
    return notebook


async def _record(
    path: Path, run: Callable[..., Awaitable[Notebook]], provider: str | None, mode: str | None, authored: bool
) -> None:
    """Run a notebook in mode record, and accept what was recorded if it succeeds."""
    place = recording_place(path, provider)
    with pending_recording(path, place) as (folder, accept):
        env = kernel_environment(path, mode=mode, authored=authored, lesson=place.stem, recordings=folder)
        if find_failure(await run(env=env)) is None:
            accept()


def _remove_old(copy: Path) -> None:
    """Remove an old copy, which must not pass for the result of this run."""
    if copy.is_dir():
        raise NotebookError(f"cannot write {copy.name}: a folder of that name is in the way. Remove it.")
    copy.unlink(missing_ok=True)


def _refusal(path: Path, choices: Mapping[str, str]) -> str:
    """Say why a notebook cannot take these parameters; empty when it can, or when running it will tell better."""
    try:
        takes = parameter_names(read_notebook(path)) if choices else set()
    except (LLMError, SyntaxError):
        return ""
    missing = [f"--{name}" for name in choices if name not in takes]
    if not missing:
        return ""
    able = ", ".join(f"--{name}" for name in ("mode", *sorted(takes & {"provider", "model"})))
    return f"lesson {path.stem.partition('_')[0]} takes no {' and no '.join(missing)}; it takes {able}."
