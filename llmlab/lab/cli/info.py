"""The commands `models`, `tokens` and `health`: what a provider offers, how long a prompt is, and who answers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.session import read_prompt, session, show_json, switched_on

if TYPE_CHECKING:
    from llmlab.models import ModelSpec


def models(
    provider: options.Provider = None,
    details: Annotated[
        bool, typer.Option("--details", help="With what each can do, its limits and its prices.")
    ] = False,
    mode: options.Mode = None,
    as_json: options.Json = False,
) -> None:
    """List the names of the models that a provider offers, one a line.

    With --json it is {provider, models [names]}. With --details as well, it has details {name: null, or {can [names],
    context_window, max_output_tokens, usd_per_million_tokens {input, output} or null, retired_on}}.
    """
    from llmlab.models import find_spec

    with session(provider, None, mode, as_json=as_json) as opened:
        names = opened.list_models()
        known = {name: find_spec(name, opened.name) for name in names} if details else {}
        if as_json:
            described = {"details": {name: spec and _as_json(spec) for name, spec in known.items()}} if details else {}
            show_json({"provider": opened.name, "models": names, **described})
        elif details:
            for name, spec in known.items():
                typer.echo(f"{name}\n  nothing is known of it" if spec is None else _renamed(spec, name))
        else:
            typer.echo("\n".join(names) or f"{opened.name} has no model yet.", err=not names)


def _renamed(spec: ModelSpec, name: str) -> ModelSpec:
    """Return a spec under one of its names."""
    others = tuple(other for other in (spec.model, *spec.aliases) if other != name)
    return replace(spec, model=name, aliases=others)


def _as_json(spec: ModelSpec) -> dict[str, Any]:
    prices = spec.prices
    return {
        "can": spec.capabilities.names(),
        "context_window": spec.context_window,
        "max_output_tokens": spec.max_output_tokens,
        "usd_per_million_tokens": prices and {"input": prices.input, "output": prices.output},
        "retired_on": spec.retired_on and spec.retired_on.isoformat(),
    }


def tokens(
    words: options.Prompt = None,
    provider: options.Provider = None,
    model: options.Model = None,
    mode: options.Mode = None,
    as_json: options.Json = False,
) -> None:
    """Count the tokens of a prompt, and say how: by the provider, by its tokenizer here, or as an estimate.

    With --json it is {provider, model, tokens, method (endpoint, tiktoken or estimate)}.
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
    provider: Annotated[str | None, typer.Option("--provider", help="Its name; else all of them at once.")] = None,
    mode: options.Mode = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each.")] = 10.0,
    as_json: options.Json = False,
) -> None:
    """Say which providers answer, and why the others do not. Exit code 1 when one does not.

    With --json it is {ok, providers [{provider, ok, reason, latency (seconds)}]}.
    """
    from llmlab.providers.health import health_async

    with switched_on(mode, as_json=as_json):
        found = asyncio.run(health_async(*([provider] if provider else []), timeout=timeout))
    if as_json:
        show_json({"ok": found.ok, "providers": [asdict(one) for one in found]})
    else:
        typer.echo(repr(found))
    if not found.ok:
        raise typer.Exit(1)
