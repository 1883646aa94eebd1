"""The command `demo`: a prompt to one provider sync, async and as a stream, each with the line of code that does it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from llmlab.lab.cli import options
from llmlab.lab.cli.ask import answer, show_answer
from llmlab.lab.cli.session import read_prompt, session
from llmlab.types.messages import Message, Role

if TYPE_CHECKING:
    from llmlab.providers import Provider
    from llmlab.types.completion import Completion

_PROMPT: Final = "Explain in one sentence what a large language model is."
_LINES: Final = {
    "sync": "print(provider.complete(prompt))",
    "async": "print(await provider.complete_async(prompt))",
    "stream": "for chunk in provider.complete_stream(prompt): print(chunk, end='')",
}


def demo(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="openai, anthropic, openrouter, ollama, …")],
    words: options.Prompt = None,
    model: options.Model = None,
    mode: options.Mode = None,
    sync: Annotated[bool, typer.Option("--sync", help="Only the call that waits.")] = False,
    async_: Annotated[bool, typer.Option("--async", help="Only the call that is awaited.")] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Only the answer that comes in chunks.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show a provider's calls: sync, async and streamed, each with its line of code. Without one of these, all three.

    Without a prompt, a model says what a model is. Keys come from the environment or from .env.

    With --json each call prints what `ask --json` prints, in this order.
    """
    prompt = [Message(Role.USER, read_prompt(words or [_PROMPT]))]
    chosen = [kind for kind, wanted in zip(_LINES, (sync, async_, stream), strict=True) if wanted]
    with session(provider, model, mode, as_json=as_json) as opened:
        for kind in chosen or _LINES:
            typer.echo(f"\nllmlab: {kind}: {_LINES[kind]}", err=True)
            if kind == "async":
                show_answer(asyncio.run(_ask(opened, prompt)), as_json)
            else:
                answer(opened, prompt, kind == "stream", as_json)


async def _ask(provider: Provider, prompt: list[Message]) -> Completion:
    async with provider:
        return await provider.complete_async(prompt)
