"""The paths of each service, and the function that answers each.

In a path `{}` stands for an id, and `{*}` for a name that may hold slashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from llmlab.lab.simulator import (
    anthropic_messages,
    batches,
    completions,
    embeddings,
    files,
    model_lists,
    ollama,
    ollama_models,
    openai_chat,
    openai_responses,
    vector_stores,
)
from llmlab.lab.simulator.context import Context
from llmlab.lab.wire.messages import TapeAnswer

Handler: TypeAlias = Callable[[Context], TapeAnswer]
_Routes: TypeAlias = dict[str, dict[str, Handler]]

_OPENAI_FORM: _Routes = {
    "/v1/chat/completions": {"POST": openai_chat.chat},
    "/v1/completions": {"POST": completions.create},
    "/v1/embeddings": {"POST": embeddings.openai_embeddings},
    "/v1/models": {"GET": model_lists.openai_models},
    "/v1/models/{*}": {"GET": model_lists.openai_model},
}
_STORE = "/v1/vector_stores/{}"
_ROUTES: dict[str, _Routes] = {
    "openai": {
        **_OPENAI_FORM,
        "/v1/responses": {"POST": openai_responses.create},
        "/v1/responses/input_tokens": {"POST": openai_responses.count_tokens},
        "/v1/responses/{}": {"GET": openai_responses.retrieve, "DELETE": openai_responses.delete},
        "/v1/files": {"POST": files.upload, "GET": files.list_files},
        "/v1/files/{}": {"GET": files.retrieve, "DELETE": files.delete},
        "/v1/files/{}/content": {"GET": files.content},
        "/v1/batches": {"POST": batches.create, "GET": batches.list_batches},
        "/v1/batches/{}": {"GET": batches.retrieve},
        "/v1/batches/{}/cancel": {"POST": batches.cancel},
        "/v1/vector_stores": {"POST": vector_stores.create, "GET": vector_stores.list_stores},
        _STORE: {"GET": vector_stores.retrieve, "POST": vector_stores.update, "DELETE": vector_stores.delete},
        f"{_STORE}/search": {"POST": vector_stores.search},
        f"{_STORE}/files": {"POST": vector_stores.add_file, "GET": vector_stores.list_files},
        f"{_STORE}/files/{{}}": {"GET": vector_stores.retrieve_file, "DELETE": vector_stores.delete_file},
        f"{_STORE}/file_batches": {"POST": vector_stores.create_batch},
        f"{_STORE}/file_batches/{{}}": {"GET": vector_stores.batch},
        f"{_STORE}/file_batches/{{}}/cancel": {"POST": vector_stores.batch},
        f"{_STORE}/file_batches/{{}}/files": {"GET": vector_stores.batch_files},
    },
    "anthropic": {
        "/v1/messages": {"POST": anthropic_messages.create},
        "/v1/messages/count_tokens": {"POST": anthropic_messages.count_tokens},
        "/v1/messages/batches": {"POST": batches.create_messages, "GET": batches.list_messages},
        "/v1/messages/batches/{}": {"GET": batches.retrieve_messages, "DELETE": batches.delete_messages},
        "/v1/messages/batches/{}/cancel": {"POST": batches.cancel_messages},
        "/v1/messages/batches/{}/results": {"GET": batches.results_of_messages},
        "/v1/models": {"GET": model_lists.anthropic_models},
        "/v1/models/{*}": {"GET": model_lists.anthropic_model},
    },
    "openrouter": {**_OPENAI_FORM, "/v1/models": {"GET": model_lists.openrouter_models}},
    "ollama": {
        **_OPENAI_FORM,
        "/api/chat": {"POST": ollama.chat},
        "/api/generate": {"POST": ollama.generate},
        "/api/embed": {"POST": embeddings.ollama_embed},
        "/api/tags": {"GET": ollama_models.tags},
        "/api/show": {"POST": ollama_models.show},
        "/api/ps": {"GET": ollama_models.ps},
        "/api/pull": {"POST": ollama_models.pull},
        "/api/delete": {"DELETE": ollama_models.delete},
        "/api/version": {"GET": ollama_models.version},
    },
    "local_gpt_oss": {
        **_OPENAI_FORM,
        "/v1/completion": {"POST": completions.llama_cpp},  # a path without /v1 reads as one with it
        "/health": {"GET": model_lists.health},
        "/v1/health": {"GET": model_lists.health},
    },
}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\}", "([^/]+)").replace(r"\{\*\}", "(.+)"))


_PATTERNS = {
    service: [(_pattern(path), methods) for path, methods in routes.items()] for service, routes in _ROUTES.items()
}


def route(service: str, path: str) -> tuple[dict[str, Handler], tuple[str, ...]] | None:
    """Return the functions of a path by method, and the ids in the path; None for an unknown path."""
    for pattern, methods in _PATTERNS[service]:
        if match := pattern.fullmatch(path):
            return methods, match.groups()
    return None
