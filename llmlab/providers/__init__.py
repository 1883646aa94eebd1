"""Who to call: five providers, and those that are added. Each answers in the same four call shapes."""

from __future__ import annotations

from llmlab.providers.base import Provider
from llmlab.providers.calls import Health, TokenCount
from llmlab.providers.registry import ProviderType, get_provider, provider_class, provider_names, register_provider

__all__ = [
    "Health",
    "Provider",
    "ProviderType",
    "TokenCount",
    "get_provider",
    "provider_class",
    "provider_names",
    "register_provider",
]
