"""The paths of each service, and the function that answers each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmlab.lab.simulator import (
    anthropic_messages,
    batches,
    completions,
    embeddings,
    model_lists,
    ollama,
    openai_chat,
    openai_responses,
    stored,
    vector_stores,
)
from llmlab.lab.simulator.context import Handler, Routes

_SHARED: Routes = {**openai_chat.ROUTES, **completions.OPENAI, **embeddings.OPENAI, **model_lists.OPENAI}
_OPENAI: Routes = {**openai_responses.ROUTES, **stored.ROUTES, **batches.OPENAI, **vector_stores.ROUTES}
_HEALTH: Mapping[str, Handler] = {"GET": lambda context: {"status": "ok"}}
_ROUTES: dict[str, Routes] = {
    "openai": {**_SHARED, **_OPENAI},
    "anthropic": {**anthropic_messages.ROUTES, **batches.ANTHROPIC, **model_lists.ANTHROPIC},
    "openrouter": {**_SHARED, **model_lists.OPENROUTER},
    "ollama": {**_SHARED, **ollama.ROUTES},
    "local_gpt_oss": {**_SHARED, **completions.LLAMA_CPP, "/health": _HEALTH, "/v1/health": _HEALTH},
}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\}", "([^/]+)").replace(r"\{\*\}", "(.+)"))


_PATTERNS = {
    service: [(_pattern(path), methods) for path, methods in routes.items()] for service, routes in _ROUTES.items()
}


def route(service: str, path: str) -> tuple[Mapping[str, Handler], tuple[str, ...]] | None:
    """Return the functions of a path by method, and the ids in the path; None for an unknown path."""
    for pattern, methods in _PATTERNS[service]:
        if match := pattern.fullmatch(path):
            return methods, match.groups()
    return None
