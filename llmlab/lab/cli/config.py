"""The command `config check`: what is set in `llmlab.yaml`, or everything that is wrong with it. Nothing is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmlab.errors import LLMError, MissingAPIKeyError
from llmlab.lab.cli import options
from llmlab.lab.cli.session import errors_shown, show_json

if TYPE_CHECKING:
    from llmlab.config.environment import Settings

_NUMBERED = re.compile(r".*:(\d+): ")


def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="The file; else LLMLAB_CONFIG, else llmlab.yaml here.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check llmlab.yaml: every problem with file and line and exit code 2, or what it sets. A key is never shown.

    With --json it is {ok, file (null if there is none), problems [text], backend, providers {name: {setting: value,
    key_variable, key_found}}}.
    """
    from llmlab.config.settings import load_settings

    file = Path(path or os.environ.get("LLMLAB_CONFIG") or "llmlab.yaml")
    there = file.is_file()
    report: dict[str, Any] = {"backend": None, "providers": {}}
    with errors_shown():
        problems = [*_unknown_names(file)] if there else []
        try:
            settings = load_settings(path)
            report["backend"] = settings.backend
            problems += [] if problems else _unusable(settings)
            report["providers"] = {} if problems else _shown(settings)
        except LLMError as error:
            problems += error.message.splitlines()
    problems.sort(key=lambda text: int(found[1]) if (found := _NUMBERED.match(text)) else 0)
    if as_json:
        show_json({"ok": not problems, "file": str(file) if there else None, "problems": problems, **report})
    elif problems:
        typer.echo("\n".join(problems), err=True)
    else:
        typer.echo(f"{file} is right." if there else "There is no llmlab.yaml here, so the defaults hold.")
        typer.echo("\n".join(_lines(report)))
    if problems:
        raise typer.Exit(2)


def _unknown_names(file: Path) -> Iterator[str]:
    """Yield where the file names unknown providers: the reader of the file does not know which there are."""
    import yaml

    from llmlab.config.safe_yaml import compose_yaml
    from llmlab.providers import provider_class

    try:
        root = compose_yaml(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        # The reader of the file explains this.
        return
    for node in _names(root):
        # The tag of `fallback: true` is another one.
        if node.tag == "tag:yaml.org,2002:str" and "${" not in node.value:
            for problem in _error(provider_class, node.value):
                yield f"{file}:{node.start_mark.line + 1}: {problem}"


def _names(root: Any) -> Iterator[Any]:
    """Yield the nodes that name a provider: the backend, the sections and their fallbacks."""
    for key, value in _pairs(root):
        for name, entry in _pairs(value) if key.value in ("providers", "llm") else [(key, value)]:
            if name.value == "backend":
                yield entry
            elif name is not key:
                yield name
                yield from (text for setting, text in _pairs(entry) if setting.value == "fallback")


def _unusable(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with fallbacks, addresses and keys, wherever they are set, and with `.env`."""
    from llmlab.config.environment import dotenv_slips
    from llmlab.lab.doctor import try_provider
    from llmlab.providers import provider_names

    for name in settings.providers:
        yield from _error(settings.fallbacks, name)
    for name in provider_names():
        problem = try_provider(name, settings)
        if problem and not isinstance(problem, MissingAPIKeyError):
            yield problem.message
    yield from (f"{what}; {step}" for what, step in dotenv_slips())


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    """Return the entries of a mapping; anything else has none."""
    value = getattr(node, "value", None)
    return [pair for pair in value if isinstance(pair, tuple)] if isinstance(value, list) else []


def _error(function: Callable[[str], object], name: str) -> list[str]:
    """Return the message of the error that a function raises for a provider, or nothing."""
    try:
        function(name)
    except LLMError as error:
        return [error.message]
    return []


def _shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what is set for each provider, and whether its key is found; not the key, wherever it stands."""
    from llmlab._utils.redaction import redact
    from llmlab.config.environment import find_key
    from llmlab.providers import provider_class

    provider_class(settings.backend)
    shown: dict[str, dict[str, Any]] = {}
    keys = []
    for name in dict.fromkeys([settings.backend, *settings.providers]):
        entry = settings.providers.get(name)
        rows = {key: value for key, value in asdict(entry).items() if value is not None} if entry else {}
        variable = rows.pop("api_key_env", None) or provider_class(name).key_variable
        key = find_key(variable) if variable else None
        keys += [key.reveal()] if key else []
        shown[name] = {**rows, "key_variable": variable, "key_found": bool(key)}
    for rows in shown.values():
        for part in (rows, *(value for value in rows.values() if isinstance(value, dict))):
            part.update({key: redact(value, keys) for key, value in part.items() if isinstance(value, str)})
    return shown


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield f"backend: {report['backend']}"
    for name, rows in report["providers"].items():
        yield f"{name}:"
        variable, found = rows.pop("key_variable"), rows.pop("key_found")
        yield from (f"  {key}: {value}" for key, value in rows.items())
        yield f"  key: {variable}, {'found' if found else 'not set'}" if variable else "  key: none is needed"
