"""Who to call: five providers, and those that are added. Each answers in the same four call shapes."""

from __future__ import annotations

import logging

from llmlab.providers.base import Provider
from llmlab.providers.failover import Failover
from llmlab.providers.health_report import Health
from llmlab.providers.opening import get_provider
from llmlab.providers.registry import ProviderType, provider_class, provider_names, register_provider
from llmlab.providers.tokens import TokenCount

# A library stays quiet until its user sets up logging; a notebook would print every error twice.
logging.getLogger("llmlab").addHandler(logging.NullHandler())

__all__ = [
    "Failover",
    "Health",
    "Provider",
    "ProviderType",
    "TokenCount",
    "get_provider",
    "provider_class",
    "provider_names",
    "register_provider",
]
