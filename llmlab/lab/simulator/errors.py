"""Refusals of each service, in the service's own words: what a learner meets live shows the same offline.

A key is never echoed, not even masked. The body for an unknown path is close, not exact: Ollama answers in plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmlab.lab.simulator.json_access import data
from llmlab.lab.simulator.seed import BASE62, HEX, Seed


class Refused(Exception):
    """The simulated service refuses the request.

    Args:
        status: HTTP status.
        message: the service's own words.
        kind: the error's type, where the service names one.
        param: the wrong field (OpenAI).
        code: the service's error code (OpenAI).
        extra: more fields of the error.
    """

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind
        self.param, self.code, self.extra = param, code, extra or {}


_WORDS: Final[dict[str, dict[str, tuple[int, str, dict[str, str]]]]] = data("words")
"""What is wrong, then the service, or service and path: status, message, and more of `Refused`."""


def refusal(problem: str, service: str, path: str, **values: object) -> Refused:
    """Return a refusal in the words of a service for this path, else of the service, else of any service.

    Args:
        problem: one of the names in `data/words.json`.
        service: one of `models.MODELS`.
        path: path of the request.
        values: what the words name.
    """
    words = _WORDS[problem]
    form = next((form for form in words if form.startswith(f"{service} ") and path.startswith(form[7:])), service)
    status, message, more = words[form if form in words else ""]
    extra = {"n_prompt_tokens": values["tokens"], "n_ctx": values["most"]} if problem == "length" else None
    return Refused(status, message.format(path=path, **values), **more, extra=extra)


def error_body(service: str, error: Refused, seed: Seed, *, compatible: bool = False) -> dict[str, Any]:
    """Write an error in the form of a service.

    Args:
        service: one of `models.MODELS`.
        error: the refusal.
        seed: source of the ids in the body.
        compatible: the path is one of Ollama's in OpenAI's form.
    """
    message, kind = error.message, error.kind
    if service == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id(service, seed)}
    if service == "openrouter":
        user = {"user_id": "user_" + seed.letters("user", 27)} if error.status in (400, 429) else {}
        return {"error": {"message": message, "code": error.status, **error.extra}, **user}
    if service == "ollama":
        return {
            "error": {"message": message, "type": "api_error", "param": None, "code": None} if compatible else message
        }
    if service == "local_gpt_oss":
        return {"error": {"code": error.status, "message": message, "type": kind, **error.extra}}
    return {"error": {"message": message, "type": kind, "param": error.param, "code": error.code}}


def request_id(service: str, seed: Seed) -> str:
    """Draw the id of a request, by which a service finds it again."""
    prefix, length, alphabet = ("req_011C", 20, BASE62) if service == "anthropic" else ("req_", 32, HEX)
    return prefix + seed.letters("request", length, alphabet)
