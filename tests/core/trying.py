"""Providers pointed at the loopback server, and one way to ask in all four call shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

from llmlab.providers import Provider, get_provider
from llmlab.types.completion import Completion

KEY = "k3y-of-no-known-form"
NAMES = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")
SHAPES = ("complete", "complete_async", "complete_stream", "complete_stream_async")
PATHS = {
    "openai": "/v1/responses",
    "anthropic": "/v1/messages",
    "openrouter": "/api/v1/chat/completions",
    "ollama": "/api/chat",
    "local_gpt_oss": "/v1/chat/completions",
}
MODEL_PATHS = {
    "openai": "/v1/models",
    "anthropic": "/v1/models?limit=1000",
    "openrouter": "/api/v1/models",
    "ollama": "/api/tags",
    "local_gpt_oss": "/v1/models",
}


def provider(name: str, url: str, **options: Any) -> Provider:
    """Return a provider that calls `url`, with a key that no pattern knows."""
    keyed: Mapping[str, Any] = {} if name in ("ollama", "local_gpt_oss") or "client" in options else {"api_key": KEY}
    return get_provider(name, base_url=url, **{**keyed, **options})


def ask(made: Provider, shape: str, prompt: Any = "Hi", **options: Any) -> Completion:
    """Ask in one of the call shapes and return the whole answer."""
    asking = getattr(made, shape)
    if shape.endswith("_stream"):
        with made, asking(prompt, **options) as stream:
            for _ in stream:
                pass
            return cast("Completion", stream.result)
    if not shape.endswith("_stream_async"):
        return cast("Completion", call(made, shape, prompt, **options))

    async def asked() -> Completion:
        async with made, asking(prompt, **options) as pieces:
            async for _ in pieces:
                pass
        return cast("Completion", pieces.result)

    return asyncio.run(asked())


def call(made: Provider, method: str, *args: Any, **options: Any) -> Any:
    """Call a method, sync or async by its name, and close the provider."""
    if not method.endswith("_async"):
        with made:
            return getattr(made, method)(*args, **options)

    async def called() -> Any:
        async with made:
            return await getattr(made, method)(*args, **options)

    return asyncio.run(called())


def twice(method: str) -> tuple[str, str]:
    """Return the name of a method and of its async twin."""
    return method, f"{method}_async"


def spread(*dimensions: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return combinations in which every value of every dimension occurs, one for each value of the longest.

    For dimensions that do not depend on each other; where they do, a test takes the whole product. A value that is a
    tuple stands for several arguments.
    """
    listed = [list(values) for values in dimensions]
    rows = []
    for row in range(max(map(len, listed))):
        chosen = [values[(row + row // len(values)) % len(values)] for values in listed]
        rows.append(tuple(one for value in chosen for one in (value if isinstance(value, tuple) else (value,))))
    return rows
