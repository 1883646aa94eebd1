"""The simulator: answers requests in the place of OpenAI, Anthropic, OpenRouter, Ollama and a local server.

It speaks their wire formats, checks requests as they do, and says in its answers that it is a simulator. It opens no
socket and imports nothing of the client. Ids, times and jitter come from a hash of the request, so the same request
gives the same bytes; only stored things (files, stores, batches, responses, pulled models) make one answer depend on
earlier requests.

Two halves: wire formats (`routes` lists them) read a request into a `Conversation` and write a `Reply`; a responder
(`reply.compose`, or another one) composes the reply.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from llmlab.lab.simulator import reply
from llmlab.lab.simulator.context import Context, State
from llmlab.lab.simulator.conversation import Compose
from llmlab.lab.simulator.errors import Refused, error_body, refusal
from llmlab.lab.simulator.models import MODELS, find
from llmlab.lab.simulator.routes import route
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

logger = logging.getLogger(__name__)

_DEEPEST = 100  # levels of JSON; the services refuse a deeper body too
_NEED_KEY = ("openai", "anthropic", "openrouter")
_ONLY_OPENAI = ("/v1/responses", "/v1/files", "/v1/vector_stores", "/v1/batches")


class Simulator:
    """Five simulated services, with what they remember. Threads may share it.

    Args:
        compose: the responder.
    """

    def __init__(self, compose: Compose = reply.compose) -> None:
        self._compose = compose
        # A thread takes it twice where a batch sends requests to its own service.
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._state = State()

    def answer(self, request: TapeRequest) -> TapeAnswer:
        """Answer a request as its service does.

        Args:
            request: any request; the service's own words refuse a wrong path or body.

        Returns:
            The answer; the events of a stream have their seconds. Never raises: a bug in the simulator looks like the
            service's own error 500, and is logged.
        """
        body = _clean(request.body)
        service, path = _service_of(request, body)
        seed, query = Seed(request, body), dict(parse_qsl(request.path.partition("?")[2]))

        def send(path: str, body: Any) -> TapeAnswer:
            return self.answer(replace(request, method="POST", path=path, body=body))

        with self._lock:
            state, method = self._state, request.method.upper()
            context = Context(service, method, path, query, request.headers, body, seed, state, self._compose, send)
            try:
                answer = _answer(context, known_service=request.alias == service)
                return answer if isinstance(answer, TapeAnswer) else context.plain(answer)
            except Refused as error:
                refused = error
            except Exception:
                logger.exception("the simulator failed at %s %s", request.method, path)
                refused = Refused(500, "The simulator has failed; see the log.", "api_error")
        compatible = service == "ollama" and path.startswith("/v1/")
        return context.plain(error_body(service, refused, seed, compatible=compatible), status=refused.status)


_shared = Simulator()


def simulate(request: TapeRequest) -> TapeAnswer:
    """Answer a request with the simulator that the whole process shares; see `Simulator.answer`."""
    return _shared.answer(request)


def forget() -> None:
    """Forget what the shared simulator remembers."""
    _shared.reset()


def _answer(context: Context, *, known_service: bool) -> TapeAnswer | dict[str, Any] | None:
    service, method, path = context.service, context.method, context.path
    if (
        known_service and service in _NEED_KEY and (service, path) != ("openrouter", "/v1/models")
    ):  # that list is public
        _check_key(context)
    found = route(service, path)
    if found is None:
        raise refusal("path", service, path, method=method)
    methods, ids = found
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise refusal("method", service, path, method=method)
    return handler(replace(context, ids=ids))


def _check_key(context: Context) -> None:
    """Refuse a request without a key, or with a key that has the word wrong, invalid or bad in it."""
    kind, _, token = context.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if kind.lower() == "bearer" else ""
    key = (context.headers.get("x-api-key", "").strip() if context.service == "anthropic" else "") or bearer
    if not key or any(word in key.lower() for word in ("wrong", "invalid", "bad")):
        raise refusal("wrong key" if key else "no key", context.service, context.path)


def _service_of(request: TapeRequest, body: Any) -> tuple[str, str]:
    """Find the service of a request, and its path in that service's form."""
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
    if path.startswith(_ONLY_OPENAI):
        return "openai", path
    # Somebody's own server: the service that has the model, else a local one.
    name = body.get("model") if isinstance(body, dict) else path.removeprefix("/v1/models/")
    return next((service for service in MODELS if find(service, name)), "local_gpt_oss"), path


def _clean(body: Any) -> Any:
    """Replace unpaired surrogates, which JSON can hold and UTF-8 cannot. A body that is no JSON counts as no body."""
    try:
        text = json.dumps(body, ensure_ascii=False)
        return None if _depth(body) > _DEEPEST else json.loads(text.encode("utf-8", "replace"))
    except (TypeError, ValueError, RecursionError):
        return None


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)
