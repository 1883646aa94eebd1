"""Tools to call, a scripted provider, and one way to run tools in all four call types."""

from __future__ import annotations

import asyncio
from typing import Any

from llmlab import run_tools, run_tools_async, run_tools_stream, run_tools_stream_async, tool
from llmlab.providers import Provider
from llmlab.toolkit.tools import ToolRun, ToolStep
from llmlab.types.completion import Chunk
from tests.core.trying import provider
from tests.loopback import LoopbackServer

SHAPES = ("run_tools", "run_tools_async", "run_tools_stream", "run_tools_stream_async")


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
async def weather(city: str) -> dict[str, Any]:
    """Get the current weather in a city.

    Args:
        city: the city, such as Paris.
    """
    return {"city": city, "sky": "sunny"}


def run(made: Provider, shape: str, prompt: Any, tools: Any, **options: Any) -> tuple[ToolRun, list[Chunk | ToolStep]]:
    """Run tools in one of the four call types; return the run, and the events of a stream."""
    if shape == "run_tools":
        with made:
            return run_tools(made, prompt, tools, **options), []
    if shape == "run_tools_stream":
        with made, run_tools_stream(made, prompt, tools, **options) as stream:
            events = list(stream)
            return stream.result, events

    async def ran() -> tuple[ToolRun, list[Chunk | ToolStep]]:
        async with made:
            if shape == "run_tools_async":
                return await run_tools_async(made, prompt, tools, **options), []
            async with run_tools_stream_async(made, prompt, tools, **options) as stream:
                events = [event async for event in stream]
            return stream.result, events

    return asyncio.run(ran())


def calls(*wanted: tuple[str, Any], prefix: str = "call") -> dict[str, Any]:
    """Return an answer of Chat Completions that calls tools, with arguments as JSON text."""
    listed = [
        {"id": f"{prefix}_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for place, (name, arguments) in enumerate(wanted)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": listed}
    return {
        "id": f"chat_{prefix}",
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
    }


def scripted(server: LoopbackServer, *answers: Any) -> Provider:
    """Return a provider that gives these answers in turn, the last one again and again."""
    for answer in answers:
        server.answer(answer)
    return provider("local_gpt_oss", server.url)


def results_sent(server: LoopbackServer) -> list[str]:
    """Return the results of tools in the last request."""
    return [turn["content"] for turn in server.seen[-1].body["messages"] if turn["role"] == "tool"]
