"""How each service says no when it is not the request's fault: its words, its status, its headers.

The bodies are written by the simulator's own `error_body`. The words are those that one meets at the services; no
organisation, key or address is ever in them. Local servers have no accounts, so what a proxy before them would say
stands in for what they never say themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, Final

from llmlab.lab.faults.catalog import Fault
from llmlab.lab.simulator.errors import Refused, check_key, error_body, request_id, unknown_model
from llmlab.lab.simulator.models import MODELS
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

SECONDS: Final = 0.2
"""How long a service takes to say no."""


def refuse(fault: Fault, request: TapeRequest) -> TapeAnswer:
    """Return the answer by which the service of this request says no.

    Args:
        fault: one of unauthorized, forbidden, not_found, rate_limit, quota, server_error and overloaded.
        request: what is refused.
    """
    service, seed = service_of(request), Seed(request, request.body)
    refused = REFUSALS[fault.name](service, request)
    headers = {"content-type": "application/json", **_headers(service, seed), **refused.headers}
    if fault.name == "rate_limit":
        headers |= _limits(service) | _retry_after(fault.arguments["retry_after"], fault.arguments["as_date"])
    body = error_body(service, refused, seed, compatible=is_compatible(service, request))
    return TapeAnswer(refused.status, headers, body, seconds=SECONDS, source="simulated")


def break_off(request: TapeRequest, number: int) -> dict[str, Any]:
    """Return the event by which a stream that began with 200 says that the service has too much to do.

    Args:
        request: what the stream answers.
        number: of the event in the stream, from 0.
    """
    service, seed = service_of(request), Seed(request, request.body)
    body = error_body(service, _overloaded(service, request), seed, compatible=is_compatible(service, request))
    if "/responses" in request.path:
        return {"type": "error", "sequence_number": number, **body}
    if service == "openrouter":
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"}
        return {"object": "chat.completion.chunk", "choices": [choice], **body}
    return body


def service_of(request: TapeRequest) -> str:
    """Return which service's words to use; for a server that the lab does not know, those of its wire format."""
    if request.alias in MODELS:
        return request.alias
    if request.path.startswith("/api/"):
        return "openrouter" if request.path.startswith("/api/v1") else "ollama"
    return "anthropic" if "/messages" in request.path or "anthropic-version" in request.headers else "openai"


def is_compatible(service: str, request: TapeRequest) -> bool:
    """Whether this is one of Ollama's paths that speak as OpenAI does."""
    return service == "ollama" and not request.path.startswith("/api/")


def model_of(request: TapeRequest) -> str | None:
    """Return the model that a request names, if it names one."""
    name = request.body.get("model") if isinstance(request.body, dict) else None
    if name is None and "/models/" in request.path:
        name = request.path.partition("?")[0].rpartition("/models/")[2]
    return name if isinstance(name, str) else None


def _unauthorized(service: str, request: TapeRequest) -> Refused:
    try:
        check_key(service, request.path, "wrong")
    except Refused as refused:
        return refused
    return Refused(401, "unauthorized" if service == "ollama" else "Invalid API Key", "authentication_error")


def _forbidden(service: str, request: TapeRequest) -> Refused:
    if service == "openai":
        code = "unsupported_country_region_territory"
        return Refused(403, "Country, region, or territory not supported", "request_forbidden", code=code)
    words = {
        "anthropic": "Your API key does not have permission to use the specified resource.",
        "openrouter": "Key limit exceeded (total limit). Manage it in the settings of your keys.",
    }
    return Refused(403, words.get(service, "forbidden"), "permission_error")


def _not_found(service: str, request: TapeRequest) -> Refused:
    model = model_of(request) or "unknown"
    if service != "openai":
        return unknown_model(service, request.path, model)
    where = "learn more here: https://platform.openai.com/docs/deprecations"
    return Refused(404, f"The model `{model}` has been deprecated, {where}", code="model_not_found")


def _rate_limit(service: str, request: TapeRequest) -> Refused:
    if service == "openai":
        words = (
            f"Rate limit reached for {model_of(request) or 'requests'} on requests per min (RPM): Limit 500, Used 500, "
        )
        return Refused(429, f"{words}Requested 1. Please try again later.", "requests", code="rate_limit_exceeded")
    words = {
        "anthropic": "This request would exceed your organization's rate limit of 50 requests per minute.",
        "openrouter": "Rate limit exceeded: free-models-per-min.",
    }.get(service, "too many requests")
    return Refused(429, words, "rate_limit_error")


def _quota(service: str, request: TapeRequest) -> Refused:
    if service == "openai":
        words = (
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
        )
        return Refused(429, words, "insufficient_quota", code="insufficient_quota")
    if service == "anthropic":
        words = "Your credit balance is too low to access the Anthropic API."
        return Refused(400, f"{words} Please go to Plans & Billing to upgrade or purchase credits.")
    if service == "openrouter":
        return Refused(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits")
    return Refused(402, "the quota of this server is used up", "insufficient_quota")


def _server_error(service: str, request: TapeRequest) -> Refused:
    if service == "openai":
        words = "The server had an error while processing your request. Sorry about that!"
        return Refused(500, words, "server_error")
    said = {"ollama": "model runner has unexpectedly stopped", "openrouter": "Internal Server Error"}
    return Refused(500, said.get(service, "Internal server error"), "api_error")


def _overloaded(service: str, request: TapeRequest) -> Refused:
    if service == "anthropic":
        return Refused(529, "Overloaded", "overloaded_error")
    if service == "openai":
        words = "Our servers are currently overloaded. Please try again later."
        return Refused(503, words, "service_unavailable_error", code="server_is_overloaded")
    said = {
        "ollama": "server busy, please try again.  maximum pending requests exceeded",
        "openrouter": "Provider returned error",
    }
    return Refused(503, said.get(service, "Loading model"), "unavailable_error")


REFUSALS: Final[Mapping[str, Callable[[str, TapeRequest], Refused]]] = {
    "unauthorized": _unauthorized,
    "forbidden": _forbidden,
    "not_found": _not_found,
    "rate_limit": _rate_limit,
    "quota": _quota,
    "server_error": _server_error,
    "overloaded": _overloaded,
}


def _headers(service: str, seed: Seed) -> dict[str, str]:
    if service == "openai":
        return {"x-request-id": request_id(service, seed), "openai-version": "2020-10-01"}
    return {"request-id": request_id(service, seed)} if service == "anthropic" else {}


def _limits(service: str) -> dict[str, str]:
    if service == "openai":
        return {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "0"}
    if service == "anthropic":
        return {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "0"}
    return {}


def _retry_after(value: float | str | None, as_date: bool) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"retry-after": value}
    if not as_date:
        return {"retry-after": f"{value:g}"}
    # A date is told against the clock of the service, which it therefore shows.
    now = int(time.time())
    return {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + value, usegmt=True)}
