"""Run lessons headless, with papermill: `python3 -m llmlab run`.

Each notebook runs in a kernel of its own, several at a time if asked. A notebook that fails never stops the others.
Executed copies and an index go to the output folder; the lessons themselves are not changed (see `update.py` for that).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from llmlab.errors import LLMError
from llmlab.lab.notebooks import engine
from llmlab.lab.notebooks.client import CELL_TIMEOUT, find_failure, stop_all
from llmlab.lab.notebooks.kernel import kernel_environment
from llmlab.lab.notebooks.normalize import hide_paths, path_hider
from llmlab.lab.notebooks.notebook_file import (
    Notebook,
    NotebookError,
    find_notebooks,
    make_folder,
    parameter_names,
    read_notebook,
    write_notebook,
)
from llmlab.lab.notebooks.pending_recording import Aside
from llmlab.lab.notebooks.recordings import UNUSED, check_recordings, recording_place
from llmlab.lab.notebooks.result import Result
from llmlab.lab.notebooks.tracebacks import plain

# After nbfile, which imports nbformat the quick way.
from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]  # isort: skip
from papermill.execute import execute_notebook, remove_error_markers  # type: ignore[import-untyped]  # isort: skip


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook to run, and how."""

    notebook: Path
    executed: Path
    parameters: dict[str, str]
    mode: str | None
    cell_timeout: int = CELL_TIMEOUT
    authored: bool = False


def run_notebooks(
    targets: Sequence[str | Path] = (),
    *,
    provider: str | None = None,
    mode: str | None = None,
    model: str | None = None,
    jobs: int = 2,
    output: Path = Path("build"),
    on_done: Callable[[Result], object] | None = None,
    cell_timeout: int = CELL_TIMEOUT,
) -> list[Result]:
    """Run notebooks and return their results, in the order of the targets.

    Args:
        targets: numbers, paths or folders; none means every lesson.
        provider: value for the papermill parameter `provider`.
        mode: offline, replay, live or record; what the shell says if not given.
        model: value for the papermill parameter `model`.
        jobs: how many notebooks run at the same time.
        output: folder for `index.html` and `executed/`.
        on_done: called with each result as soon as it is there.
        cell_timeout: seconds that one cell may take.

    Raises:
        NotebookError: a target does not exist, takes no such parameter, or the output folder cannot be written.
    """
    notebooks = find_notebooks(targets)
    wanted = {name: value for name, value in (("provider", provider), ("model", model)) if value is not None}
    refusals = {path: refusal for path in notebooks if (refusal := _refusal(path, wanted))}
    if refusals and (targets or len(refusals) == len(notebooks)):
        raise NotebookError(" ".join(refusals.values()))
    executed = make_folder(output / "executed")
    taken: dict[str, int] = {}
    tasks: list[Job | Result] = []
    for path in notebooks:
        if path in refusals:
            tasks.append(Result(path, ok=True, seconds=0.0, skipped=refusals[path]))
            continue
        # Two notebooks of one name, from two folders, must not overwrite each other.
        taken[path.name] = taken.get(path.name, 0) + 1
        copy = path.name if taken[path.name] == 1 else f"{path.stem}-{taken[path.name]}.ipynb"
        tasks.append(Job(path, executed / copy, {**wanted, **({"mode": mode} if mode else {})}, mode, cell_timeout))
    results = _run_all(tasks, jobs, on_done)
    # The pages need nbconvert, which no other part of a run does.
    from llmlab.lab.notebooks.report import write_report

    write_report(results, output)
    return results


