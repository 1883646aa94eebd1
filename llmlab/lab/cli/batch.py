"""The commands `batch submit`, `status`, `results` and `cancel`: many prompts at once, and their answers later."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import llmlab
from llmlab.formats.parsing import read_json
from llmlab.lab.cli import options
from llmlab.lab.cli.session import session, show_json
from llmlab.types.completion import Completion

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is over, and print the results.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="What `batch submit` printed.")]


def submit(
    file: options.Prompts,
    provider: options.Provider = None,
    model: options.Model = None,
    mode: options.Mode = None,
    path: Annotated[
        Path | None, typer.Option("--path", help="A file for requests and answers of a provider without batches.")
    ] = None,
    max_tokens: options.MaxTokens = None,
    in_flight: options.InFlight = 4,
    wait: WaitOption = False,
    as_json: options.Json = False,
) -> None:
    """Submit prompts as a batch, and print its id. OpenAI and Anthropic answer within a day, at half the price.

    Providers without batches are asked from here, several calls at once; then the command waits and prints the results.

    A line of the file is a prompt, or JSON: {"prompt": "…", "max_tokens": 50}, or a list of messages.

    With --json it is what `batch status --json` prints, and with --wait, or for a provider without batches, what
    `batch results --json` prints.
    """
    from llmlab.lab import tape

    prompts = read_prompts(file)
    with session(provider, model, mode, as_json=as_json) as opened:
        options = {"max_tokens": max_tokens} if max_tokens else {}
        batch = llmlab.submit_batch(prompts, opened, in_flight=in_flight, path=path, **options)
        if wait or not batch.is_remote:
            _show_results(batch, batch.wait(), as_json)
        else:
            _show_status(batch, batch.id, as_json)
            later = f"later, python3 -m llmlab batch results {batch.id} --provider {opened.name}"
            if tape.mode() not in ("live", "record"):
                later = "the simulator forgets this batch now; add --wait to see its answers"
            typer.echo(f"llmlab: {later}", err=True)


def status(
    batch_id: IdArgument, provider: options.Provider = None, mode: options.Mode = None, as_json: options.Json = False
) -> None:
    """Say how a batch is doing.

    With --json it is {provider, id, state (running, cancelling, done, cancelled, expired or failed), total, succeeded,
    failed, cancelled, expired, expires_at (a time or null), reason}.
    """
    with session(provider, None, mode, as_json=as_json) as opened:
        batch = llmlab.open_batch(batch_id, opened, begin=False)
        _show_status(batch, batch.status, as_json)


def results(
    batch_id: IdArgument,
    provider: options.Provider = None,
    mode: options.Mode = None,
    wait: WaitOption = False,
    in_flight: options.InFlight = 4,
    as_json: options.Json = False,
) -> None:
    """Print the results of a batch, in the order of its requests. Exit code 1 when a request failed or is not answered.

    For a provider without batches, the id is the path of its file; --wait goes on with what is missing.

    With --json it is a line each: {request, state (answered, failed or waiting), content, model, finish_reason, usage
    {input_tokens, output_tokens, total_tokens, cached_tokens, reasoning_tokens, cost}, error {type, message, code} or
    null}.
    """
    with session(provider, None, mode, as_json=as_json) as opened:
        batch = llmlab.open_batch(batch_id, opened, in_flight=in_flight, begin=wait)
        _show_results(batch, batch.wait() if wait else batch.results(), as_json)


def cancel(
    batch_id: IdArgument, provider: options.Provider = None, mode: options.Mode = None, as_json: options.Json = False
) -> None:
    """Have a batch stopped. What is being answered is finished, and paid.

    With --json it is what `batch status --json` prints.
    """
    with session(provider, None, mode, as_json=as_json) as opened:
        batch = llmlab.open_batch(batch_id, opened, begin=False)
        batch.cancel()
        _show_status(batch, batch.status, as_json)


def read_prompts(file: str) -> list[Any]:
    """Return the prompts in a file, or in standard input for `-`: a line each, those in JSON parsed.

    Raises:
        typer.BadParameter: if it cannot be read, or holds no prompt.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        # Lines end with \n alone: JSON may hold other characters that end a line elsewhere.
        lines = [line.strip() for line in data.decode("utf-8-sig").split("\n")]
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8 text.") from None
    prompts = [_parsed(line) for line in lines if line]
    if not prompts:
        raise typer.BadParameter("there is no prompt in it.")
    return prompts


def _parsed(line: str) -> Any:
    try:
        return read_json(line) if line.startswith(("{", "[", '"')) else line
    except ValueError:
        return line


def _show_status(batch: llmlab.Batch, text: object, as_json: bool) -> None:
    status = batch.status
    expires = status.expires_at.isoformat() if status.expires_at else None
    if as_json:
        show_json({"provider": batch.provider, "id": batch.id, **asdict(status), "expires_at": expires})
    else:
        typer.echo(text)


def _show_results(batch: llmlab.Batch, outcomes: Sequence[Any], as_json: bool) -> None:
    """Print outcomes, and leave with 1 if one of them is no answer."""
    for number, outcome in enumerate(outcomes):
        answered = isinstance(outcome, Completion)
        if as_json:
            show_json({"request": number, **_as_dict(outcome)})
        else:
            text = outcome if answered else getattr(outcome, "message", "not answered yet")
            typer.echo(f"{'' if answered else 'llmlab: '}{number}: {text}", err=not answered)
    typer.echo(f"llmlab: {batch.status}", err=True)
    if not all(isinstance(outcome, Completion) for outcome in outcomes):
        raise typer.Exit(1)


def _as_dict(outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, Completion):
        facts = {name: getattr(outcome, name) for name in ("content", "model", "finish_reason")}
        return {"state": "answered", **facts, "usage": asdict(outcome.usage), "error": None}
    nothing = {"content": "", "model": "", "finish_reason": None, "usage": None}
    if outcome is None:
        return {"state": "waiting", **nothing, "error": None}
    error = {"type": type(outcome).__name__, "message": outcome.message, "code": outcome.code}
    return {"state": "failed", **nothing, "error": error}
