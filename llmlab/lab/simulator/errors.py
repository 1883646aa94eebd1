"""Error answers of each service, in the service's own words: what a learner meets live shows the same offline.

A key is never echoed, not even masked. The body for an unknown path is close, not exact: Ollama answers in plain text.
"""

from __future__ import annotations

from typing import Any

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
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind
        self.param, self.code = param, code
        self.extra, self.headers = extra or {}, headers or {}


def error_body(service: str, error: Refused, seed: Seed, *, compatible: bool = False) -> dict[str, Any]:
    """Write an error in the form of a service.

    Args:
        service: one of `models.MODELS`.
        error: the refusal.
        seed: source of the ids in the body.
        compatible: the path is one of Ollama's in OpenAI's form.
    """
    if service == "anthropic":
        detail = {"type": error.kind, "message": error.message}
        return {"type": "error", "error": detail, "request_id": request_id(service, seed)}
    if service == "openrouter":
        body: dict[str, Any] = {"error": {"message": error.message, "code": error.status, **error.extra}}
        return body | ({"user_id": "user_" + seed.letters("user", 27)} if error.status in (400, 429) else {})
    if service == "ollama" and not compatible:
        return {"error": error.message}
    if service == "ollama":
        return {"error": {"message": error.message, "type": "api_error", "param": None, "code": None}}
    if service == "local_gpt_oss":
        return {"error": {"code": error.status, "message": error.message, "type": error.kind, **error.extra}}
    return {"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}}


def request_id(service: str, seed: Seed) -> str:
    """Draw the id of a request, by which a service finds it again."""
    prefix, length, alphabet = ("req_011C", 20, BASE62) if service == "anthropic" else ("req_", 32, HEX)
    return prefix + seed.letters("request", length, alphabet)


_OPENAI_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API "
    "from your browser and are prompted for a username and password. You can obtain an API key from "
    "https://platform.openai.com/account/api-keys."
)
_OPENAI_WRONG_KEY = (
    "Incorrect API key provided: ********. You can find your API key at https://platform.openai.com/account/api-keys."
)


def check_key(service: str, path: str, key: str) -> None:
    """Refuse a request without a key, or with a key that has the word wrong, invalid or bad in it.

    Args:
        service: only the three cloud services need a key.
        path: OpenAI's words differ by path.
        key: the request's key.
    """
    if key and not any(word in key.lower() for word in ("wrong", "invalid", "bad")):
        return
    if service == "openai" and not key:
        raise Refused(
            401, "Missing bearer or basic authentication in header" if "responses" in path else _OPENAI_NO_KEY
        )
    if service == "openai":
        raise Refused(401, _OPENAI_WRONG_KEY, code="invalid_api_key")
    if service == "anthropic":
        raise Refused(401, "invalid x-api-key" if key else "x-api-key header is required", "authentication_error")
    if service == "openrouter":
        raise Refused(401, "User not found." if key else "Missing Authentication header")


def unknown_path(service: str, method: str, path: str) -> Refused:
    """Return the error for a path that the service does not have."""
    words = {
        "openai": f"Invalid URL ({method} {path})",
        "ollama": "404 page not found",
        "local_gpt_oss": "File Not Found",
    }
    kind = "not_found_error" if service in ("anthropic", "local_gpt_oss") else "invalid_request_error"
    return Refused(404, words.get(service, "Not Found"), kind)


def wrong_method(service: str, method: str, path: str) -> Refused:
    """Return the error for a path that the service has, but not with this method."""
    if service == "openai":
        hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
        return Refused(405, f"Not allowed to {method} on {path} {hint}.", code="method_not_supported")
    return Refused(405, "Method Not Allowed")


def no_json(service: str) -> Refused:
    """Return the error for a body that is not a JSON object."""
    if service == "openai":
        return Refused(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        )
    if service == "anthropic":
        return Refused(400, "The request body is not valid JSON: expected value at line 1 column 1")
    return Refused(400, "missing request body" if service == "ollama" else "Invalid JSON body")


def unknown_model(service: str, path: str, name: object) -> Refused:
    """Return the error for a model that the service does not have, or has no longer."""
    name = name if isinstance(name, str) else str(name)[:80]
    if service == "anthropic":
        return Refused(404, f"model: {name}", "not_found_error")
    if service == "openrouter":
        return Refused(400, f"{name} is not a valid model ID")
    if service in ("ollama", "local_gpt_oss"):
        return Refused(404, f"model '{name}' not found", "not_found_error")
    if path.startswith("/v1/responses"):
        return Refused(400, f"The requested model '{name}' does not exist.", param="model", code="model_not_found")
    if path.startswith("/v1/models"):
        return Refused(404, f"The model '{name}' does not exist", param="model", code="model_not_found")
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refused(404, message, code="model_not_found")


def too_long(service: str, path: str, tokens: int, most: int) -> Refused:
    """Return the error for a request with more tokens than the model can read."""
    if service == "anthropic":
        return Refused(400, f"prompt is too long: {tokens} tokens > {most} maximum")
    if service == "local_gpt_oss":
        message = f"request ({tokens} tokens) exceeds the available context size ({most} tokens), try increasing it"
        return Refused(400, message, "exceed_context_size_error", extra={"n_prompt_tokens": tokens, "n_ctx": most})
    code = "context_length_exceeded"
    if service == "openai" and path.startswith("/v1/responses"):
        message = "Your input exceeds the context window of this model. Please adjust your input and try again."
        return Refused(400, message, param="input", code=code)
    message = (
        f"This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} tokens."
    )
    return Refused(400, f"{message} Please reduce the length of the messages.", param="messages", code=code)
