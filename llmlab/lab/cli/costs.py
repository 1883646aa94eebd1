"""The command `costs`: what calls took and cost, from a ledger in a database."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from llmlab.lab.cli.session import show_json

_BY = Literal["model", "provider", "day", "source", "section"]


def costs(
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="The database; else LLMLAB_LEDGER.", show_default=False)
    ] = None,
    by: Annotated[_BY, typer.Option("--by", help="What the lines are.")] = "model",
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Such as 12h, 7d, 2w, or a day: 2026-11-21.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="PATH", help="Write the calls into a file too.")] = None,
) -> None:
    """Show what calls took and cost. With LLMLAB_LEDGER=sqlite:///costs.db, programs and commands write calls there.

    With --json it is {by, since (a time or null), total {calls, failed, from_cache, attempts, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, cost (USD), live_cost (USD), unpriced (calls)}, lines [{name, and
    what total has}]}.
    """
    from llmlab.policies.ledger import Ledger
    from llmlab.policies.ledger.store import parse_since

    url = db or os.environ.get("LLMLAB_LEDGER")
    if not url:
        typer.echo("No ledger is named: write --db sqlite:///costs.db, or set LLMLAB_LEDGER to it.", err=True)
        raise typer.Exit(2)
    begin = None if since is None else parse_since(since)
    ledger = Ledger.read(url, since=begin)
    if csv:
        try:
            ledger.to_csv(csv)
        except OSError as error:
            typer.echo(f"{csv} cannot be written: {error.strerror}.", err=True)
            raise typer.Exit(2) from None
    table = ledger.table(by)
    if not as_json:
        typer.echo(table)
        return
    lines = [{"name": name, **asdict(line)} for name, line in table.lines.items()]
    when = begin and begin.isoformat(timespec="seconds")
    show_json({"by": by, "since": when, "total": asdict(table.total), "lines": lines})
