"""The command `record`: shows the cost, asks if it is high, records a notebook, and shows what has changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from llmlab.lab.notebooks.recordings import Plan
    from llmlab.lab.tape.cassette import Cassette

_MOST = 12
"""Lines shown of each kind of change."""


def record(
    target: Annotated[str, typer.Argument(metavar="NN|PATH", help="One notebook.")],
    provider: Annotated[str | None, typer.Option(help="Record it with this provider.")] = None,
    max_usd: Annotated[float, typer.Option(min=0, help="Ask before more than this is spent, in US dollars.")] = 1.00,
    authored: Annotated[
        bool, typer.Option("--authored", help="The simulator answers; needs no key, and the recording says so.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Record a notebook: it runs live, needs keys, and costs what is shown before.

    Keys and personal data are removed before anything is written. A run that fails leaves the old recordings as they
    are. Outputs stored in the notebook are updated separately: run NN --update. Exit code 1 when the run fails.
    """
    from llmlab.lab.notebooks.recordings import plan_recording, read_if_there
    from llmlab.lab.notebooks.update import record_notebook

    plan = plan_recording(target, provider)
    if not authored:
        _check_before_spending(plan, max_usd, yes)
    before = read_if_there(plan.place)
    stamp = plan.place.stat().st_mtime_ns if before else 0
    result = record_notebook(plan.notebook, authored=authored, provider=plan.provider)
    if not result.ok:
        where = f", cell {result.failing_cell}" if result.failing_cell is not None else ""
        kept = "The old recordings are as they were." if before else "Nothing was recorded."
        typer.echo(f"{result.notebook.name}{where}:\n{result.traceback}\n\n{kept}", err=True)
        raise typer.Exit(1)
    after = read_if_there(plan.place)
    if after is None or plan.place.stat().st_mtime_ns == stamp:
        typer.echo(f"{result.notebook.name} sent no request, so there is nothing to record.")
        return
    how = "authored" if authored else "live"
    typer.echo(f"recorded {plan.place.stem}, {how}, in {result.seconds:.1f} s; exchanges: {len(after.interactions)}")
    _show_changes(before, after, authored)


def _check_before_spending(plan: Plan, max_usd: float, yes: bool) -> None:
    """Refuse or ask, before a kernel starts and anything is spent."""
    if plan.missing:
        typer.echo(
            f"llmlab: recording {plan.notebook.name} needs {' and '.join(plan.missing)}, in the environment or in "
            ".env. Without a key: --authored lets the simulator answer.",
            err=True,
        )
        raise typer.Exit(2)
    if plan.usd is not None and plan.usd <= max_usd:
        typer.echo(f"about ${plan.usd:.4f}, {plan.reason}", err=True)
        return
    cost = f"about ${plan.usd:.2f}, {plan.reason}" if plan.usd is not None else f"an unknown amount: {plan.reason}"
    typer.echo(f"Recording {plan.notebook.name} costs {cost}.", err=True)
    if yes:
        return
    if not is_interactive():
        typer.echo("llmlab: no terminal to ask on. Agree with --yes, or raise --max-usd.", err=True)
        raise typer.Exit(2)
    typer.confirm("Spend it?", abort=True)


def is_interactive() -> bool:
    """Return whether a person can answer a question."""
    return sys.stdin.isatty()


def _show_changes(before: Cassette | None, after: Cassette, authored: bool) -> None:
    from llmlab.lab.notebooks.cost_estimate import spending_of
    from llmlab.lab.tape.changes import find_changes

    same, changes = find_changes(before, after)
    typer.echo(f"  unchanged: {same}")
    for what, lines in changes.items():
        typer.echo(f"  {what}: {len(lines)}")
        for line in lines[:_MOST]:
            typer.echo(f"    {line}")
        if len(lines) > _MOST:
            typer.echo(f"    … and {len(lines) - _MOST} more")
    typer.echo("  cost: nothing" if authored else f"  cost: {spending_of(after.interactions)}")
