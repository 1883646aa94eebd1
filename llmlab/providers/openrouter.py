"""OpenRouter: many vendors' models behind one key, in the Chat Completions format."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, ClassVar

from llmlab.config.environment import Secret
from llmlab.formats import OPENAI_CHAT, Format
from llmlab.formats.base import options as given
from llmlab.formats.base import refuse
from llmlab.models import MODELS
from llmlab.providers.base import Provider
from llmlab.types.request import Request


class OpenRouterProvider(Provider):
    """Models of many vendors through OpenRouter.

    Args:
        referer: address of your site, sent as `HTTP-Referer`; else the variable OPENROUTER_REFERER.
        title: name of your program, sent as `X-Title`; else OPENROUTER_TITLE, else llmlab.
        options: see `Provider`.
    """

    name: ClassVar[str] = "openrouter"
    format: Format = OPENAI_CHAT
    embedding_path: ClassVar[str | None] = "/embeddings"
    default_model: ClassVar[str] = MODELS["openrouter"]
    default_base_url: ClassVar[str] = "https://openrouter.ai/api/v1"
    key_variable: ClassVar[str | None] = "OPENROUTER_API_KEY"
    key_page: ClassVar[str] = "https://openrouter.ai/settings/keys"

    def __init__(self, *args: Any, referer: str | None = None, title: str | None = None, **options: Any) -> None:
        # A line break at the end comes with a copy, and no header holds one.
        self.referer = (referer or os.environ.get("OPENROUTER_REFERER", "")).strip()
        self.title = " ".join((title or os.environ.get("OPENROUTER_TITLE", "")).split()) or "llmlab"
        super().__init__(*args, **options)

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the headers of every request, the key among them."""
        return {
            **super().headers(key),
            "x-title": self.title,
            **({"http-referer": self.referer} if self.referer else {}),
        }

    def encode(self, request: Request, stream: bool) -> dict[str, Any]:
        """Return the wire JSON of a request. Reasoning has a field of OpenRouter's own, which other vendors' map to."""
        thinking = request.reasoning
        if thinking is None:
            return super().encode(request, stream)
        refuse(request, "OpenRouter", "reasoning.summary")
        wanted = given(effort=thinking.effort, max_tokens=thinking.budget_tokens)
        return {"reasoning": wanted, **super().encode(replace(request, reasoning=None), stream)}
