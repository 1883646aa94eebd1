"""Error bodies of all services, read as an `LLMError`.

Known are `{"error": {"message", "type", "code"}}` (OpenAI, OpenRouter, compatible servers), the same inside
`{"type": "error", …}` (Anthropic) or a list (Gemini), `{"error": "text"}` (Ollama), `{"detail": …}` (FastAPI) and the
fields alone (vLLM, Cerebras). They come with an error status, inside an answer with status 200, and in a stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmlab._utils.text import shorten
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
from llmlab.formats.parsing import mapping, read_json, text, whole_characters
from llmlab.formats.waits import end_of_day, is_daily, retry_after, wait_in_words

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
        headers: of the answer of a service behind this one, with names in lower case.
    """

    message: str
    code: str | int | None = None
    kind: str = ""
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """The HTTP status of this error, if its code or type has one."""
        code = str(self.code)
        if code.isdecimal() and 400 <= int(code[:4]) < 600:
            return int(code)
        return _STATUS.get(code) or _STATUS.get(self.kind)


def find_problem(body: object) -> Problem | None:
    """Return the error in a body or in an event of a stream; None without one."""
    if isinstance(body, list):
        return next(filter(None, map(find_problem, body)), None)
    if not isinstance(body, dict):
        return None
    for error in _reported(body):
        if not error or _is_empty(error):
            continue
        if isinstance(error, list):
            return Problem("; ".join(filter(None, map(_words, error))) or _shown(error))
        # Beside an error that is a text, its code stands in the body.
        fields, metadata = mapping(error) or body, mapping(mapping(error).get("metadata"))
        code, kind = fields.get("code") or fields.get("statusCode"), text(fields.get("type"))
        words = [_words(error) or kind or "the service gave no reason", _upstream(metadata.get("raw"))]
        words += [text(body.get("message"))] if isinstance(error, str) else []
        message = ": ".join(dict.fromkeys(filter(None, words)))
        message += "".join(f". Sign in at {body[name]}" for name in body if _SIGN_IN.search(str(name)))
        headers = mapping(metadata.get("headers"))
        return Problem(
            whole_characters(message),
            code if isinstance(code, (str, int)) else kind or None,
            kind,
            text(body.get("request_id")) or None,
            {str(name).lower(): str(value) for name, value in headers.items()},
        )
    return None


_SIGN_IN = re.compile("(?:sign_?in|login|verification)_ur[il]", re.IGNORECASE)
_ANSWER = ("choices", "content", "output", "output_text", "response", "data", "models", "embeddings")


def _reported(body: Mapping[str, Any]) -> list[Any]:
    """Return what may be an error in a body."""
    error, choices, errors = body.get("error"), body.get("choices"), body.get("errors")
    reported = [error if error is not True else None, body.get("detail")]
    if isinstance(choices, list):
        reported += [choice.get("error") for choice in choices if isinstance(choice, dict)]
    if not any(map(body.get, _ANSWER)):
        reported += [errors] if isinstance(errors, list) else []
        reported += [body] if isinstance(body.get("message") or body.get("msg"), str) else []
    return reported


def _is_empty(error: object) -> bool:
    """Return whether an error says nothing, as in good answers of some gateways."""
    return all(map(_is_empty, error.values())) if isinstance(error, dict) else not error


def _words(error: object) -> str:
    """Return what an error says, from whichever field has its words."""
    if isinstance(error, str):
        inner = _unpacked(error)
        return error if inner is error else _words(inner) or error
    if not isinstance(error, dict):
        return ""
    fields = map(error.get, ("message", "msg", "error", "detail", "title"))
    return next(filter(None, map(_words, fields)), "")


