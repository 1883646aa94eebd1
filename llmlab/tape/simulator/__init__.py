"""The simulator: answers a request in the place of OpenAI, Anthropic, OpenRouter, Ollama or a local server.

It speaks their wire formats, checks requests as they do, and says in its answers that it is a simulator. It is
deterministic (ids, times and jitter come from a hash of the request), opens no socket and knows nothing of the rest
of the package. One file per wire format; `brain` decides what is said, `models` which models there are, `pace` how
fast they are.

Left out for now: files, vector stores, batches, legacy completions, and the pulling of models.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from llmlab.tape.exchange import TapeAnswer, TapeRequest
from llmlab.tape.simulator import anthropic, catalog, embeddings, ollama, openai_chat, openai_responses
from llmlab.tape.simulator.ask import Ask
from llmlab.tape.simulator.errors import Refused, check_key, error_body, unknown_path, wrong_method
from llmlab.tape.simulator.models import MODELS, find
from llmlab.tape.simulator.seed import Seed

logger = logging.getLogger(__name__)

_Handler = Callable[[Ask], TapeAnswer]

_COMPATIBLE: dict[str, dict[str, _Handler]] = {
    "/v1/chat/completions": {"POST": openai_chat.chat},
    "/v1/embeddings": {"POST": embeddings.openai},
    "/v1/models": {"GET": catalog.openai_list},
    "/v1/models/": {"GET": catalog.openai_one},
}
_ROUTES: dict[str, dict[str, dict[str, _Handler]]] = {
    "openai": {
        **_COMPATIBLE,
        "/v1/responses": {"POST": openai_responses.responses},
        "/v1/responses/input_tokens": {"POST": openai_responses.count_tokens},
    },
    "anthropic": {
        "/v1/messages": {"POST": anthropic.messages},
        "/v1/messages/count_tokens": {"POST": anthropic.count_tokens},
        "/v1/models": {"GET": catalog.anthropic_list},
        "/v1/models/": {"GET": catalog.anthropic_one},
    },
    "openrouter": {
        "/v1/chat/completions": {"POST": openai_chat.chat},
        "/v1/embeddings": {"POST": embeddings.openai},
        "/v1/models": {"GET": catalog.openrouter_list},
    },
    "ollama": {
        **_COMPATIBLE,
        "/api/chat": {"POST": ollama.chat},
        "/api/generate": {"POST": ollama.generate},
        "/api/embed": {"POST": embeddings.ollama},
        "/api/tags": {"GET": catalog.tags},
        "/api/show": {"POST": catalog.show},
        "/api/ps": {"GET": catalog.ps},
        "/api/version": {"GET": catalog.version},
    },
    "local_gpt_oss": {**_COMPATIBLE, "/health": {"GET": catalog.health}, "/v1/health": {"GET": catalog.health}},
}


def simulate(request: TapeRequest) -> TapeAnswer:
    """Answer a request as the service would that it was meant for.

    Args:
        request: any request; a path or a body that the service would refuse is refused in its words.

    Returns:
        The answer, with its stream's events timed from the request. Never raises: should the simulator itself fail,
        that looks like the service's own error 500, and the reason is logged.
    """
    body = _clean(request.body)
    seed = Seed(request, body)
    service, path = _whose(request, body)
    ask = Ask(service, request.method.upper(), path, request.headers, body, seed)
    try:
        return _route(ask, named=request.alias == service)
    except Refused as error:
        refused = error
    except Exception:
        logger.exception("the simulator failed at %s %s", request.method, path)
        refused = Refused(500, "The simulator has failed; see the log.", "api_error")
    compatible = service == "ollama" and path.startswith("/v1/")
    return ask.plain(error_body(service, refused, seed, compatible=compatible), status=refused.status)


def _route(ask: Ask, *, named: bool) -> TapeAnswer:
    routes = _ROUTES[ask.service]
    wanted = "/v1/models/" if ask.path.startswith("/v1/models/") else ask.path
    if named and not (ask.service == "openrouter" and wanted == "/v1/models"):  # that list is public
        check_key(ask.service, ask.path, _key(ask))
    if wanted not in routes:
        raise unknown_path(ask.service, ask.method, ask.path)
    handler = routes[wanted].get("GET" if ask.method == "HEAD" else ask.method)
    if handler is None:
        raise wrong_method(ask.service, ask.method, ask.path)
    return handler(ask)


def _key(ask: Ask) -> str:
    """Read the key; only whether there is one, and whether it calls itself wrong, is ever used."""
    kind, _, token = ask.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if kind.lower() == "bearer" else ""
    return ask.headers.get("x-api-key", "").strip() or bearer if ask.service == "anthropic" else bearer


def _whose(request: TapeRequest, body: Any) -> tuple[str, str]:
    """Tell which service is meant, and give the path in that service's form."""
    path = unquote(request.path.partition("?")[0].rstrip("/")) or "/"
    if path.startswith("/api/v1"):
        return (request.alias if request.alias in MODELS else "openrouter"), path.removeprefix("/api")
    if not path.startswith(("/v1", "/api", "/health")):
        path = f"/v1{path}"  # a base URL without its /v1
    if request.alias in MODELS:
        return request.alias, path
    if path.startswith("/api/"):
        return "ollama", path
    if path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return "anthropic", path
    if path.startswith("/v1/responses"):
        return "openai", path
    # Somebody's own server: the one whose model is asked for, else a local one.
    name = body.get("model") if isinstance(body, dict) else path.removeprefix("/v1/models/")
    return next((service for service in MODELS if find(service, name)), "local_gpt_oss"), path


def _clean(body: Any) -> Any:
    """Replace halves of characters, which JSON can hold and UTF-8 cannot."""
    try:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-8", "replace").decode("utf-8"))
    except (TypeError, ValueError, RecursionError):  # not JSON, or nested without end: as if there were no body
        return None
    return body
