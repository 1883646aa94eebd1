"""How each service refuses a request that is right: its words, its status, its headers.

The words are those of the services; no organisation, key or address is in them. Local servers have no accounts, so the
words of a proxy before them stand in for those that they lack. `error_body` of the simulator writes the bodies.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any, Final, TypeAlias

from llmlab.lab.faults.catalog import Fault
from llmlab.lab.simulator.errors import Refused, error_body, request_id
from llmlab.lab.simulator.models import MODELS
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

SECONDS: Final = 0.2
"""Seconds until a service refuses."""

Refusal: TypeAlias = tuple[int, str, str, str]
"""Status, message, type and code of the error. Each service writes those that its format has."""

_DEPRECATED = "The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
_BAD_KEY = (
    "Incorrect API key provided: ********. You can find your API key at https://platform.openai.com/account/api-keys."
)
_COUNTRY = "Country, region, or territory not supported"
_RATE_LIMIT = (
    "Rate limit reached for {model} on requests per min (RPM): Limit 500, Used 500, Requested 1. "
    "Please try again later."
)
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase "
    "credits."
)
_FAILED = "The server had an error while processing your request. Sorry about that!"
_OVERLOADED = "Our servers are currently overloaded. Please try again later."
_PERMISSION = "Your API key does not have permission to use the specified resource."
_PER_MINUTE = "This request would exceed your organization's rate limit of 50 requests per minute."

_OTHER: Final[Mapping[str, Refusal]] = {
    "unauthorized": (401, "Invalid API Key", "authentication_error", ""),
    "forbidden": (403, "forbidden", "permission_error", ""),
    "not_found": (404, "model '{model}' not found", "not_found_error", ""),
    "rate_limit": (429, "too many requests", "rate_limit_error", ""),
    "quota": (402, "the quota of this server is used up", "insufficient_quota", ""),
    "server_error": (500, "Internal server error", "api_error", ""),
    "overloaded": (503, "Loading model", "unavailable_error", ""),
}
_OWN: Final[Mapping[str, Mapping[str, Refusal]]] = {
    "openai": {
        "unauthorized": (401, _BAD_KEY, "invalid_request_error", "invalid_api_key"),
        "forbidden": (403, _COUNTRY, "request_forbidden", "unsupported_country_region_territory"),
        "not_found": (404, _DEPRECATED, "invalid_request_error", "model_not_found"),
        "rate_limit": (429, _RATE_LIMIT, "requests", "rate_limit_exceeded"),
        "quota": (429, _QUOTA, "insufficient_quota", "insufficient_quota"),
        "server_error": (500, _FAILED, "server_error", ""),
        "overloaded": (503, _OVERLOADED, "service_unavailable_error", "server_is_overloaded"),
    },
    "anthropic": {
        "unauthorized": (401, "invalid x-api-key", "authentication_error", ""),
        "forbidden": (403, _PERMISSION, "permission_error", ""),
        "not_found": (404, "model: {model}", "not_found_error", ""),
        "rate_limit": (429, _PER_MINUTE, "rate_limit_error", ""),
        "quota": (400, _CREDIT, "invalid_request_error", ""),
        "overloaded": (529, "Overloaded", "overloaded_error", ""),
    },
    "openrouter": {
        "unauthorized": (401, "User not found.", "", ""),
        "forbidden": (403, "Key limit exceeded (total limit). Manage it in the settings of your keys.", "", ""),
        "not_found": (400, "{model} is not a valid model ID", "", ""),
        "rate_limit": (429, "Rate limit exceeded: free-models-per-min.", "", ""),
        "quota": (402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits", "", ""),
        "server_error": (500, "Internal Server Error", "", ""),
        "overloaded": (503, "Provider returned error", "", ""),
    },
    "ollama": {
        "unauthorized": (401, "unauthorized", "", ""),
        "server_error": (500, "model runner has unexpectedly stopped", "", ""),
        "overloaded": (503, "server busy, please try again.  maximum pending requests exceeded", "", ""),
    },
}
REFUSALS: Final = tuple(_OTHER)


def refuse(fault: Fault, request: TapeRequest) -> TapeAnswer:
    """Return the answer with which the service of this request refuses it.

    Args:
        fault: one of `REFUSALS`.
        request: the request.
    """
    service = service_of(request)
    answer = _answer(fault.name, service, request)
    headers = {"content-type": "application/json"}
    if service in ("openai", "anthropic"):
        name = "x-request-id" if service == "openai" else "request-id"
        headers[name] = request_id(service, Seed(request, request.body))
    if service == "openai":
        headers["openai-version"] = "2020-10-01"
    if fault.name == "rate_limit":
        headers |= _limits(service) | _retry_after(fault.arguments["retry_after"], fault.arguments["as_date"])
    return replace(answer, headers=headers)


def break_off(request: TapeRequest, number: int) -> dict[str, Any]:
    """Return the event with which a stream that began with 200 says that the service is overloaded.

    Args:
        request: the request that the stream answers.
        number: index of the event in the stream.
    """
    service = service_of(request)
    body: dict[str, Any] = _answer("overloaded", service, request).body
    if "/responses" in request.path:
        return {"type": "error", "sequence_number": number, **body}
    if service == "openrouter":
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"}
        return {"object": "chat.completion.chunk", "choices": [choice], **body}
    return body


def service_of(request: TapeRequest) -> str:
    """Return the service whose words to use; for an unknown server, the one with the same wire format."""
    if request.alias in MODELS:
        return request.alias
    if request.path.startswith("/api/"):
        return "openrouter" if request.path.startswith("/api/v1") else "ollama"
    return "anthropic" if "/messages" in request.path or "anthropic-version" in request.headers else "openai"


def model_of(request: TapeRequest) -> str | None:
    """Return the model that a request names, or None."""
    name = request.body.get("model") if isinstance(request.body, dict) else None
    if name is None and "/models/" in request.path:
        name = request.path.partition("?")[0].rpartition("/models/")[2]
    return name if isinstance(name, str) else None


def _answer(fault: str, service: str, request: TapeRequest) -> TapeAnswer:
    status, message, kind, code = _OWN.get(service, {}).get(fault, _OTHER[fault])
    refused = Refused(status, message.replace("{model}", model_of(request) or "requests"), kind, code=code or None)
    compatible = service == "ollama" and not request.path.startswith("/api/")  # Ollama's paths in OpenAI's format
    body = error_body(service, refused, Seed(request, request.body), compatible=compatible)
    return TapeAnswer(status, {}, body, seconds=SECONDS, source="simulated")


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
    # A client reads the date against the clock of the service, so the answer shows that clock.
    now = int(time.time())
    return {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + value, usegmt=True)}
