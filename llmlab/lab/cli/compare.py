"""The command `compare`: the same prompts to several models, and which is better."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmlab.lab.cli import options, performance
from llmlab.lab.cli.batch import read_prompts
from llmlab.lab.cli.session import show_json, switched_on

if TYPE_CHECKING:
    from pandas import DataFrame

    from llmlab.toolkit.evaluation import Comparison


_Prompts = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A prompt a line, or a JSON object a line; - stands for standard input."),
]
_Candidates = Annotated[
    list[str] | None,
    typer.Option("--provider", help="What is compared, once for each: a provider, a model, or provider/model."),
]
_Judge = Annotated[
    str | None, typer.Option("--judge", help="The provider whose model scores the answers, from 0 to 10.")
]
_Runs = Annotated[int, typer.Option("--n", min=1, help="How often each prompt is sent.")]
_Resume = Annotated[
    Path | None, typer.Option("--resume", help="A file for the answers, so that a stopped run goes on.")
]
_Table = Annotated[bool, typer.Option("--table", help="Show latency, tokens per second, privacy and cost instead.")]
_Criteria = Annotated[str, typer.Option("--criteria", help="What makes a good answer, for the judge.")]


def compare(
    file: _Prompts = None,
    provider: _Candidates = None,
    mode: options.Mode = None,
    n: _Runs = 1,
    judge: _Judge = None,
    criteria: _Criteria = "The answer is right, complete and short.",
    max_tokens: options.MaxTokens = None,
    in_flight: options.InFlight = 4,
    resume: _Resume = None,
    table: _Table = False,
    as_json: options.Json = False,
) -> None:
    """Ask several models the same, and show answers, errors, latency, cost, and how sure their differences are.

    Differences are those of the same prompts; the interval holds the true one in 95 of 100 such comparisons. Exit code
    1 when a model did not answer a prompt.

    With --json it is {rows [{number, prompt, contestant, run, answer, input_tokens, output_tokens, cost (USD),
    latency (seconds), source, error, score, reason}], summary [{contestant, answers, errors, score, latency,
    output_tokens, cost}], differences [{contestant, than, metric, prompts, difference, low, high, p}]}. What is not
    known is null.

    --table measures the providers of llmlab.yaml, or all, with prompts of its own; FILE and --provider name others.
    With --json it is {rows [{provider, latency, tokens_per_second, privacy, cost, error}]}.
    """
    from llmlab.providers import get_provider
    from llmlab.toolkit import evaluation

    if table:
        if judge or resume:
            raise typer.BadParameter("--table measures, and goes without --judge and --resume.")
        return _measure(file, provider, mode, n, in_flight, max_tokens, as_json)
    if file is None or not provider:
        raise typer.BadParameter("name FILE and --provider, or use --table.")
    prompts, limit = read_prompts(file), {"max_tokens": max_tokens} if max_tokens else {}
    with switched_on(mode, as_json=as_json), get_provider(judge) if judge else nullcontext() as judges:
        scored: dict[str, Any] = {**limit, "judge": evaluation.Judge(judges, criteria) if judges else None}
        found = evaluation.compare(prompts, provider, n=n, in_flight=in_flight, resume=resume, **scored)
    return _show(found, as_json)


def _measure(
    file: Any, provider: Any, mode: Any, n: int, in_flight: int, max_tokens: int | None, as_json: bool
) -> None:
    with switched_on(mode, as_json=as_json):
        prompts = read_prompts(file) if file else performance.PROMPTS
        measured = performance.measure(prompts, provider or (), n, in_flight, max_tokens or 500)
    performance.show(measured, as_json=as_json)


def _show(found: Comparison, as_json: bool) -> None:
    summary, differences = found.summary(), found.differences()
    if as_json:
        tables = {"rows": found.frame(), "summary": summary.reset_index(), "differences": differences}
        show_json({name: _lines(table) for name, table in tables.items()})
    else:
        typer.echo(summary.to_string(float_format="%.4g", na_rep="-"))
        if len(differences):
            typer.echo(f"\n{differences.to_string(index=False, float_format='%.4g', na_rep='-')}")
    failed = [row for row in found.rows if row.answer is None]
    for row in failed:
        typer.echo(f"llmlab: {row.contestant}, prompt {row.number}: {row.error}", err=True)
    if failed:
        raise typer.Exit(1)


def _lines(table: DataFrame) -> list[dict[str, Any]]:
    """Return a table as JSON, a line each; NaN becomes null."""
    lines: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return lines
