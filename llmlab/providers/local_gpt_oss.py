"""A gpt-oss model on a server of your own: MLX, vLLM, llama.cpp and others that speak Chat Completions."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from llmlab.config.addresses import server_url
from llmlab.formats import OPENAI_CHAT, OPENAI_COMPLETIONS, Format
from llmlab.models import MODELS
from llmlab.providers.base import Provider


class LocalGptOssProvider(Provider):
    """A local server that speaks Chat Completions under `/v1`. Needs no key; LOCAL_GPT_OSS_URL says where it is."""

    name: ClassVar[str] = "local_gpt_oss"
    format: Format = replace(OPENAI_CHAT, path="/v1/chat/completions")
    text_format: ClassVar[Format | None] = replace(OPENAI_COMPLETIONS, path="/v1/completions")
    embedding_path: ClassVar[str | None] = "/v1/embeddings"
    models_path: ClassVar[str] = "/v1/models"
    default_model: ClassVar[str] = MODELS["local_gpt_oss"]
    default_base_url: ClassVar[str] = "http://localhost:8080"
    # A large model on one's own machine takes its time.
    default_timeout: ClassVar[float] = 120.0

    def find_base_url(self) -> str:
        """Return the address in LOCAL_GPT_OSS_URL, or the port that these servers use."""
        return server_url("LOCAL_GPT_OSS_URL", self.default_base_url)
