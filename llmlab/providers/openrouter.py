"""OpenRouter: many vendors' models behind one key, in the Chat Completions format."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from llmlab.config import Secret
from llmlab.dialects import OPENAI_CHAT, Dialect
from llmlab.providers.base import Provider
from llmlab.specs import MODELS


class OpenRouterProvider(Provider):
    """Models of many vendors through OpenRouter.

    Args:
        referer: address of your site, sent as `HTTP-Referer`; else the variable OPENROUTER_REFERER.
        title: name of your program, sent as `X-Title`; else OPENROUTER_TITLE, else llmlab.
        options: see `Provider`.
    """

    name: ClassVar[str] = "openrouter"
    dialect: Dialect = OPENAI_CHAT
    embedding_path: ClassVar[str | None] = "/embeddings"
    default_model: ClassVar[str] = MODELS["openrouter"]
    default_base_url: ClassVar[str] = "https://openrouter.ai/api/v1"
    key_variable: ClassVar[str | None] = "OPENROUTER_API_KEY"
    key_page: ClassVar[str] = "https://openrouter.ai/settings/keys"

    def __init__(self, *args: Any, referer: str | None = None, title: str | None = None, **options: Any) -> None:
        self.referer = referer or os.environ.get("OPENROUTER_REFERER", "")
        self.title = title or os.environ.get("OPENROUTER_TITLE", "") or "llmlab"
        super().__init__(*args, **options)

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the headers of every request, the key among them."""
        return {
            **super().headers(key),
            "x-title": self.title,
            **({"http-referer": self.referer} if self.referer else {}),
        }
