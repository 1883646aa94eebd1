"""The commands on notebooks: `run` and `handout`. The work is done in `llmlab.lab.notebooks`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.session import errors_shown

if TYPE_CHECKING:
    from llmlab.lab.notebooks.result import Result


def run(
    targets: options.Targets = None,
    provider: Annotated[str | None, typer.Option(help="Run the lesson with this provider.")] = None,
    mode: options.Mode = None,
    model: Annotated[str | None, typer.Option(help="Run the lesson with this model.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many notebooks run at the same time.")] = 2,
    output: Annotated[Path, typer.Option(help="Folder for the executed copies and index.html.")] = Path("build"),
    update: Annotated[bool, typer.Option("--update", help="Write the outputs, as recorded, into the lessons.")] = False,
) -> None:
    """Execute notebooks without a browser. The lessons themselves are not changed, unless you say --update.

    Exit code 1 when one fails; its failing cell and traceback are printed.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from llmlab.lab.notebooks.notebook_file import find_notebooks
    from llmlab.lab.notebooks.runner import run_notebooks
    from llmlab.lab.notebooks.update import update_outputs

    if update and (provider or mode or model):
        raise typer.BadParameter("--update stores what is recorded; it goes with no provider, mode or model.")
    paths = find_notebooks(targets or ())
    _check_providers(paths, provider, mode)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("running", total=len(paths))

        def on_done(result: Result) -> None:
            progress.update(bar, advance=1, description=result.notebook.stem)

        if update:
            results = update_outputs(targets or (), on_done=on_done)
        else:
            results = run_notebooks(
                targets or (), provider=provider, mode=mode, model=model, jobs=jobs, output=output, on_done=on_done
            )
    _show(results, "" if update else f"Executed copies: {output / 'index.html'}")
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def _check_providers(notebooks: Sequence[Path], provider: str | None, mode: str | None) -> None:
    """Leave with what to do if a provider is unknown or, where requests are sent, its key is missing."""
    from llmlab.providers import get_provider, provider_class

    with errors_shown():
        if provider:
            provider_class(provider)
        if (mode or os.environ.get("LLMLAB_MODE")) in ("live", "record"):
            # A lesson with a choice of providers has a parameter for it, with a default.
            texts = [path.read_text(encoding="utf-8") for path in notebooks]
            found = [match for text in texts if (match := re.search(r'"provider = \\"(\w+)\\"', text))]
            for name in {provider or match[1] for match in found}:
                get_provider(name).close()


def _show(results: Sequence[Result], last_line: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("notebook", "result", "time", box=None, pad_edge=False)
    for result in results:
        table.add_row(result.notebook.name, _outcome(result), "" if result.skipped else f"{result.seconds:.1f} s")
    console = Console(soft_wrap=True)
    console.print(table)
    for result in results:
        if not result.ok:
            where = f", cell {result.failing_cell}" if result.failing_cell is not None else ""
            console.print(f"\n{result.notebook.name}{where}:", highlight=False)
            console.print(result.traceback or "no reason was given", markup=False, highlight=False)
    if last_line:
        console.print(f"\n{last_line}", highlight=False)


def _outcome(result: Result) -> str:
    if result.skipped:
        return f"skipped: {result.skipped}"
    if result.ok:
        return "[green]ok[/green]"
    return "[red]failed[/red]" + (f" in cell {result.failing_cell}" if result.failing_cell is not None else "")


def handout(
    targets: options.Targets = None,
    formats: Annotated[str, typer.Option("--format", help="html, pdf, or both with a comma between.")] = "html,pdf",
    solutions: Annotated[bool, typer.Option("--solutions", help="With the solutions of the exercises.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the handouts.")] = Path("build/handouts"),
) -> None:
    """Write a handout to print for every lesson. A PDF needs Chromium; nothing needs the network."""
    from llmlab.lab.notebooks.handout import make_handouts

    wanted = [name.strip().lower() for name in formats.split(",") if name.strip()]
    for path in make_handouts(targets or (), formats=wanted, solutions=solutions, output=output):
        typer.echo(path)
