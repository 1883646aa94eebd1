"""The simulator: answers a request in the place of OpenAI, Anthropic, OpenRouter, Ollama or a local server.

It speaks their wire formats, checks requests as they do, and says in its answers that it is a simulator. It opens no
socket and knows nothing of the rest of the package. Ids, times and jitter come from a hash of the request, so the same
request gives the same bytes; only what a service keeps (files, stores, batches, answers, pulled models) makes one
answer depend on the requests before it.

`routes` says what answers which path; `brain` decides what is said, `models` which models there are, `pace` how
fast they are, `state` what is remembered.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.errors import Refused, check_key, error_body, unknown_path, wrong_method
from llmlab.lab.simulator.models import MODELS, find
from llmlab.lab.simulator.routes import route
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.state import State
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

logger = logging.getLogger(__name__)

_DEEPEST = 100  # levels of JSON; the services refuse such bodies, too
_ONLY_OPENAI = ("/v1/responses", "/v1/files", "/v1/vector_stores", "/v1/batches")


class Simulator:
    """Five simulated services, with what they remember. Threads may share it.

    Args:
        free_requests: how many requests OpenRouter's free models answer before they say 429; None for no limit.
    """

    def __init__(self, *, free_requests: int | None = None) -> None:
        self._free_requests = free_requests
        # Answering is plain computing, which threads cannot do at the same time anyway; so one lock costs nothing.
        # The same thread takes it again where a batch asks its own service.
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._state = State(self._free_requests)

    def answer(self, request: TapeRequest) -> TapeAnswer:
        """Answer a request as the service would that it was meant for.

        Args:
            request: any request; a path or a body that the service would refuse is refused in its words.

        Returns:
            The answer, with its stream's events timed from the request. Never raises: should the simulator itself
            fail, that looks like the service's own error 500, and the reason is logged.
        """
        body = _clean(request.body)
        seed = Seed(request, body)
        service, path = _whose(request, body)
        query = dict(parse_qsl(request.path.partition("?")[2]))

        def send(path: str, body: Any) -> TapeAnswer:
            return self.answer(replace(request, method="POST", path=path, body=body))

        with self._lock:
            ask = Ask(service, request.method.upper(), path, request.headers, body, seed, self._state, send, query)
            try:
                return _route(ask, named=request.alias == service)
            except Refused as error:
                refused = error
            except Exception:
                logger.exception("the simulator failed at %s %s", request.method, path)
                refused = Refused(500, "The simulator has failed; see the log.", "api_error")
        compatible = service == "ollama" and path.startswith("/v1/")
        answer = ask.plain(error_body(service, refused, seed, compatible=compatible), status=refused.status)
        return replace(answer, headers=answer.headers | refused.headers)


_default = Simulator()


def simulate(request: TapeRequest) -> TapeAnswer:
    """Answer a request with the simulator that the whole process shares; see `Simulator.answer`."""
    return _default.answer(request)


def _route(ask: Ask, *, named: bool) -> TapeAnswer:
    if named and (ask.service, ask.path) != ("openrouter", "/v1/models"):  # that list is public
        check_key(ask.service, ask.path, _key(ask))
    found = route(ask.service, ask.path)
    if found is None:
        raise unknown_path(ask.service, ask.method, ask.path)
    methods, names = found
    handler = methods.get("GET" if ask.method == "HEAD" else ask.method)
    if handler is None:
        raise wrong_method(ask.service, ask.method, ask.path)
    return handler(replace(ask, names=names))


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
    if path.startswith(_ONLY_OPENAI):
        return "openai", path
    # Somebody's own server: the one whose model is asked for, else a local one.
    name = body.get("model") if isinstance(body, dict) else path.removeprefix("/v1/models/")
    return next((service for service in MODELS if find(service, name)), "local_gpt_oss"), path


def _clean(body: Any) -> Any:
    """Replace halves of characters, which JSON can hold and UTF-8 cannot; what is no JSON counts as no body."""
    try:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None
    if _too_deep(body):
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-8", "replace").decode("utf-8"))
    return body


def _too_deep(body: Any) -> bool:
    level = [body]
    for _ in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [item for items in inner for item in items]
        if not level:
            return False
    return True
