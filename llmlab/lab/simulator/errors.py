"""Refusals of each service, in the service's own words: what a learner meets live shows the same offline.

A key is never echoed, not even masked. The body for an unknown path is close, not exact: Ollama answers in plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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


_KEY_IN_HEADER = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API "
    "from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
_WRONG_KEY = (
    "Incorrect API key provided: ********. You can find your API key at https://platform.openai.com/account/api-keys."
)
_NO_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)
_NO_METHOD = "Not allowed to {method} on {path} (HINT: Perhaps you meant to use a different HTTP method?)."
_TOO_LONG = (
    "This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} tokens. "
    "Please reduce the length of the messages."
)
_TOO_LONG_INPUT = "Your input exceeds the context window of this model. Please adjust your input and try again."
_TOO_LONG_LOCAL = "request ({tokens} tokens) exceeds the available context size ({most} tokens), try increasing it"
_LENGTH: dict[str, str] = {"param": "messages", "code": "context_length_exceeded"}
_GONE, _NO_AUTH = {"kind": "not_found_error"}, {"kind": "authentication_error"}
_NO_MODEL = {"code": "model_not_found"}

_WORDS: Final[dict[str, dict[str, tuple[int, str, dict[str, str]]]]] = {
    # what is wrong: service, or service and path: status, message, more of `Refused`
    "no key": {
        "openai /v1/responses": (401, "Missing bearer or basic authentication in header", {}),
        "openai": (401, _KEY_IN_HEADER, {}),
        "anthropic": (401, "x-api-key header is required", _NO_AUTH),
        "openrouter": (401, "Missing Authentication header", {}),
    },
    "wrong key": {
        "openai": (401, _WRONG_KEY, {"code": "invalid_api_key"}),
        "anthropic": (401, "invalid x-api-key", _NO_AUTH),
        "openrouter": (401, "User not found.", {}),
    },
    "path": {
        "openai": (404, "Invalid URL ({method} {path})", {}),
        "anthropic": (404, "Not Found", _GONE),
        "ollama": (404, "404 page not found", {}),
        "local_gpt_oss": (404, "File Not Found", _GONE),
        "": (404, "Not Found", {}),
    },
    "method": {"openai": (405, _NO_METHOD, {"code": "method_not_supported"}), "": (405, "Method Not Allowed", {})},
    "json": {
        "openai": (400, _NO_JSON, {}),
        "anthropic": (400, "The request body is not valid JSON: expected value at line 1 column 1", {}),
        "ollama": (400, "missing request body", {}),
        "": (400, "Invalid JSON body", {}),
    },
    "model": {
        "openai /v1/responses": (400, "The requested model '{name}' does not exist.", _NO_MODEL | {"param": "model"}),
        "openai /v1/models": (404, "The model '{name}' does not exist", _NO_MODEL | {"param": "model"}),
        "openai": (404, "The model `{name}` does not exist or you do not have access to it.", _NO_MODEL),
        "anthropic": (404, "model: {name}", _GONE),
        "openrouter": (400, "{name} is not a valid model ID", {}),
        "": (404, "model '{name}' not found", _GONE),
    },
    "length": {
        "openai /v1/responses": (400, _TOO_LONG_INPUT, _LENGTH | {"param": "input"}),
        "anthropic": (400, "prompt is too long: {tokens} tokens > {most} maximum", {}),
        "local_gpt_oss": (400, _TOO_LONG_LOCAL, {"kind": "exceed_context_size_error"}),
        "": (400, _TOO_LONG, _LENGTH),
    },
}


def refusal(problem: str, service: str, path: str, **values: object) -> Refused:
    """Return a refusal in the words of a service for this path, else of the service, else of any service.

    Args:
        problem: no key, wrong key, path, method, json, model or length.
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
