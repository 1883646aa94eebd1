"""The models by name, as data, the strongest of each provider first.

Sources: the types `ChatModel` of OpenAI's SDK and `Model` of Anthropic's, with the shutdown days that stand in them;
windows and prices of `genai-prices`; for what a model can do and takes, the model pages of both vendors, OpenRouter's
list of models and Ollama's library. Tests hold names, days, windows and prices to the installed packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmlab.models.catalogue_anthropic import ANTHROPIC
from llmlab.models.catalogue_open import LOCAL_GPT_OSS, OLLAMA, OPENROUTER
from llmlab.models.catalogue_openai import OPENAI
from llmlab.models.model import ModelSpec

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

SDKS: Final[Mapping[str, str]] = {"openai": "3.52", "anthropic": "2.11"}
"""The releases whose models are here. Of a model that came later nothing is known yet: it passes with a warning."""

SPECS: Final[tuple[ModelSpec, ...]] = (*OPENAI, *ANTHROPIC, *OPENROUTER, *OLLAMA, *LOCAL_GPT_OSS)
"""Every model of the catalogue."""
