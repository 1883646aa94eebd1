"""The factory of providers, and the names that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llmlab.errors import UnsupportedProviderError
from llmlab.providers import Provider, provider_class, provider_names
from llmlab.toolkit.interfaces.service.providers import BaseProvider, OpenAIProvider
from llmlab.toolkit.interfaces.service.transformers import checked


class ProviderFactory:
    """Providers by name."""

    registered: ClassVar[dict[str, type[BaseProvider]]] = {"openai": OpenAIProvider}

    @classmethod
    def register_provider(cls, name: str, provider: type[BaseProvider]) -> None:
        """Let a class execute all requests to a provider, until the process ends.

        Raises:
            ConfigurationError: it is no subclass of `BaseProvider`.
        """
        cls.registered[name] = checked(name, provider, BaseProvider)

    @classmethod
    def create(cls, name: str, client: Any = None) -> BaseProvider:
        """Return the provider of a name: a registered one, else llmlab's.

        Raises:
            UnsupportedProviderError: lists the names that there are.
        """
        if name not in cls.registered and not isinstance(client, Provider):
            try:
                provider_class(name)
            except UnsupportedProviderError:
                raise UnsupportedProviderError(name, SUPPORTED_PROVIDERS) from None
        provider = cls.registered.get(name, BaseProvider)(client)
        provider.name = name
        return provider


class _Names(Sequence[str]):
    """The names of all providers, also of those that are registered later."""

    def _now(self) -> list[str]:
        return list(dict.fromkeys([*provider_names(), *ProviderFactory.registered]))

    def __getitem__(self, index: Any) -> Any:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return repr(self._now())


SUPPORTED_PROVIDERS: Sequence[str] = _Names()
"""The names of all providers: llmlab's, and those that are registered, also later."""
