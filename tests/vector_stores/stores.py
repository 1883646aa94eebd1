"""Stores of both kinds, and one way to do something sync or async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import llmlab
from llmlab.toolkit.vector_stores import HostedVectorStore, LocalVectorStore, VectorStore

KINDS = ("hosted", "local")


def made(kind: str, name: str = "house") -> VectorStore:
    """Return an empty store."""
    if kind == "hosted":
        return HostedVectorStore.create(name, llmlab.get_provider("openai", max_retries=0))
    return LocalVectorStore(name, llmlab.get_provider("ollama", max_retries=0))


def do(shape: str, store: Any, method: str, *args: Any, **options: Any) -> Any:
    """Call a method of a store, or its async twin."""
    if shape == "sync":
        return getattr(store, method)(*args, **options)
    twin: Callable[..., Coroutine[Any, Any, Any]] = getattr(store, f"{method}_async")

    async def called() -> Any:
        try:
            return await twin(*args, **options)
        finally:
            # A connection cannot outlive its loop.
            for used in (getattr(store, "_provider", None), *args):
                if isinstance(used, llmlab.Provider):
                    await used.aclose()

    return asyncio.run(called())


def told(shape: str, store: VectorStore, provider: Any, question: str, **options: Any) -> Any:
    """Have a model answer from a store in one of the four call shapes."""
    if shape in ("sync", "async"):
        return do(shape, store, "answer", provider, question, **options)
    if shape == "stream":
        with store.answer_stream(provider, question, **options) as stream:
            assert "".join(str(chunk) for chunk in stream)
        return stream.result

    async def read() -> Any:
        async with store.answer_stream_async(provider, question, **options) as pieces:
            assert "".join([str(chunk) async for chunk in pieces])
        return pieces.result

    return asyncio.run(read())
