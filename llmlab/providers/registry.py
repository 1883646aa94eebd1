"""Providers by name: the five built in, those registered at run time, and those of the entry-point group."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from typing import Any

from llmlab.config.entry_points import Plugins
from llmlab.config.environment import Settings
from llmlab.errors import ConfigurationError, UnsupportedProviderError
from llmlab.formats import Format
from llmlab.policies import policies_from
from llmlab.providers.base import Provider

ENTRY_POINTS = "llmlab.providers"
"""The entry-point group in which a package may offer a provider."""


class ProviderType(StrEnum):
    """The providers that are built in."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENROUTER = "openrouter"
    OLLAMA = "ollama"
    LOCAL_GPT_OSS = "local_gpt_oss"


# Where each class is. They load on first use, so that nobody pays for a provider that is not asked.
_BUILT_IN = {
    "openai": "OpenAIProvider",
    "anthropic": "AnthropicProvider",
    "openrouter": "OpenRouterProvider",
    "ollama": "OllamaProvider",
    "local_gpt_oss": "LocalGptOssProvider",
}


def _checked(provider: Any) -> type[Provider]:
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise ConfigurationError(f"{provider!r} is not a subclass of llmlab.Provider")
    for attribute in ("name", "default_model"):
        if not isinstance(getattr(provider, attribute, None), str):
            raise ConfigurationError(
                f"{provider.__name__} has no {attribute}. A provider has a name, a default_model, a "
                "default_base_url and a wire format."
            )
    format = getattr(provider, "format", None)
    if not isinstance(format, Format | property | None):
        raise ConfigurationError(
            f"the format of {provider.__name__} is {format!r}; get_format(name) gives one that is there already"
        )
    return provider


_plugins = Plugins("provider", ENTRY_POINTS, _BUILT_IN, _checked)


def register_provider(name: str, provider: type[Provider]) -> None:
    """Add a provider, which then works wherever a name does, also in `llmlab.yaml`, until the process ends.

    For the command line, a package offers it in the entry-point group `llmlab.providers`.

    Args:
        name: for `get_provider`.
        provider: a subclass of `Provider`.

    Raises:
        ConfigurationError: if it is no such class, or the name belongs to a built-in provider.
    """
    _plugins.register(name, provider)


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers: built in, registered, and offered by installed packages."""
    return (*_BUILT_IN, *_plugins.names())


def provider_class(name: str) -> type[Provider]:
    """Return the class of a provider.

    Raises:
        UnsupportedProviderError: lists the known names.
        ConfigurationError: if an installed package offers it and it cannot be used; names the package.
    """
    name = str(name)
    if name in _BUILT_IN:
        built_in: type[Provider] = getattr(import_module(f"llmlab.providers.{name}"), _BUILT_IN[name])
        return built_in
    found = _plugins.get(name)
    if found is None:
        raise UnsupportedProviderError(name, provider_names())
    return found


def build_provider(name: str, settings: Settings, given: Mapping[str, Any]) -> Provider:
    """Return a provider as the settings describe it, without its fallback; see `get_provider` for the errors.

    Args:
        name: of the provider.
        settings: hold where `given` has no value.
        given: arguments of its class; None leaves one out.
    """
    _check_names(settings)
    kind = provider_class(name)
    options = {**settings.options_for(name), **{key: value for key, value in given.items() if value is not None}}
    chosen = settings.providers.get(name)
    if chosen and "policies" not in options and (policies := policies_from(name, chosen, given)):
        options["policies"] = policies
    return kind(**options)


def _check_names(settings: Settings) -> None:
    """Refuse settings for a provider that there is not: a misspelled name would silently set nothing."""
    for name in settings.providers:
        if name not in _BUILT_IN and name not in provider_names():
            near = difflib.get_close_matches(name, provider_names(), 1)
            hint = f"did you mean {near[0]!r}?" if near else "register it first: llmlab.register_provider(name, Class)."
            raise ConfigurationError(f"the settings name the unknown provider {name!r}; {hint}")
