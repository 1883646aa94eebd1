"""The command `rosetta`: one request in every wire format, side by side. Nothing is sent."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from llmlab.errors import LLMError
from llmlab.lab.cli.session import JsonOption, exit_code, read_prompt, show_json, speak_anyway, tell
from llmlab.types.messages import Message, Role


def rosetta(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="The prompt; - stands for standard input.")
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="Only what this provider speaks, or this format; repeatable."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Name of the model; else the usual one of each provider.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="What the model is told before anything else.")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", help="Randomness, 0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Limit of the answer, in tokens.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the request for a stream.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a request in every wire format side by side, with the differences marked. Nothing is sent, no key is needed.

    A format that has no field for an option refuses the request; its words are shown in the place of a body.

    With --json it is a line {format, path, speakers (providers), body (null if refused), refusal} for each format.
    After an error, it is {error {type, message, provider, status, exit_code}}.
    """
    from llmlab.toolkit.format_comparison import rosetta as translated

    speak_anyway()
    prompt = [*([Message(Role.SYSTEM, system)] if system else []), Message(Role.USER, read_prompt(words))]
    try:
        shown = translated(
            prompt, only=provider or (), model=model, stream=stream, temperature=temperature, max_tokens=max_tokens
        )
    except LLMError as error:
        tell(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None
    if as_json:
        for side in shown.sides:
            show_json(asdict(side))
    else:
        # A pipe has no width of its own.
        typer.echo(shown.text(shutil.get_terminal_size().columns) if sys.stdout.isatty() else shown)
