"""Anthropic: the Messages API."""

from __future__ import annotations

from typing import Any, ClassVar

from llmlab.config.environment import Secret
from llmlab.errors import LLMInvalidRequestError
from llmlab.formats import ANTHROPIC_MESSAGES, Format
from llmlab.models import MODELS, find_spec
from llmlab.providers.base import Provider
from llmlab.transport.base import WireRequest
from llmlab.types.request import Request

API_VERSION = "2023-06-01"
"""The version of the wire format, which every request must name."""


class AnthropicProvider(Provider):
    """Anthropic's models. System messages are lifted out of the conversation, as this API wants it."""

    name: ClassVar[str] = "anthropic"
    format: Format = ANTHROPIC_MESSAGES
    default_model: ClassVar[str] = MODELS["anthropic"]
    default_base_url: ClassVar[str] = "https://api.anthropic.com"
    key_variable: ClassVar[str | None] = "ANTHROPIC_API_KEY"
    key_page: ClassVar[str] = "https://platform.claude.com/settings/keys"
    models_path: ClassVar[str] = "/v1/models?limit=1000"  # the most of a page; 20 without

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the headers of every request, the key among them."""
        return {"anthropic-version": API_VERSION, **({"x-api-key": key.reveal()} if key else {})}

    def encode(self, request: Request, stream: bool) -> dict[str, Any]:
        """Return the wire JSON of a request."""
        body = super().encode(request, stream)
        if "claude-opus-4-5" in request.model and body.get("thinking", {}).get("type") == "adaptive":
            # The one model that takes an effort, and thinks on a budget only.
            wants_to_see = "display" in body.pop("thinking")
            if wants_to_see:
                raise LLMInvalidRequestError(
                    f"{request.model} shows thoughts that have a budget only: ReasoningConfig(budget_tokens=2048, "
                    'summary="auto").',
                    provider=self.name,
                )
        spec = find_spec(request.model, self.name)
        own = request.max_tokens is None and "max_tokens" not in request.extra
        if own and spec is not None and spec.max_output_tokens is not None:
            # Our own limit is a budget for thoughts and room for an answer, which may be more than the model has.
            body["max_tokens"] = min(body["max_tokens"], spec.max_output_tokens)
        return body

    def count_request(self, request: Request) -> WireRequest | None:
        """Return the request to `POST /v1/messages/count_tokens`."""
        body = self.encode(request, False)
        counted = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
        return WireRequest("POST", "/v1/messages/count_tokens", {name: body[name] for name in counted if name in body})
