"""The command `serve-health`: the health of the providers over HTTP, for load balancers and monitors."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.session import switched_on


def serve_health(
    provider: Annotated[list[str] | None, typer.Option("--provider", help="Its name, repeatable; else all.")] = None,
    mode: options.Mode = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8901,
    every: Annotated[float, typer.Option(min=0, help="Seconds for which an answer stays good.")] = 30.0,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each provider.")] = 10.0,
) -> None:
    """Tell over HTTP which providers answer: 200 if all do, 503 if one does not. Ctrl-C ends it.

    GET /health is about all, GET /health/openai about one. The body is what `health --json` prints:
    {ok, providers [{provider, ok, reason, latency (seconds)}]}. Keys never appear in it.
    """
    from llmlab.providers import provider_class
    from llmlab.providers.health_server import PATH, HealthService

    def opened(chosen: int) -> None:
        typer.echo(f"The health is at http://{host}:{chosen}{PATH}, checked every {every:g} s at most.")
        typer.echo("Ctrl-C ends it.")

    with switched_on(mode), suppress(KeyboardInterrupt):
        for name in provider or ():
            # A wrong name is wrong usage, not a provider that fails.
            provider_class(name)
        asyncio.run(HealthService(tuple(provider or ()), every, timeout).serve(host, port, opened))
    typer.echo("The health service has ended.")
