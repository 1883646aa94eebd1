"""The commands `models`, `tokens` and `health`: what a provider offers, how long a prompt is, and who answers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from llmlab.commands.session import (
    JsonOption,
    ModelOption,
    ModeOption,
    ProviderOption,
    read_prompt,
    session,
    show_json,
    switched_on,
)
from llmlab.errors import LLMError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmlab.config import Settings
    from llmlab.providers import Health


def models(provider: ProviderOption = None, mode: ModeOption = None, as_json: JsonOption = False) -> None:
    """List the names of the models that a provider offers, one a line.

    With --json it is {provider, models [names]}, or {error {type, message, provider, status, exit_code}}.
    """
    with session(provider, None, mode, as_json=as_json) as opened:
        names = opened.list_models()
        if as_json:
            show_json({"provider": opened.name, "models": names})
        else:
            typer.echo("\n".join(names) or f"{opened.name} has no model yet.", err=not names)


def tokens(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help="The prompt; - stands for standard input.")
    ] = None,
    provider: ProviderOption = None,
    model: ModelOption = None,
    mode: ModeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the tokens of a prompt, and say how: by the provider, by its tokenizer here, or as an estimate.

    With --json it is {provider, model, tokens, method (endpoint, tiktoken or estimate)}, or {error {type, message,
    provider, status, exit_code}}.
    """
    prompt = read_prompt(words)
    with session(provider, model, mode, as_json=as_json) as opened:
        count = opened.count_tokens(prompt)
        if as_json:
            found = {"provider": opened.name, "model": opened.model, "tokens": int(count), "method": count.method}
            show_json(found)
        elif count.method == "estimate":
            typer.echo(f"about {int(count)} tokens for {opened.model}, an estimate: {opened.name} does not count them")
        else:
            counter = opened.name if count.method == "endpoint" else count.method
            typer.echo(f"{int(count)} tokens for {opened.model}, counted by {counter}")


def health(
    provider: Annotated[str | None, typer.Option("--provider", help="Who is asked; else all of them at once.")] = None,
    mode: ModeOption = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Say which providers answer, and why the others do not. Exit code 1 when one does not.

    With --json it is {ok, providers [{provider, ok, reason, latency (seconds)}]}.
    """
    from llmlab.providers import provider_class, provider_names
    from llmlab.settings_file import load_settings

    with switched_on(mode, as_json=as_json):
        names = [provider] if provider else list(provider_names())
        if provider:
            # A wrong name is wrong usage, not a provider that is ill.
            provider_class(provider)
        found = asyncio.run(_ask_all(names, load_settings(), timeout))
    well = all(found)
    if as_json:
        show_json({"ok": well, "providers": [asdict(one) for one in found]})
    else:
        width = max(map(len, names))
        for one in found:
            took = f" ({one.latency:.1f} s)" if one.ok else ""
            typer.echo(f"{one.provider:<{width}}  {'ok' if one.ok else 'fails':<5}  {one.reason}{took}")
    if not well:
        raise typer.Exit(1)


async def _ask_all(names: Sequence[str], settings: Settings, timeout: float) -> list[Health]:
    return await asyncio.gather(*(_ask(name, settings, timeout) for name in names))


async def _ask(name: str, settings: Settings, timeout: float) -> Health:
    from llmlab.providers import Health, get_provider

    try:
        async with get_provider(name, timeout=timeout, settings=settings) as opened:
            return await opened.health_async()
    except LLMError as error:
        return Health(name, False, error.message)
