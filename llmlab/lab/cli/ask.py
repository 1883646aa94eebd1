"""The commands `ask` and `chat`: one answer, or a conversation, in the terminal or in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmlab.errors import LLMError
from llmlab.lab.cli import options
from llmlab.lab.cli.session import exit_code, read_prompt, session, show_error, show_json
from llmlab.types.messages import Message, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmlab.providers import Provider
    from llmlab.types.completion import Completion

StreamOption = Annotated[
    bool | None,
    typer.Option("--stream/--no-stream", help="Show the answer as it comes. The default is yes, and no with --json."),
]
_JSON = ("provider", "model", "content", "reasoning", "refusal", "finish_reason", "usage", "source", "latency")


def ask(
    words: options.Prompt = None,
    provider: options.Provider = None,
    model: options.Model = None,
    mode: options.Mode = None,
    system: options.System = None,
    stream: StreamOption = None,
    as_json: options.Json = False,
) -> None:
    """Ask a model, and print its answer as it comes. Without a prompt, it is read from a pipe.

    The answer alone goes to standard output; the mode and everything else go to standard error. Keys come from the
    environment or from .env, never from the command line.

    With --json it is {provider, model, content, reasoning, refusal, finish_reason, usage {input_tokens, output_tokens,
    total_tokens, cached_tokens, reasoning_tokens, cost}, source (live, recorded or simulated), latency,
    time_to_first_token (seconds)}. With --stream too, lines {chunk {text, reasoning}} come before it.
    """
    prompt = read_prompt(words)
    with session(provider, model, mode, as_json=as_json) as opened:
        answer(opened, [*_instructions(system), Message(Role.USER, prompt)], stream, as_json)


def chat(
    provider: options.Provider = None,
    model: options.Model = None,
    mode: options.Mode = None,
    system: options.System = None,
    stream: StreamOption = None,
    as_json: options.Json = False,
) -> None:
    """Talk with a model, a line a turn; it remembers the turns before. From a pipe, each line is a turn.

    /clear begins anew; /exit and Ctrl-D end it. Ctrl-C stops an answer, and at the prompt it ends the conversation.

    A turn that fails is taken back, and the conversation goes on. The exit code is that of the last turn.

    With --json each turn prints what `ask --json` prints.
    """
    code = 0
    with session(provider, model, mode, as_json=as_json) as opened:
        messages = begin = _instructions(system)
        for line in _lines():
            if line == "/clear":
                messages = begin
                typer.echo("The conversation begins anew.", err=True)
            elif line.startswith("/") and line[1:].isalpha():
                typer.echo(f"There is no {line}; there are /clear and /exit.", err=True)
            elif line:
                code, messages = _turn(opened, messages, Message(Role.USER, line), stream, as_json)
    raise typer.Exit(code)


def answer(provider: Provider, messages: Sequence[Message], stream: bool | None, as_json: bool) -> Completion:
    """Send messages, print the answer, and return it. `stream` None means yes, and no with JSON.

    Raises:
        LLMError: one of its subclasses; chunks that came before stay printed.
    """
    if as_json if stream is None else not stream:
        result = provider.complete(messages)
        show_answer(result, as_json)
        return result
    written = False
    with provider.complete_stream(messages) as chunks:
        try:
            for chunk in chunks:
                written |= bool(chunk.text)
                if as_json:
                    show_json({"chunk": {"text": chunk.text, "reasoning": chunk.reasoning}})
                elif chunk.text:
                    # Written at once, also into a pipe.
                    typer.echo(chunk.text, nl=False)
        except (LLMError, KeyboardInterrupt):
            if written and not as_json:
                typer.echo()
            raise
    show_answer(chunks.result, as_json, "")
    return chunks.result


def show_answer(result: Completion, as_json: bool, text: str | None = None) -> None:
    """Print an answer, or the `text` of it that is not printed yet. Say on standard error if it is not whole."""
    if as_json:
        facts: dict[str, Any] = {name: getattr(result, name) for name in _JSON}
        show_json({**facts, "usage": asdict(result.usage), "time_to_first_token": result.time_to_first_token})
    else:
        typer.echo(result.content if text is None else text)
    if result.refusal:
        typer.echo(f"llmlab: the model refused: {result.refusal}", err=True)
    elif result.finish_reason not in ("stop", None):
        typer.echo(f"llmlab: this is not the whole answer; it ended with {result.finish_reason!r}.", err=True)


def _instructions(system: str | None) -> list[Message]:
    return [Message(Role.SYSTEM, system)] if system else []


def _turn(
    provider: Provider, before: list[Message], message: Message, stream: bool | None, as_json: bool
) -> tuple[int, list[Message]]:
    """Return the exit code of a turn, and the conversation after it: as it was before, if the turn failed."""
    messages = [*before, message]
    try:
        return 0, [*messages, answer(provider, messages, stream, as_json).message]
    except LLMError as error:
        show_error(error, as_json=as_json)
        return exit_code(error), before
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
        typer.echo("Stopped; this turn is taken back.", err=True)
        return 130, before


def _lines() -> Iterator[str]:
    """Yield the lines of a person or of a pipe, until the end or /exit."""
    person = bool(sys.stdin) and sys.stdin.isatty()
    if person:
        with suppress(ImportError):
            # Its import gives `input` the arrow keys; Windows has its own.
            import readline  # noqa: F401
    while sys.stdin:
        try:
            # The prompt of `input` would stand among the answers of a pipe.
            line = input("> " if person else "").strip()
        except EOFError:
            if person:
                typer.echo(err=True)
            return
        if line == "/exit":
            return
        yield line
