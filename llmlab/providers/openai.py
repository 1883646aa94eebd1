"""OpenAI: the Responses API, or Chat Completions with `api="chat"`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

from llmlab.errors import ConfigurationError
from llmlab.formats import OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, Format
from llmlab.models import MODELS
from llmlab.providers.base import Provider
from llmlab.transport.base import WireRequest
from llmlab.types.request import Request


def _encode_chat(request: Request, stream: bool) -> dict[str, Any]:
    body = OPENAI_CHAT.encode(request, stream)
    if "max_tokens" in body:
        # OpenAI renamed this field; all other services with this format kept it.
        body["max_completion_tokens"] = body.pop("max_tokens")
    return body


_CHAT = replace(OPENAI_CHAT, encode=_encode_chat)


class OpenAIProvider(Provider):
    """OpenAI's models.

    Args:
        api: "responses", or "chat" for Chat Completions.
        options: see `Provider`.

    Raises:
        ConfigurationError: for another `api`.
    """

    name: ClassVar[str] = "openai"
    default_model: ClassVar[str] = MODELS["openai"]
    default_base_url: ClassVar[str] = "https://api.openai.com/v1"
    key_variable: ClassVar[str | None] = "OPENAI_API_KEY"
    key_page: ClassVar[str] = "https://platform.openai.com/api-keys"
    text_format: ClassVar[Format | None] = OPENAI_COMPLETIONS
    embedding_path: ClassVar[str | None] = "/embeddings"

    def __init__(self, *args: Any, api: Literal["responses", "chat"] = "responses", **options: Any) -> None:
        if api not in ("responses", "chat"):
            raise ConfigurationError(f'api must be "responses" or "chat", not {api!r}')
        self.format = _CHAT if api == "chat" else OPENAI_RESPONSES
        super().__init__(*args, **options)

    def count_request(self, request: Request) -> WireRequest | None:
        """Return the request to `POST /responses/input_tokens`."""
        body = OPENAI_RESPONSES.encode(request, False)
        counted = ("model", "input", "instructions", "tools", "tool_choice", "reasoning", "text")
        return WireRequest("POST", "/responses/input_tokens", {name: body[name] for name in counted if name in body})
