"""Providers by name, from a configuration."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab._utils.context_managers import AsyncClosing, Closing
from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings, settings_from
from llmlab.providers.health import health, health_async
from llmlab.providers.health_report import HealthReport
from llmlab.toolkit.interfaces.models.client import ChatCompletionClient, connect
from llmlab.toolkit.interfaces.models.types import LLMProvider, TokenUsage


class ProviderFactory(Closing, AsyncClosing):
    """Providers by name, as a configuration describes them. They share one count of tokens.

    With `fallback: true` in a section, its provider and the others stand in for each other.

    Args:
        config: path of a YAML file, a dict, or `Settings`; else `llmlab.yaml`, if there is one.

    Raises:
        ConfigurationError: names the file, the line and the setting that is wrong.
    """

    def __init__(self, config: str | Path | Mapping[str, Any] | Settings | None = None) -> None:
        if isinstance(config, Mapping):
            config = settings_from(config)
        self.settings = config if isinstance(config, Settings) else load_settings(config)
        self.providers: dict[str, LLMProvider] = {}
        """The providers so far. One of your own may be put in."""
        self.usage = TokenUsage()
        self._lock = threading.Lock()

    def get_provider(self, name: str) -> LLMProvider:
        """Return a provider; for a name, always the same one.

        Raises:
            UnsupportedProviderError: lists the names that there are.
            MissingAPIKeyError: neither the provider nor a fallback has its key.
        """
        with self._lock:
            if name not in self.providers:
                sections = self.settings.providers
                marked = tuple(one for one, section in sections.items() if section.fallback is True and one != name)
                names = (name, *(self.settings.fallbacks(name) or marked))
                client = connect([(one, {}) for one in names], self.settings)
                self.providers[name] = ChatCompletionClient(client, self.usage)
            return self.providers[name]

    def health(self) -> HealthReport:
        """Return whether the providers of the configuration answer, or why not."""
        return health(*self.settings.providers, settings=self.settings)

    async def health_async(self) -> HealthReport:
        """The async twin of `health`."""
        return await health_async(*self.settings.providers, settings=self.settings)

    def close(self) -> None:
        """Close the connections of all its providers."""
        for provider in self.providers.values():
            if isinstance(provider, ChatCompletionClient):
                provider.close()

    async def aclose(self) -> None:
        """The async twin of `close`."""
        for provider in self.providers.values():
            if isinstance(provider, ChatCompletionClient):
                await provider.aclose()
