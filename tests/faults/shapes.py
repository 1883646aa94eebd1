"""The four ways to call a provider, so that faults meet each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from llmlab.types.completion import Completion

SHAPES = ("whole", "stream", "async", "async stream")
PROVIDERS = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")
PROMPT = "Tell me about café crème, déjà vu and the sea."


def pairs(number: int) -> Iterator[tuple[str, str]]:
    """Yield every provider with a shape. With four numbers in a row, every provider meets every shape."""
    for index, provider in enumerate(PROVIDERS):
        yield provider, SHAPES[(index + number) % len(SHAPES)]


def ask(llm: Any, shape: str, prompt: str = PROMPT) -> Completion:
    """Call a provider in one of the shapes, and read the answer to its end."""
    if shape == "whole":
        answer: Completion = llm.complete(prompt)
        return answer
    if shape == "async":
        return asyncio.run(llm.complete_async(prompt))
    if shape == "stream":
        stream = llm.complete_stream(prompt)
        list(stream)
        result: Completion = stream.result
        return result

    async def read() -> Any:
        stream = llm.complete_stream_async(prompt)
        async for _ in stream:
            pass
        return stream.result

    return asyncio.run(read())
