"""Error bodies of all services, read as an `LLMError`.

Known are `{"error": {"message", "type", "code"}}` (OpenAI, OpenRouter, compatible servers), the same inside
`{"type": "error", …}` (Anthropic), `{"error": "text"}` (Ollama) and `{"detail": …}` (servers built on FastAPI). They
come with an error status, inside an answer with status 200, and in the middle of a stream.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from llmlab.errors import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    ModelNotFoundError,
    StoreNotFoundError,
)
from llmlab.formats.parsing import items, mapping, text

_STATUS = {
    name: status
    for status, names in {
        400: "invalid_request_error invalid_prompt",
        401: "authentication_error invalid_api_key",
        403: "permission_error",
        404: "not_found_error model_not_found",
        413: "request_too_large",
        429: "rate_limit_exceeded rate_limit_error tokens requests insufficient_quota",
        500: "api_error server_error",
        503: "server_is_overloaded service_unavailable_error unavailable_error",
        504: "timeout_error",
        529: "overloaded_error",
    }.items()
    for name in names.split()
}
"""The HTTP status of a code or type, for an error that comes without a status."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the service reported it.

    Args:
        message: the service's text.
        code: the error's code, or its type where it has no code.
        kind: the error's type.
        request_id: the service's identifier of the request, where the body holds one.
    """

    message: str
    code: str | int | None = None
    kind: str = ""
    request_id: str | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status of this error, if its code or type has one."""
        if isinstance(self.code, int) and 400 <= self.code < 600:
            return self.code
        return _STATUS.get(str(self.code)) or _STATUS.get(self.kind)


def find_problem(body: object) -> Problem | None:
    """Return the error in a body or in an event of a stream; None without one."""
    if not isinstance(body, dict):
        return None
    error = body.get("error") or body.get("detail")
    if not error and isinstance(choices := body.get("choices"), list):
        for choice in choices:
            if isinstance(choice, dict):
                error = error or choice.get("error")
    if not error:
        return None
    if isinstance(error, str):
        return Problem(error)
    if isinstance(error, list):
        return Problem("; ".join(text(item.get("msg")) for item in items(error)) or str(error))
    inner = mapping(error)
    code, kind = inner.get("code"), text(inner.get("type"))
    message = text(inner.get("message")) or kind or "the service gave no reason"
    if upstream := text(mapping(inner.get("metadata")).get("raw")):
        # OpenRouter passes on the error of the provider behind it.
        message += f": {upstream}"
    return Problem(
        message,
        code if isinstance(code, (str, int)) else kind or None,
        kind,
        text(body.get("request_id")) or None,
    )


def stream_error(problem: Problem) -> LLMStreamError:
    """Return the error for a problem in the middle of a stream. The stream adds the text received so far."""
    return LLMStreamError(problem.message, status_code=problem.status, code=problem.code, request_id=problem.request_id)


def to_error(
    status: int,
    headers: Mapping[str, str],
    body: object,
    *,
    provider: str,
    model: str = "",
    secrets: Iterable[str] = (),
) -> LLMError:
    """Map an error response to an `LLMError`.

    Args:
        status: HTTP status; 200 where the error came inside a normal answer.
        headers: names in lower case.
        body: parsed JSON, or the text where it is not JSON.
        provider: the provider's name.
        model: the model of the request.
        secrets: keys that must not appear, even if the service repeats them.
    """
    problem = find_problem(body) or Problem(" ".join(str(body or "").split())[:200] or "no reason was given")
    # OpenRouter sends errors inside a 200, and the status that it means in the body.
    actual = status if status >= 400 else problem.status
    details: dict[str, Any] = {
        "provider": provider,
        "status_code": actual or status,
        "request_id": headers.get("x-request-id") or headers.get("request-id") or problem.request_id,
        "code": problem.code,
        "retry_after": retry_after(headers),
        "secrets": secrets,
    }
    message = problem.message.rstrip()
    summary = f"{provider} answered {status}: {message}" + ("" if message.endswith((".", "!", "?")) else ".")
    kind, step = _kind_and_step(actual or 500, problem, bool(model), details["retry_after"])
    if kind is ModelNotFoundError:
        details["model"] = model
    return kind(f"{summary} {step}".rstrip(), **details)


def _kind_and_step(status: int, problem: Problem, has_model: bool, wait: float | None) -> tuple[type[LLMError], str]:
    """Return the class of an error, and what to do next."""
    words = problem.message.lower()
    # OpenRouter answers 400 and "… is not a valid model ID".
    missing = status == 404 and has_model and "model" in words
    if missing or problem.code == "model_not_found" or "not a valid model" in words:
        return ModelNotFoundError, ""
    if status == 404 and "vector store" in words and "file" not in words:
        step = "HostedVectorStore.list_stores() lists the stores, HostedVectorStore.create(name) creates one."
        return StoreNotFoundError, step
    if problem.code == "insufficient_quota" and status == 429:
        return LLMRateLimitError, "Check the plan and the billing of the account."
    if status == 429:
        return LLMRateLimitError, f"Wait {'a little' if wait is None else f'{wait:g} s'}, then try again."
    return _NEXT_STEPS.get(status, (LLMAPIError, "The fault is the service's; try again later."))


_CHANGE = (LLMInvalidRequestError, "Change the request; the same one would fail again.")
_KEY = (LLMAuthenticationError, "Check the key in .env; python3 -m llmlab doctor shows what is set.")
_NEXT_STEPS: dict[int, tuple[type[LLMError], str]] = {
    **dict.fromkeys((400, 404, 405, 413, 415, 422), _CHANGE),
    **dict.fromkeys((401, 403), _KEY),
    402: (LLMAPIError, "Add credit to the account, or choose a free model."),
}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait before the next try, or None.

    `retry-after-ms` is OpenAI's; `retry-after` holds seconds or a date (RFC 9110, section 10.2.3). A date follows the
    clock of the service, which its `date` header shows; the clock here may be wrong.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            return max(0.0, float(value) / unit)
        except ValueError:
            if not value:
                continue
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - service_time(headers))
        except ValueError:
            continue
    return None


def service_time(headers: Mapping[str, str]) -> float:
    """Return the time by the service's clock, in seconds; by the clock here without a `date` header."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()
