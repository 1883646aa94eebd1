"""Which models there are: the lessons' choice for each provider, the current ones, and the retired ones.

The names are data, checked against the installed SDKs by a test. What a model can do is not here yet.
"""

from __future__ import annotations

from llmlab.specs.catalogue import MODELS, RETIRED, SPECS, ModelSpec
from llmlab.specs.prices import price_of

__all__ = ["MODELS", "RETIRED", "SPECS", "ModelSpec", "find_spec", "known_models", "price_of"]


def find_spec(model: str, provider: str | None = None) -> ModelSpec | None:
    """Return what is known of a model, or None.

    Args:
        model: its name.
        provider: who offers it; else the first one in the catalogue that does.
    """
    return next((spec for spec in SPECS if spec.model == model and provider in (None, spec.provider)), None)


def known_models(provider: str) -> tuple[str, ...]:
    """Return the names of a provider's models that are not retired."""
    return tuple(spec.model for spec in SPECS if spec.provider == provider and not spec.is_retired())