def _unpacked(value: Any) -> Any:
    """Return the value of JSON within JSON; anything else unchanged."""
    try:
        return read_json(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    except ValueError:
        return value


def _upstream(raw: Any) -> str:
    """Return the error of the provider behind OpenRouter, a text, an object, or JSON as a text."""
    inner = _unpacked(raw)
    problem = find_problem(inner)
    return problem.message if problem else text(raw) or _words(inner)


def _shown(body: object) -> str:
    """Return what came, in one short line. Of a page, the title says most."""
    if not isinstance(body, str):
        return shorten(json.dumps(body, ensure_ascii=False), 200)
    title = re.search(r"<title>([^<]*)", body, re.IGNORECASE)
    return shorten(" ".join((f"a page with the title {title[1]}" if title else body).split()), 200)


def no_answer(body: object) -> LLMAPIError:
    """Return the error for a success of HTTP that holds no answer."""
    how = "not with JSON" if isinstance(body, str) else "with no answer"
    return LLMAPIError(f"the service answered, but {how}: {_shown(body)!r}. Is the base URL right?", status_code=200)


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
    problem = find_problem(body) or Problem(_shown(body) if body else "no reason was given")
    if 300 <= status < 400:
        problem = Problem(f"the address has moved to {headers.get('location', 'an unknown place')}", status)
    # OpenRouter sends errors inside a 200, and the status that it means in the body.
    actual = status if status >= 300 else problem.status
    wait = retry_after({**problem.headers, **headers})
    everything = body if isinstance(body, str) else json.dumps(body)
    wait = wait_in_words(everything) if wait is None and actual == 429 else wait
    message = problem.message.rstrip()
    summary = f"{provider} answered {status}: {message}" + ("" if message.endswith((".", "!", "?")) else ".")
    kind, step = _kind_and_step(actual or 500, problem, bool(model), wait)
    daily = actual == 429 and is_daily(problem.message, everything)
    if daily:
        step = f"{end_of_day(wait, headers)} Until then, use another model or provider."
    request_id = headers.get("x-request-id") or headers.get("request-id") or problem.request_id
    details: dict[str, Any] = {"provider": provider, "status_code": actual or status, "request_id": request_id}
    details |= {"code": problem.code, "retry_after": wait, "secrets": secrets}
    details["should_retry"] = False if daily else _should_retry(headers, wait, problem.message)
    if kind is ModelNotFoundError:
        details["model"] = model
    return kind(f"{summary} {step}".rstrip(), **details)


def _should_retry(headers: Mapping[str, str], wait: float | None, message: str) -> bool | None:
    """Return what the service says of another attempt; None if it says nothing."""
    again = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    return False if again is None and wait is None and _BROKE.search(message) else again


_BROKE = re.compile(
    r"credit balance|insufficient (?:balance|credits?|funds|quota)|exceeded your current quota|out of credits"
    r"|billing (?:hard )?limit",
    re.IGNORECASE,
)
_NOT_THE_MODEL = re.compile(r"data policy|allowed providers|endpoints found that|guardrail|privacy", re.IGNORECASE)


def _kind_and_step(status: int, problem: Problem, has_model: bool, wait: float | None) -> tuple[type[LLMError], str]:
    """Return the class of an error, and what to do next."""
    words = problem.message.lower()
    # OpenRouter answers 400 and "… is not a valid model ID".
    missing = status == 404 and has_model and "model" in words and not _NOT_THE_MODEL.search(words)
    if missing or problem.code == "model_not_found" or "not a valid model" in words:
        return ModelNotFoundError, ""
    if status == 404 and "vector store" in words and "file" not in words:
        step = "HostedVectorStore.list_stores() lists the stores, HostedVectorStore.create(name) creates one."
        return StoreNotFoundError, step
    if problem.code == "insufficient_quota" or (status in (400, 403, 429) and _BROKE.search(words)):
        return LLMRateLimitError, "Check the plan and the billing of the account."
    if status == 429:
        return LLMRateLimitError, f"Wait {'a little' if wait is None else f'{wait:g} s'}, then try again."
    if "sign in at" in words:
        return LLMAuthenticationError, "With Ollama, `ollama signin` does that."
    return _NEXT_STEPS.get(status, (LLMAPIError, "The fault is the service's; try again later."))


_CHANGE = (LLMInvalidRequestError, "Change the request; the same one would fail again.")
_ADDRESS = (LLMInvalidRequestError, "Are the ids and the base URL right? Most base URLs end in /v1.")
_KEY = (LLMAuthenticationError, "Check the key in .env; python3 -m llmlab doctor shows what is set.")
_NEXT_STEPS: dict[int, tuple[type[LLMError], str]] = {
    **dict.fromkeys(range(300, 400), (LLMAPIError, "Set base_url to the new address.")),
    **dict.fromkeys((400, 413, 415, 422), _CHANGE),
    **dict.fromkeys((404, 405), _ADDRESS),
    **dict.fromkeys((401, 403), _KEY),
    402: (LLMAPIError, "Add credit to the account, or choose a free model."),
}
