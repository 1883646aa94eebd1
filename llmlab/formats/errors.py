"""Reading errors: every vendor's error body, in one place, as one `LLMError`.

The shapes: `{"error": {"message", "type", "code"}}` (OpenAI, OpenRouter, compatible servers), the same inside
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

# The status that a code or type stands for, where an error comes without one of its own.
_STATUS = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "tokens": 429,
    "requests": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    "server_is_overloaded": 503,
    "service_unavailable_error": 503,
    "unavailable_error": 503,
    "timeout_error": 504,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "request_too_large": 413,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the wire told it.

    Args:
        message: the vendor's words.
        code: its code, or its type where it has no code.
        kind: its type.
        request_id: its identifier of the request, where the body holds one.
    """

    message: str
    code: str | int | None = None
    kind: str = ""
    request_id: str | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status that this error stands for, where none came with it."""
        if isinstance(self.code, int) and 400 <= self.code < 600:
            return self.code
        return _STATUS.get(str(self.code)) or _STATUS.get(self.kind)


def find_problem(body: object) -> Problem | None:
    """Return the error that a body, or an event of a stream, reports; None if it reports none."""
    outer = mapping(body)
    for choice in items(outer.get("choices")):
        if choice.get("error") and not outer.get("error"):
            outer = {**outer, "error": choice["error"]}
    error = outer.get("error") or outer.get("detail")
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
        # OpenRouter passes on what the provider behind it said.
        message += f": {upstream}"
    return Problem(
        message,
        code if isinstance(code, (str, int)) else kind or None,
        kind,
        text(outer.get("request_id")) or None,
    )


def stream_error(problem: Problem) -> LLMStreamError:
    """Return the error for a problem in the middle of a stream. The stream adds what had arrived."""
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
    """Return the error for an answer that is none.

    Args:
        status: HTTP status; 200 where the error came inside a normal answer.
        headers: names in lower case.
        body: parsed JSON, or the text where it is not JSON.
        provider: who answered.
        model: which model was asked.
        secrets: keys that must not appear, whatever the vendor repeats.
    """
    problem = find_problem(body) or Problem(_excerpt(body) or "no reason was given")
    effective = status if status >= 400 else problem.status or 500
    details: dict[str, Any] = {
        "provider": provider,
        # OpenRouter sends errors inside a 200, and says in the body which status it means.
        "status_code": status if status >= 400 else problem.status or status,
        "request_id": headers.get("x-request-id") or headers.get("request-id") or problem.request_id,
        "code": problem.code,
        "retry_after": retry_after(headers),
        "secrets": secrets,
    }
    ending = "" if problem.message.rstrip().endswith((".", "!", "?")) else "."
    said = f"{provider} answered {status}: {problem.message.rstrip()}{ending}"
    words = problem.message.lower()
    # OpenRouter answers 400 and "… is not a valid model ID".
    missing = effective == 404 and bool(model) and "model" in words
    if missing or problem.code == "model_not_found" or "not a valid model" in words:
        return ModelNotFoundError(said, model=model, **details)
    if effective == 404 and "vector store" in words and "file" not in words:
        return StoreNotFoundError(
            f"{said} HostedVectorStore.list_stores() names those there are, HostedVectorStore.create(name) makes one.",
            **details,
        )
    if effective in (401, 403):
        return LLMAuthenticationError(
            f"{said} Check the key in .env; python3 -m llmlab doctor shows what is set.", **details
        )
    if effective == 429:
        wait = f"Wait {details['retry_after']:g} s" if details["retry_after"] is not None else "Wait a little"
        step = f"{wait}, then try again."
        if problem.code == "insufficient_quota":
            step = "Check the plan and the billing of the account."
        return LLMRateLimitError(f"{said} {step}", **details)
    if effective in (400, 404, 405, 413, 415, 422):
        return LLMInvalidRequestError(f"{said} Change the request; the same one would fail again.", **details)
    if effective == 402:
        return LLMAPIError(f"{said} Add credit to the account, or choose a free model.", **details)
    return LLMAPIError(f"{said} The fault is the service's; try again later.", **details)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that an answer asks for, or None.

    `retry-after-ms` is OpenAI's finer one; `retry-after` holds seconds or a date (RFC 9110, section 10.2.3). A date is
    meant by the clock of the service, which its `date` header shows; the clock here may be wrong.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            return max(0.0, float(value) / unit)
        except ValueError:
            if not value:
                continue
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - _clock(headers))
        except ValueError:
            continue
    return None


def _clock(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()


def _excerpt(body: object) -> str:
    return " ".join(str(body or "").split())[:200]
