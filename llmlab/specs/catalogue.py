"""The models by name, as data.

Sources: the type `ChatModel` of OpenAI's SDK and its list of shutdown dates; the type `Model` of Anthropic's SDK and
its table `DEPRECATED_MODELS`; OpenRouter and Ollama documentation, "Models". Context windows are those of
`genai-prices`, and of the documentation where it has none. Tests hold the names, days and windows to these packages.
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
        context_window: tokens that fit into a request and its answer; None if it is not known.
        retired_on: the day it is or was shut down; None while none is announced.
    """

    model: str
    provider: str
    context_window: int | None = None
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

_CURRENT: Final[Mapping[str, Mapping[str, int]]] = {
    "openai": {
        "gpt-6-astra": 1_050_000,
        "gpt-6.1-sol": 1_050_000,
        "gpt-6.1-terra": 1_050_000,
        "gpt-6-sol": 1_050_000,
        "gpt-6-luna": 1_050_000,
        "gpt-5.6-sol": 1_050_000,
        "gpt-5.6-terra": 1_050_000,
        "gpt-5.6-luna": 1_050_000,
        "gpt-5.5": 1_000_000,
        "gpt-5.4": 1_050_000,
        "gpt-5.4-mini": 400_000,
        "gpt-5.2": 400_000,
    },
    "anthropic": {
        "claude-fable-5-2": 1_000_000,
        "claude-opus-5-5": 1_000_000,
        "claude-sonnet-5-5": 1_000_000,
        "claude-haiku-5-5": 1_000_000,
        "claude-opus-4-8": 1_000_000,
        "claude-sonnet-4-6": 1_000_000,
        "claude-haiku-4-5": 200_000,
    },
    "openrouter": {
        "openrouter/free": 200_000,
        "openai/gpt-6-luna": 1_050_000,
        "openai/gpt-oss-20b:free": 131_072,
        "openai/gpt-oss-120b:free": 131_072,
    },
    "ollama": {
        "gpt-oss:20b": 131_072,
        "gpt-oss:120b": 131_072,
        "qwen3:8b": 40_960,
    },
    "local_gpt_oss": {
        "gpt-oss:120b": 131_072,
        "gpt-oss:20b": 131_072,
    },
}
"""Context windows, in tokens, of the models without an announced end."""

_ENDING: Final[Mapping[str, Mapping[str, tuple[int, date]]]] = {
    "openai": {
        "gpt-5.1": (400_000, date(2027, 4, 1)),
        "gpt-5.4-nano": (400_000, date(2027, 4, 1)),
        "gpt-5": (400_000, date(2026, 12, 11)),
        "gpt-5-mini": (400_000, date(2026, 12, 11)),
        "gpt-5-nano": (400_000, date(2026, 12, 11)),
        "gpt-4o": (128_000, date(2027, 1, 14)),
        "gpt-4o-mini": (128_000, date(2027, 1, 14)),
        "gpt-4.1": (1_000_000, date(2027, 1, 14)),
        "gpt-4.1-mini": (1_000_000, date(2027, 1, 14)),
        "gpt-4": (8_192, date(2026, 10, 23)),
        "gpt-4-turbo": (128_000, date(2026, 10, 23)),
        "gpt-3.5-turbo": (16_385, date(2026, 10, 23)),
        "o1": (200_000, date(2026, 10, 23)),
        "o3-mini": (200_000, date(2026, 10, 23)),
        "o4-mini": (200_000, date(2026, 10, 23)),
    },
    "anthropic": {
        "claude-sonnet-4-5": (200_000, date(2026, 11, 30)),
        "claude-sonnet-4-0": (200_000, date(2026, 6, 15)),
        "claude-opus-4-0": (200_000, date(2026, 6, 15)),
        "claude-3-7-sonnet-latest": (200_000, date(2026, 2, 19)),
        "claude-3-5-haiku-latest": (200_000, date(2026, 2, 19)),
        "claude-3-opus-20240229": (200_000, date(2026, 1, 5)),
    },
}
"""Context windows and last days of the others."""

SPECS: Final[tuple[ModelSpec, ...]] = (
    *(ModelSpec(model, provider, window) for provider, models in _CURRENT.items() for model, window in models.items()),
    *(
        ModelSpec(model, provider, window, day)
        for provider, models in _ENDING.items()
        for model, (window, day) in models.items()
    ),
)
"""Every model of the catalogue."""
