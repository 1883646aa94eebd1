"""Providers by name: the five built in, those registered at run time, and those of the entry-point group."""

from __future__ import annotations

import difflib
from enum import StrEnum
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from llmlab.config import Settings
from llmlab.errors import ConfigurationError, UnsupportedProviderError
from llmlab.providers.base import Provider
from llmlab.settings_file import load_settings

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
_registered: dict[str, type[Provider]] = {}


def register_provider(name: str, provider: type[Provider]) -> None:
    """Add a provider, which then works everywhere a name does.

    Args:
        name: how it will be asked for.
        provider: a subclass of `Provider`.

    Raises:
        ConfigurationError: if the class is none, or the name belongs to a built-in provider.
    """
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise ConfigurationError(f"{provider!r} is not a subclass of llmlab.providers.Provider")
    if name in _BUILT_IN:
        raise ConfigurationError(f"{name!r} is built in; choose another name")
    _registered[name] = provider


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers: built in, registered, and offered by installed packages."""
    offered = [point.name for point in entry_points(group=ENTRY_POINTS)]
    return tuple(dict.fromkeys([*_BUILT_IN, *_registered, *offered]))


def provider_class(name: str) -> type[Provider]:
    """Return the class of a provider.

    Raises:
        UnsupportedProviderError: lists the known names.
        ConfigurationError: if an installed package offers something that is no provider.
    """
    name = str(name)
    if name in _registered:
        return _registered[name]
    if name in _BUILT_IN:
        found: type[Provider] = getattr(import_module(f"llmlab.providers.{name}"), _BUILT_IN[name])
        return found
    for point in entry_points(group=ENTRY_POINTS, name=name):
        register_provider(name, point.load())
        return _registered[name]
    raise UnsupportedProviderError(name, provider_names())


def get_provider(
    name: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float | None = None,
    max_retries: int | None = None,
    *,
    settings: Settings | None = None,
    **options: Any,
) -> Provider:
    """Return a provider, ready to answer.

    Args:
        name: "openai", "anthropic", "openrouter", "ollama", "local_gpt_oss", a `ProviderType`, or a registered name;
            else the `backend` of the settings.
        model: name of the model; else the settings', else the provider's default.
        api_key: the key; else the environment, then `.env`.
        base_url: where the service is.
        timeout: seconds to wait for the next sign of life; 60, or 120 for a local server.
        max_retries: tries beyond the first; 3.
        settings: from `load_settings`; else `llmlab.yaml`, if there is one.
        options: what the provider's class takes beyond these, such as `client` or `api`.

    Raises:
        UnsupportedProviderError: for an unknown name.
        MissingAPIKeyError: if the provider needs a key and none was found.
        ConfigurationError: for settings that are wrong.
    """
    settings = settings or load_settings()
    _check_names(settings)
    kind = provider_class(name or settings.backend)
    given = {
        "model": model,
        "api_key": api_key,
        "base_url": base_url,
        "timeout": timeout,
        "max_retries": max_retries,
        **options,
    }
    configured = settings.options_for(str(name or settings.backend))
    return kind(**{**configured, **{key: value for key, value in given.items() if value is not None}})


def _check_names(settings: Settings) -> None:
    """Refuse settings for a provider that there is not: a misspelled name would silently set nothing."""
    for name in settings.providers:
        if name not in _BUILT_IN and name not in provider_names():
            near = difflib.get_close_matches(name, provider_names(), 1)
            hint = f"did you mean {near[0]!r}?" if near else "register it first: llmlab.register_provider(name, Class)."
            raise ConfigurationError(f"the settings speak of {name!r}, which is no provider; {hint}")
