"""The four call shapes, so that each fault can meet each of them."""

from __future__ import annotations

import asyncio
from typing import Any

from llmlab.types.completion import Completion

SHAPES = ("whole", "async", "stream", "async stream")
STREAMS = ("stream", "async stream")
PROMPT = "Tell me about café crème, déjà vu and the sea."


def asked(llm: Any, shape: str, prompt: str = PROMPT) -> Completion:
    """Ask a provider in one of the call shapes, and read the answer to its end."""
    if shape == "whole":
        answer: Completion = llm.complete(prompt)
        return answer
    if shape == "async":
        return asyncio.run(llm.complete_async(prompt))
    if shape == "stream":
        stream = llm.complete_stream(prompt)
        for _ in stream:
            pass
        result: Completion = stream.result
        return result

    async def read() -> Any:
        stream = llm.complete_stream_async(prompt)
        async for _ in stream:
            pass
        return stream.result

    return asyncio.run(read())
