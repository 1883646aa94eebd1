"""Which models there are: the lessons' choice for each provider, the current ones, and the retired ones.

The names are data, checked against the installed SDKs by a test. Prices and context windows come from `genai-prices`.
"""

from __future__ import annotations

from llmlab.specs.catalogue import MODELS, RETIRED, SPECS, ModelSpec

__all__ = ["MODELS", "RETIRED", "SPECS", "ModelSpec", "find_spec", "known_models"]


def find_spec(model: str, provider: str) -> ModelSpec | None:
    """Return what is known of a provider's model, or None."""
    return next((spec for spec in SPECS if spec.model == model and spec.provider == provider), None)


def known_models(provider: str) -> tuple[str, ...]:
    """Return the names of a provider's models that are not retired."""
    return tuple(spec.model for spec in SPECS if spec.provider == provider and not spec.is_retired())
