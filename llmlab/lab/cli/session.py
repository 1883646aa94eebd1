"""What the commands that call a provider share: mode, output, exit codes.

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
from typing import TYPE_CHECKING, Any, Final

import typer

from llmlab import errors
from llmlab.errors import LLMError
from llmlab.lab import bootstrap

if TYPE_CHECKING:
    from llmlab.providers import Provider

EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 the service failed, 2 wrong usage, settings or request, 3 no key or a refused one, "
    "4 too many requests or no quota left, 5 no connection, a timeout or a stream that broke, 130 Ctrl-C. "
    "With --json, an error is {error {type, message, provider, status, exit_code}}."
)

_REPLAY: Final = "llmlab: replay. Recordings alone answer; nothing is sent, nothing is spent."

# The first class that fits counts.
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
    provider: str | None, model: str | None = None, mode: str | None = None, *, as_json: bool = False
) -> Iterator[Provider]:
    """Switch the tape on and yield the provider. The rest is as in `switched_on`.

    Raises:
        typer.Exit: after an error, with its code.
    """
    from llmlab.providers import get_provider

    with switched_on(mode, as_json=as_json), get_provider(provider, model) as opened:
        yield opened


@contextmanager
def switched_on(mode: str | None = None, *, as_json: bool = False) -> Iterator[None]:
    """Switch the tape on and say which mode this is; show an error of llmlab and leave with its code."""
    from llmlab.lab import tape

    with errors_shown(as_json=as_json), warnings.catch_warnings(), tape.start(mode):
        # As a sentence: Python's own way shows a line of llmlab's source.
        warnings.showwarning = lambda message, *_, **__: typer.echo(f"llmlab: {message}", err=True)
        # The tape's own line says offline here, because a lesson must read the same in both.
        typer.echo(_REPLAY if tape.mode() == "replay" else tape.banner(), err=True)
        yield


@contextmanager
def errors_shown(*, as_json: bool = False) -> Iterator[None]:
    """Show an error of llmlab as its message, and leave with its exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A letter that the terminal does not have becomes a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    try:
        yield
    except LLMError as error:
        show_error(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None


def show_error(error: LLMError, *, as_json: bool = False) -> None:
    """Print an error on standard error and, where JSON is wanted, as an object on standard output."""
    typer.echo(f"llmlab: {error.message}", err=True)
    if isinstance(error, errors.MissingAPIKeyError):
        typer.echo("On the command line: --mode offline. A key never stands on the command line.", err=True)
    if as_json:
        facts = {"type": type(error).__name__, "message": error.message, "provider": error.provider}
        show_json({"error": {**facts, "status": error.status_code, "exit_code": exit_code(error)}})


def show_json(value: Mapping[str, Any]) -> None:
    """Print a JSON object on a line of its own."""
    typer.echo(json.dumps(value, ensure_ascii=False))


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


def read_prompt(words: list[str] | None) -> str:
    """Return the prompt: the words of the command line; `-` and no word stand for standard input.

    Raises:
        typer.BadParameter: if there is no prompt, or it is not UTF-8.
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
    # Windows would read a pipe in the code page of the console.
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise typer.BadParameter("standard input is not UTF-8 text.") from None
