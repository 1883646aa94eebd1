"""The model that turns texts into vectors, for each provider that has one.

Sources: the type `EmbeddingModel` of OpenAI's SDK; the model lists of OpenRouter and of Ollama, "Embedding".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EMBEDDING_MODELS: Final[Mapping[str, str]] = {
    "openai": "text-embedding-3-small",
    "openrouter": "openai/text-embedding-3-small",
    "ollama": "embeddinggemma",
    "local_gpt_oss": "embeddinggemma",
}
"""What `embed` takes where no model is named. Anthropic has none."""
