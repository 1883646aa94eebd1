"""The command `drift`: sends the recorded requests again, live, and reports where the services answer differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llmlab.lab.tape.drift import Finding


def drift(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="NN|PATH", help="Lessons by number, notebooks or folders. None means every lesson."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    simulator: Annotated[
        str, typer.Option(metavar="URL", help="Ask `simulate` at this address instead of the services; costs nothing.")
    ] = "",
) -> None:
    """Ask every recorded request again, live, and report where the answers have another shape now.

    It needs the keys of the services, and costs what the lessons cost. Where a key or a server is missing, that service
    is left out, and named. Models that the catalogue knows to be shut down are reported in any case.

    Exit code 0 without drift, 1 with drift, 2 when nothing could be asked.

    The JSON object has these names: drift (true or false); asked, same (numbers); findings [{kind (shape, retired,
    fails, no longer fails), recording, service, request, model, details}]; retired [models];
    not_asked [{reason, requests}].
    """
    from llmlab.lab.notebooks.notebook_file import find_notebooks
    from llmlab.lab.notebooks.recordings import recorded_exchanges
    from llmlab.lab.tape.drift import Asker

    files = [exchanges for path in find_notebooks(targets or ()) for exchanges in recorded_exchanges(path)]
    findings: list[Finding] = []
    for exchanges in files:
        with Asker(simulator) as asker:
            findings += map(asker.ask, exchanges)
    report = _report(findings)
    typer.echo(json.dumps(report, indent=2, ensure_ascii=False)) if as_json else _show(report)
    if not report["asked"] and not report["drift"]:
        typer.echo("llmlab: nothing could be asked." if files else "llmlab: nothing is recorded.", err=True)
        raise typer.Exit(2)
    if report["drift"]:
        raise typer.Exit(1)


def _report(findings: Sequence[Finding]) -> dict[str, Any]:
    from llmlab.lab.notebooks.recordings import is_shut_down
    from llmlab.lab.tape.drift import DRIFT

    retired = {one.recorded.request.model for one in findings if one.kind == "retired"}
    retired |= {one.recorded.request.model for one in findings if is_shut_down(one.recorded)}
    reasons: dict[str, int] = {}
    for one in findings:
        if one.kind == "not asked":
            reasons[one.details[0]] = reasons.get(one.details[0], 0) + 1
    rows = [
        {
            "kind": one.kind,
            "recording": one.recorded.origin,
            "service": one.recorded.request.alias,
            "request": f"{one.recorded.request.method} {one.recorded.request.path}",
            "model": one.recorded.request.model,
            "details": list(one.details),
        }
        for one in findings
        if one.kind in DRIFT
    ]
    return {
        "drift": bool(rows or retired - {""}),
        "asked": sum(one.kind != "not asked" for one in findings),
        "same": sum(one.kind == "same" for one in findings),
        "findings": rows,
        "retired": sorted(retired - {""}),
        "not_asked": [{"reason": reason, "requests": number} for reason, number in reasons.items()],
    }


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 200  # the log of a job has no edge
    if report["findings"]:
        table = Table("recording", "request", "what", "details", box=None, pad_edge=False)
        for row in report["findings"]:
            request = f"{row['service']} {row['request']}"
            table.add_row(row["recording"], request, row["kind"], "\n".join(row["details"]))
        console.print(table)
    console.print(f"{report['asked']} asked, {report['same']} as recorded, {len(report['findings'])} differ.")
    if report["retired"]:
        console.print(f"Shut down: {', '.join(report['retired'])}. Record the lessons with another model.")
    for left_out in report["not_asked"]:
        console.print(f"Not asked: {left_out['requests']}, because {left_out['reason']}.")