def _run_all(tasks: Sequence[Job | Result], jobs: int, on_done: Callable[[Result], object] | None) -> list[Result]:
    """Run in threads: each only waits for its kernel, and papermill need not be imported once per process."""
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        waiting: dict[Future[Result], int] = {}
        for number, task in enumerate(tasks):
            waiting[pool.submit(_result_of, task)] = number
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    result = results[waiting.pop(future)] = future.result()
                    if on_done:
                        on_done(result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise
    return [results[number] for number in sorted(results)]


def _result_of(task: Job | Result) -> Result:
    return task if isinstance(task, Result) else run_one(task)


def run_one(job: Job) -> Result:
    """Run one notebook with papermill. Whatever goes wrong is in the result."""
    run = _record if (job.mode or os.environ.get("LLMLAB_MODE")) == "record" else _execute
    return outcome(job.notebook, lambda: run(job), job.executed)


def outcome(path: Path, execute: Callable[[], Notebook], executed: Path) -> Result:
    """Call `execute`, which returns the executed notebook, and tell what came of it; it raises nothing.

    Args:
        path: the lesson.
        execute: does the work.
        executed: the copy that it writes.
    """
    start = perf_counter()
    cell, problem = None, None
    try:
        if failure := find_failure(execute()):
            cell, error = failure
            problem = plain("\n".join(error.traceback)) or f"{error.ename}: {error.evalue}"
    except LLMError as error:
        problem = error.message
    except Exception as error:  # noqa: BLE001 - whatever it is, the other notebooks go on
        problem = f"{type(error).__name__}: {error}"
    if problem is not None:
        problem = path_hider(path.parent)(problem)
    return Result(path, problem is None, perf_counter() - start, cell, problem, executed)


def _record(job: Job) -> Notebook:
    """Execute the notebook in record mode. Its recordings are replaced when it has run through."""
    place = recording_place(job.notebook, job.parameters.get("provider"))
    with Aside(job.notebook, place) as aside:
        notebook = _execute(job, place.stem, aside.folder)
        if find_failure(notebook) is None:
            aside.keep()
    return notebook


def _execute(job: Job, lesson: str = "", recordings: Path | None = None) -> Notebook:
    """Let papermill execute the notebook, write its copy, and return it."""
    if job.executed.is_dir():
        raise NotebookError(f"cannot write {job.executed.name}: a folder of that name is in the way. Remove it.")
    job.executed.unlink(missing_ok=True)  # an old copy must not pass for the result of this run
    source = read_notebook(job.notebook)
    takes = parameter_names(source)
    executed: list[tuple[Notebook, list[str] | None]] = []
    # papermill counts expected failures too; `find_failure` is the better judge. It gets the notebook and no path: to
    # read and write one it would change the folder of the whole process, and other notebooks run beside this one.
    with suppress(PapermillExecutionError):
        execute_notebook(
            source,
            None,
            parameters={name: value for name, value in job.parameters.items() if name in takes},
            engine_name=engine.NAME,
            kernel_name=source.metadata.get("kernelspec", {}).get("name", "python3"),
            language="python",
            progress_bar=False,
            folder=job.notebook.resolve().parent,
            env=kernel_environment(
                job.notebook, mode=job.mode, authored=job.authored, lesson=lesson, recordings=recordings
            ),
            guard=job.authored or (job.mode or os.environ.get("LLMLAB_MODE", "offline")) in ("offline", "replay"),
            execution_timeout=job.cell_timeout,
            last_words=UNUSED,
            on_executed=lambda *found: executed.append(found),
        )
    notebook = remove_error_markers(executed[0][0])
    notebook.metadata.papermill.update(input_path=job.notebook.name, output_path=job.executed.name)
    hide_paths(notebook, job.notebook.parent)
    write_notebook(notebook, job.executed)
    if job.mode == "replay" and not job.parameters.keys() & {"provider", "model"} and find_failure(notebook) is None:
        check_recordings(job.notebook, executed[0][1])
    return notebook


def _refusal(path: Path, wanted: dict[str, str]) -> str:
    """Say why a notebook cannot take these parameters; empty when it can, or when running it will tell better."""
    if not wanted:
        return ""
    try:
        takes = parameter_names(read_notebook(path))
    except (LLMError, SyntaxError):
        return ""
    missing = [f"--{name}" for name in wanted if name not in takes]
    if not missing:
        return ""
    able = ", ".join(f"--{name}" for name in ("mode", *sorted(takes & {"provider", "model"})))
    return f"lesson {path.stem.partition('_')[0]} takes no {' and no '.join(missing)}; it takes {able}."
