"""Which service has which paths, and what answers them.

In a path `{}` stands for an id, and `{*}` for a name that may hold slashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from llmlab.lab.simulator import (
    anthropic,
    batches,
    catalog,
    completions,
    embeddings,
    files,
    llama_cpp,
    message_batches,
    ollama,
    ollama_models,
    openai_chat,
    openai_responses,
    openrouter,
    store_files,
    stores,
)
from llmlab.lab.simulator.context import Ask
from llmlab.lab.wire.messages import TapeAnswer

Handler: TypeAlias = Callable[[Ask], TapeAnswer]
_Routes: TypeAlias = dict[str, dict[str, Handler]]

_COMPATIBLE: _Routes = {
    "/v1/chat/completions": {"POST": openai_chat.chat},
    "/v1/completions": {"POST": completions.complete},
    "/v1/embeddings": {"POST": embeddings.openai},
    "/v1/models": {"GET": catalog.openai_list},
    "/v1/models/{*}": {"GET": catalog.openai_one},
}
_ROUTES: dict[str, _Routes] = {
    "openai": {
        **_COMPATIBLE,
        "/v1/responses": {"POST": openai_responses.responses},
        "/v1/responses/input_tokens": {"POST": openai_responses.count_tokens},
        "/v1/responses/{}": {"GET": openai_responses.response, "DELETE": openai_responses.delete},
        "/v1/files": {"POST": files.upload, "GET": files.files},
        "/v1/files/{}": {"GET": files.file, "DELETE": files.delete},
        "/v1/files/{}/content": {"GET": files.content},
        "/v1/batches": {"POST": batches.create, "GET": batches.batches},
        "/v1/batches/{}": {"GET": batches.batch},
        "/v1/batches/{}/cancel": {"POST": batches.cancel},
        "/v1/vector_stores": {"POST": stores.create, "GET": stores.stores},
        "/v1/vector_stores/{}": {"GET": stores.store, "POST": stores.update, "DELETE": stores.delete},
        "/v1/vector_stores/{}/search": {"POST": stores.search},
        "/v1/vector_stores/{}/files": {"POST": store_files.create, "GET": store_files.listed},
        "/v1/vector_stores/{}/files/{}": {
            "GET": store_files.one,
            "POST": store_files.update,
            "DELETE": store_files.delete,
        },
        "/v1/vector_stores/{}/files/{}/content": {"GET": store_files.content},
        "/v1/vector_stores/{}/file_batches": {"POST": store_files.create_batch},
        "/v1/vector_stores/{}/file_batches/{}": {"GET": store_files.batch},
        "/v1/vector_stores/{}/file_batches/{}/cancel": {"POST": store_files.batch},
        "/v1/vector_stores/{}/file_batches/{}/files": {"GET": store_files.batch_files},
    },
    "anthropic": {
        "/v1/messages": {"POST": anthropic.messages},
        "/v1/messages/count_tokens": {"POST": anthropic.count_tokens},
        "/v1/messages/batches": {"POST": message_batches.create, "GET": message_batches.batches},
        "/v1/messages/batches/{}": {"GET": message_batches.batch, "DELETE": message_batches.delete},
        "/v1/messages/batches/{}/cancel": {"POST": message_batches.cancel},
        "/v1/messages/batches/{}/results": {"GET": message_batches.results},
        "/v1/models": {"GET": catalog.anthropic_list},
        "/v1/models/{*}": {"GET": catalog.anthropic_one},
    },
    "openrouter": {
        "/v1/chat/completions": {"POST": openai_chat.chat},
        "/v1/embeddings": {"POST": embeddings.openai},
        "/v1/models": {"GET": openrouter.models},
        "/v1/completions": {"POST": completions.complete},
        "/v1/key": {"GET": openrouter.key},
    },
    "ollama": {
        **_COMPATIBLE,
        "/api/chat": {"POST": ollama.chat},
        "/api/generate": {"POST": ollama.generate},
        "/api/embed": {"POST": embeddings.ollama},
        "/api/tags": {"GET": ollama_models.tags},
        "/api/show": {"POST": ollama_models.show},
        "/api/ps": {"GET": ollama_models.ps},
        "/api/pull": {"POST": ollama_models.pull},
        "/api/delete": {"DELETE": ollama_models.delete},
        "/api/version": {"GET": ollama_models.version},
    },
    "local_gpt_oss": {
        **_COMPATIBLE,
        # A path without /v1 is read as if it had one.
        "/v1/completion": {"POST": llama_cpp.complete},
        "/health": {"GET": catalog.health},
        "/v1/health": {"GET": catalog.health},
    },
}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\}", "([^/]+)").replace(r"\{\*\}", "(.+)"))


_PATTERNS = {
    service: [(_pattern(path), methods) for path, methods in routes.items()] for service, routes in _ROUTES.items()
}


def route(service: str, path: str) -> tuple[dict[str, Handler], tuple[str, ...]] | None:
    """Find what answers a path: the handlers by method, and the ids in the path; nothing for an unknown path."""
    for pattern, methods in _PATTERNS[service]:
        if match := pattern.fullmatch(path):
            return methods, match.groups()
    return None
