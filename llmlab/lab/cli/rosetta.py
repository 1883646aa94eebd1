"""The command `rosetta`: one request in every wire format, side by side. Nothing is sent."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.session import errors_shown, read_prompt, show_json
from llmlab.types.messages import Message, Role


def rosetta(
    words: options.Prompt = None,
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="A provider or a format to show; repeatable. Else all."),
    ] = None,
    model: options.Model = None,
    system: options.System = None,
    temperature: Annotated[float | None, typer.Option("--temperature", help="Randomness, 0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Limit of the answer, in tokens.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the request for a stream.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show a request in every wire format side by side, with the differences marked. Nothing is sent, no key is needed.

    A format that has no field for an option refuses the request; its words are shown in the place of a body.

    With --json it is a line {format, path, speakers (providers), body (null if refused), refusal} for each format.
    """
    from llmlab.toolkit.format_comparison import rosetta as translated

    with errors_shown(as_json=as_json):
        prompt = [*([Message(Role.SYSTEM, system)] if system else []), Message(Role.USER, read_prompt(words))]
        shown = translated(
            prompt, only=provider or (), model=model, stream=stream, temperature=temperature, max_tokens=max_tokens
        )
    if as_json:
        for side in shown.sides:
            show_json(asdict(side))
    else:
        # A pipe has no width of its own.
        typer.echo(shown.text(shutil.get_terminal_size().columns) if sys.stdout.isatty() else shown)
