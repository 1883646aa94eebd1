"""The models by name. Two sources make it: `catalogue.json` and `kinds`.

`python3 -m llmlab update` writes `catalogue.json` from the types of the SDKs (names, last days) and from `genai-prices`
(windows, prices), in the versions of constraints.txt. It holds no model newer than those: such a model is used all the
same, with a warning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from llmlab.models.kinds import KINDS, Kind
from llmlab.models.model import ModelCapabilities, ModelSpec, Prices

FILE: Final = Path(__file__).with_name("catalogue.json")

MODELS: Final[Mapping[str, str]] = {
    "openai": "gpt-6-luna",
    "anthropic": "claude-haiku-5-5",
    "openrouter": "openrouter/free",
    "ollama": "gpt-oss:20b",
    "local_gpt_oss": "gpt-oss:120b",
}
"""The model of each provider that the lessons use, and the provider's default. Small and cheap ones on purpose."""

RETIRED: Final[Mapping[str, str]] = {"openai": "gpt-3.5-turbo", "anthropic": "claude-3-7-sonnet-latest"}
"""A familiar model of each vendor that is shut down, for lessons on what happens then."""

EMBEDDING_MODELS: Final[Mapping[str, str]] = {
    "openai": "text-embedding-3-small",
    "openrouter": "openai/text-embedding-3-small",
    "ollama": "embeddinggemma",
    "local_gpt_oss": "embeddinggemma",
}
"""What `embed` uses where no model is named. Anthropic has none. Sources: the type `EmbeddingModel` of OpenAI's SDK;
the model lists of OpenRouter and of Ollama, "Embedding"."""


def _spec(provider: str, model: str, known: Mapping[str, Any]) -> ModelSpec:
    kind = KINDS.get((provider, model), Kind(ModelCapabilities()))
    return ModelSpec(
        model,
        provider,
        kind.capabilities,
        kind.parameters,
        known.get("context_window"),
        kind.max_output_tokens,
        Prices(*known["prices"]) if "prices" in known else None,
        date.fromisoformat(known["retired_on"]) if "retired_on" in known else None,
        tuple(known.get("aliases", ())),
    )


SPECS: Final[tuple[ModelSpec, ...]] = tuple(
    _spec(provider, model, known)
    for provider, models in json.loads(FILE.read_text(encoding="utf-8"))["models"].items()
    for model, known in models.items()
)
"""Every model of the catalogue."""
