"""The command `update`: newer packages, and everything in the clone that depends on them."""

from __future__ import annotations

from typing import Annotated

import typer

from llmlab.lab import bootstrap
from llmlab.lab.cli.session import require_clone


def update(
    report: Annotated[
        bool, typer.Option("--report", help="Do it in a temporary copy: nothing here changes, and you read what would.")
    ] = False,
) -> None:
    """Bring constraints.txt, the catalogue of models and the outputs of the lessons to the newest packages.

    Then review what it reports (versions, models, parameters of the SDKs that the lessons use, changed outputs) and the
    difference that git shows, run `python3 -m llmlab test`, and commit.

    Exit code 1 when a lesson fails with the new packages.
    """
    from llmlab.lab.maintenance.update import show_diff, update, update_copy

    require_clone("notebooks", "lessons")
    if report:
        raise typer.Exit(update_copy(bootstrap.CLONE))
    sentences, works = update(bootstrap.CLONE)
    show_diff(bootstrap.CLONE)
    typer.echo("\n".join(sentences or ["Nothing changed: these are the newest versions."]))
    if not works:
        typer.echo("llmlab: a lesson fails with the new packages; its traceback stands above.", err=True)
        raise typer.Exit(1)
