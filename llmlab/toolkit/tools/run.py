"""Running tools in the four call shapes: two drivers of one loop, each with the answers whole or piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from llmlab.errors import LLMError
from llmlab.providers import Provider
from llmlab.toolkit.tools.loop import AnyTool, Ask, Job, Loop, Perform
from llmlab.toolkit.tools.steps import ToolRun, ToolStep
from llmlab.toolkit.tools.streams import AsyncToolStream, Event, ToolStream
from llmlab.types.messages import Prompt


def run_tools(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolRun:
    """Ask a model, call the tools it wants called, and go on until it has its answer.

    Arguments are checked. Wrong ones, and an exception in a tool, go back to the model as an error that says what was
    wrong, so that it can try again. A `tool_choice` that forces a call holds for the first round.

    Args:
        provider: who is asked.
        messages: what `complete` takes as a prompt.
        tools: made by `@tool`; a plain typed, documented function is fine, too.
        max_rounds: how often the model may have tools called.
        options: what `complete` takes, without `tools`.

    Raises:
        ToolError: the model called a tool that there is not, or still wants tools after `max_rounds`.
        LLMError: what asking raised. The error's `run` holds the run so far.
    """
    loop = Loop(provider, messages, tools, max_rounds, options)
    for _ in run(loop, provider, stream=False):
        pass
    return loop.run


async def run_tools_async(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolRun:
    """The async twin of `run_tools`. The calls of one round run at the same time, sync tools in threads."""
    loop = Loop(provider, messages, tools, max_rounds, options)
    async for _ in run_async(loop, provider, stream=False):
        pass
    return loop.run


def run_tools_stream(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> ToolStream:
    """Do what `run_tools` does, and give what happens as it happens: a `Chunk` of text, a `ToolStep` that is done.

    After the end, `.result` is the `ToolRun`.
    """
    loop = Loop(provider, messages, tools, max_rounds, options)
    return ToolStream(loop, run(loop, provider, stream=True))


def run_tools_stream_async(
    provider: Provider, messages: Prompt, tools: Sequence[AnyTool], max_rounds: int = 8, **options: Any
) -> AsyncToolStream:
    """The async twin of `run_tools_stream`. Of calls that run at the same time, the one done first comes first."""
    loop = Loop(provider, messages, tools, max_rounds, options)
    return AsyncToolStream(loop, run_async(loop, provider, stream=True))


def run(loop: Loop, provider: Provider, *, stream: bool) -> Generator[Event]:
    flow, outcome = loop.flow(), None
    while True:
        try:
            wanted = flow.send(outcome)
        except StopIteration:
            return
        outcome = None
        try:
            match wanted:
                case Perform(jobs):
                    for job in jobs:
                        step = job.perform()
                        loop.done(job, step)
                        yield step
                case Ask(messages, options) if stream:
                    with provider.complete_stream(messages, **options) as answer:
                        yield from answer
                    outcome = answer.result
                case Ask(messages, options):
                    outcome = provider.complete(messages, **options)
        except LLMError as error:
            flow.throw(error)


async def run_async(loop: Loop, provider: Provider, *, stream: bool) -> AsyncGenerator[Event]:
    flow, outcome = loop.flow(), None
    while True:
        try:
            wanted = flow.send(outcome)
        except StopIteration:
            return
        outcome = None
        try:
            match wanted:
                case Perform(jobs):
                    tasks = [asyncio.create_task(_done(loop, job)) for job in jobs]
                    try:
                        for first in asyncio.as_completed(tasks):
                            yield await first
                    finally:
                        # Who leaves the stream, or is cancelled, leaves no tool running.
                        for task in tasks:
                            task.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
                case Ask(messages, options) if stream:
                    async with provider.complete_stream_async(messages, **options) as answer:
                        async for chunk in answer:
                            yield chunk
                    outcome = answer.result
                case Ask(messages, options):
                    outcome = await provider.complete_async(messages, **options)
        except LLMError as error:
            flow.throw(error)


async def _done(loop: Loop, job: Job) -> ToolStep:
    step = await job.perform_async()
    loop.done(job, step)
    return step
