"""The command `simulate`: the simulator over real HTTP, for whatever is no notebook."""

from __future__ import annotations

from typing import Annotated

import typer


def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port, on this machine only; 0 takes a free one.")] = 8900,
    faults: Annotated[
        str, typer.Option(help="What goes wrong, such as 'rate_limit;retry_after=2;probability=0.2, server_error'.")
    ] = "",
    pace: Annotated[float, typer.Option(min=0, help="Factor on waiting times: 1 as a service, 0 no waiting.")] = 1.0,
    log: Annotated[bool, typer.Option("--log", help="Print a line for each request.")] = False,
) -> None:
    """Answer as OpenAI, Anthropic, OpenRouter, Ollama and a local server do, over HTTP on this machine.

    For curl, Node, other SDKs and other languages: no key, no network, no cost. Ctrl-C ends it.

    A single request can ask for a fault of its own with the header x-llmlab-fault: rate_limit;retry_after=2
    """
    from llmlab.lab.tape.server import SimulatorServer

    server = SimulatorServer(port, faults=faults or None, pace=pace, log=typer.echo if log else None)

    def opened() -> None:
        width = max(map(len, server.urls))
        lines = [f"    {name:<{width}}  {url}" for name, url in server.urls.items()]
        typer.echo("\n".join(["The simulator answers at these base URLs:", "", *lines, "", "Ctrl-C ends it."]))

    try:
        server.run(opened)
    except KeyboardInterrupt:
        typer.echo()
    typer.echo("The simulator has ended.")
