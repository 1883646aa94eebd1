"""The models by name, as data.

Sources: the type `ChatModel` of OpenAI's SDK and its list of shutdown dates; the type `Model` of Anthropic's SDK and
its table `DEPRECATED_MODELS`; OpenRouter and Ollama documentation, "Models".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model.

    Args:
        model: its name, as the provider knows it.
        provider: who offers it.
        retired_on: the day it is or was shut down; None while none is announced.
    """

    model: str
    provider: str
    retired_on: date | None = None

    def is_retired(self, today: date | None = None) -> bool:
        """Return whether the model is shut down, on a day or today."""
        return self.retired_on is not None and self.retired_on <= (today or date.today())


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

_CURRENT: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": (
        "gpt-6-astra",
        "gpt-6.1-sol",
        "gpt-6.1-terra",
        "gpt-6-sol",
        "gpt-6-luna",
        "gpt-5.6-sol",
        "gpt-5.6-terra",
        "gpt-5.6-luna",
        "gpt-5.5",
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.2",
    ),
    "anthropic": (
        "claude-fable-5-2",
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-opus-4-8",
        "claude-sonnet-4-6",
        "claude-haiku-4-5",
    ),
    "openrouter": ("openrouter/free", "openai/gpt-6-luna", "openai/gpt-oss-20b:free", "openai/gpt-oss-120b:free"),
    "ollama": ("gpt-oss:20b", "gpt-oss:120b", "qwen3:8b"),
    "local_gpt_oss": ("gpt-oss:120b", "gpt-oss:20b"),
}

_ENDING: Final[Mapping[str, Mapping[str, date]]] = {
    "openai": {
        "gpt-5.1": date(2027, 4, 1),
        "gpt-5.4-nano": date(2027, 4, 1),
        "gpt-5": date(2026, 12, 11),
        "gpt-5-mini": date(2026, 12, 11),
        "gpt-5-nano": date(2026, 12, 11),
        "gpt-4o": date(2027, 1, 14),
        "gpt-4o-mini": date(2027, 1, 14),
        "gpt-4.1": date(2027, 1, 14),
        "gpt-4.1-mini": date(2027, 1, 14),
        "gpt-4": date(2026, 10, 23),
        "gpt-4-turbo": date(2026, 10, 23),
        "gpt-3.5-turbo": date(2026, 10, 23),
        "o1": date(2026, 10, 23),
        "o3-mini": date(2026, 10, 23),
        "o4-mini": date(2026, 10, 23),
    },
    "anthropic": {
        "claude-sonnet-4-5": date(2026, 11, 30),
        "claude-sonnet-4-0": date(2026, 6, 15),
        "claude-opus-4-0": date(2026, 6, 15),
        "claude-3-7-sonnet-latest": date(2026, 2, 19),
        "claude-3-5-haiku-latest": date(2026, 2, 19),
        "claude-3-opus-20240229": date(2026, 1, 5),
    },
}

SPECS: Final[tuple[ModelSpec, ...]] = (
    *(ModelSpec(model, provider) for provider, models in _CURRENT.items() for model in models),
    *(ModelSpec(model, provider, day) for provider, models in _ENDING.items() for model, day in models.items()),
)
"""Every model of the catalogue."""
