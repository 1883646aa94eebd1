"""What the commands that ask a provider share: who is asked, in which mode, and how success and failure are told.

The answer goes to standard output, everything else to standard error, so that a pipe carries the answer alone.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from llmlab import errors
from llmlab.errors import LLMError
from llmlab.lab import bootstrap
from llmlab.lab.cli.notebooks import Mode

if TYPE_CHECKING:
    from llmlab.providers import Provider

ProviderOption = Annotated[
    str | None, typer.Option("--provider", help="Who is asked; else the backend of llmlab.yaml.")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="Name of the model; else the provider's usual one.")]
ModeOption = Annotated[Mode | None, typer.Option("--mode", help="Who answers; else LLMLAB_MODE, else offline.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 the service failed, 2 wrong usage, settings or request, 3 no key or a refused one, "
    "4 too many requests or no quota left, 5 no connection, a timeout or a stream that broke, 130 Ctrl-C."
)

_REPLAY: Final = "llmlab: replay. Recordings alone answer; nothing is sent, nothing is spent."

# The first that fits counts.
_CODES: Final[tuple[tuple[type[LLMError], int], ...]] = (
    (errors.MissingAPIKeyError, 3),
    (errors.LLMAuthenticationError, 3),
    (errors.LLMRateLimitError, 4),
    (errors.LLMConnectionError, 5),
    (errors.LLMStreamError, 5),
    (errors.LLMAPIError, 1),
    (errors.UnsupportedProviderError, 2),
    (errors.ConfigurationError, 2),
    (errors.LLMInvalidRequestError, 2),
    (errors.RecordingMissError, 2),
)


def exit_code(error: LLMError) -> int:
    """Return the exit code of an error, by its class."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 1)


@contextmanager
def session(
    provider: str | None, model: str | None = None, mode: Mode | None = None, *, as_json: bool = False
) -> Iterator[Provider]:
    """Switch the tape on, say which mode this is, and hand out the provider; tell an error and leave with its code.

    Args:
        provider: its name; else the settings' backend.
        model: its name; else the settings', else the provider's.
        mode: offline, replay, live or record; else LLMLAB_MODE, else offline.
        as_json: whether an error is told on standard output too, as JSON.

    Raises:
        typer.Exit: after an error, with its code.
    """
    from llmlab.providers import get_provider

    with switched_on(mode, as_json=as_json), get_provider(provider, model) as opened:
        yield opened


@contextmanager
def switched_on(mode: Mode | None = None, *, as_json: bool = False) -> Iterator[str]:
    """Switch the tape on and hand out the mode. The rest is as in `session`."""
    from llmlab.lab import tape

    speak_anyway()
    try:
        with warnings.catch_warnings(), tape.start(mode):
            # As a sentence: Python's own way shows a line of llmlab's source.
            warnings.showwarning = lambda message, *_, **__: typer.echo(f"llmlab: {message}", err=True)
            # The tape's own line says offline here, because a lesson must read the same in both.
            typer.echo(_REPLAY if tape.mode() == "replay" else tape.banner(), err=True)
            yield tape.mode()
    except LLMError as error:
        tell(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None


def require_clone(folder: str, what: str) -> Path:
    """Return a folder of the repository; where llmlab was installed without it, leave with what to do.

    Raises:
        typer.Exit: with code 2.
    """
    path = bootstrap.CLONE / folder
    if not path.is_dir():
        typer.echo(f"llmlab: the {what} are in the repository. Clone it, and run this command there.", err=True)
        raise typer.Exit(2)
    return path


def speak_anyway() -> None:
    """Let a letter that the terminal does not have become a question mark, where it would be a traceback."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def tell(error: LLMError, *, as_json: bool) -> None:
    """Tell an error on standard error and, where JSON is wanted, as an object on standard output."""
    typer.echo(f"llmlab: {error.message}", err=True)
    if isinstance(error, errors.MissingAPIKeyError):
        typer.echo("On the command line: --mode offline. A key never stands on the command line.", err=True)
    if as_json:
        show_json(
            {
                "error": {
                    "type": type(error).__name__,
                    "message": error.message,
                    "provider": error.provider,
                    "status": error.status_code,
                    "exit_code": exit_code(error),
                }
            }
        )


def show_json(value: Mapping[str, Any]) -> None:
    """Print a JSON object on a line of its own."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def read_prompt(words: list[str] | None) -> str:
    """Return the prompt: the words of the command line, or what comes through the pipe.

    Args:
        words: of the command line; `-` stands for standard input, and so does their absence.

    Raises:
        typer.BadParameter: if nobody gives a prompt, or it is not UTF-8.
    """
    if not words and sys.stdin and sys.stdin.isatty():
        raise typer.BadParameter("there is no prompt. Write one behind the command, or pipe one in.")
    prompt = " ".join(_piped() if word == "-" else word for word in words or ["-"])
    if not prompt.strip():
        raise typer.BadParameter("the prompt is empty.")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("the prompt is not UTF-8 text.") from None
    return prompt


def _piped() -> str:
    if not sys.stdin:
        raise typer.BadParameter("there is no prompt, and standard input is closed.")
    # Windows reads a pipe in the code page of the console, unless it is told otherwise.
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise typer.BadParameter("standard input is not UTF-8 text.") from None
