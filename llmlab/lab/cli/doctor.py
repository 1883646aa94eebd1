"""The command `doctor`: what `llmlab.lab.doctor` found, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from llmlab.lab import bootstrap

if TYPE_CHECKING:
    from llmlab.lab.doctor import Report


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Say what is installed, configured and reachable, and what to do about the rest.

    Exit code 0 when the lessons can be worked through offline. A key is never shown, nor a part of one.

    The JSON object has these names: usable_offline (true or false); python {version, required, ok, environment};
    packages [{name, required, installed, ok}]; kernel {name, found}; mode {value, set_by};
    providers [{name, needs_key, variable, configured}]; servers [{name, variable, url, reachable}];
    recordings {files, provenance {authored, recorded}}; problems [{what, next_step, blocks_offline}].
    """
    from rich.console import Console
    from rich.table import Table

    from llmlab.lab.doctor import examine

    report = examine(bootstrap.CLONE / "notebooks")
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        console = Console(highlight=False)
        table = Table("what", "state", "", box=None, pad_edge=False)
        for row in _rows(report):
            table.add_row(*row)
        console.print(table)
        for problem in report.problems:
            console.print(f"\n{problem.what}\n  next step: {problem.next_step}", markup=False)
        ready = "Ready: the lessons work offline, with no key and no network."
        console.print(f"\n{ready if report.usable_offline else 'Not ready.'}")
    if not report.usable_offline:
        raise typer.Exit(1)


def _rows(report: Report) -> Iterator[tuple[str, str, str]]:
    yield "Python", _word(report.python["ok"]), f"{report.python['version']} ({report.python['environment']})"
    for package in report.packages:
        yield package["name"], _word(package["ok"]), f"{package['installed'] or 'missing'}, needs {package['required']}"
    yield "kernel python3", _word(report.kernel["found"]), ""
    yield "mode", report.mode["value"], f"set by {report.mode['set_by']}" if report.mode["set_by"] != "default" else ""
    for provider in report.providers:
        state = ("configured" if provider["configured"] else "missing") if provider["needs_key"] else "needs no key"
        yield f"provider {provider['name']}", state, provider["variable"] or ""
    for server in report.servers:
        yield f"server {server['name']}", "reachable" if server["reachable"] else "not running", server["url"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.recordings["provenance"].items())
    yield "recordings", str(report.recordings["files"]), kinds


def _word(ok: bool) -> str:
    return "[green]ok[/green]" if ok else "[red]problem[/red]"
