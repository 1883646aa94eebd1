"""Ollama: models on your own machine, over Ollama's native REST interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from llmlab.config.addresses import server_url
from llmlab.formats import OLLAMA, OLLAMA_GENERATE, Format
from llmlab.formats.parsing import items, text
from llmlab.models import MODELS
from llmlab.providers.base import Provider
from llmlab.transport.base import WireRequest
from llmlab.transport.driver import Flow, run, run_async


class OllamaProvider(Provider):
    """Models served by Ollama. Needs no key; the variable OLLAMA_HOST says where the server is."""

    name: ClassVar[str] = "ollama"
    format: Format = OLLAMA
    text_format: ClassVar[Format | None] = OLLAMA_GENERATE
    embedding_path: ClassVar[str | None] = "/api/embed"
    default_model: ClassVar[str] = MODELS["ollama"]
    default_base_url: ClassVar[str] = "http://localhost:11434"
    models_path: ClassVar[str] = "/api/tags"

    def find_base_url(self) -> str:
        """Return the address in OLLAMA_HOST, or Ollama's own default."""
        return server_url("OLLAMA_HOST", self.default_base_url)

    def model_names(self, body: Mapping[str, Any]) -> list[str]:
        """Return the names in an answer of `GET /api/tags`."""
        return [name for item in items(body.get("models")) if (name := text(item.get("name")))]

    def show(self, model: str | None = None) -> Mapping[str, Any]:
        """Return what Ollama knows of a model: its template, parameters, details and capabilities."""
        return run(self._show_flow(model or self.model))

    async def show_async(self, model: str | None = None) -> Mapping[str, Any]:
        """The async twin of `show`."""
        return await run_async(self._show_flow(model or self.model))

    def _show_flow(self, model: str) -> Flow[Mapping[str, Any]]:
        return self.post_json(WireRequest("POST", "/api/show", {"model": model}), model)
