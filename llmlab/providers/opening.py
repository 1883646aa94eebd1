"""Return a provider by its name, as the settings describe it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings
from llmlab.errors import MissingAPIKeyError
from llmlab.providers.base import Provider
from llmlab.providers.failover import Failover
from llmlab.providers.registry import build_provider


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
    """Return a provider by its name. With a `fallback` in the settings, it is a `Failover`.

    Args:
        name: "openai", "anthropic", "openrouter", "ollama", "local_gpt_oss", a `ProviderType`, or a registered name;
            else the `backend` of the settings.
        model: name of the model; else the settings', else the provider's default.
        api_key: the key; else the environment, then `.env`.
        base_url: where the service is.
        timeout: seconds to wait for the next sign of life; 60, or 120 for a local server.
        max_retries: tries beyond the first; 3.
        settings: from `load_settings`; else `llmlab.yaml`, if there is one.
        options: further arguments of the provider's class, such as `client` or `api`.

    Raises:
        UnsupportedProviderError: for an unknown name.
        MissingAPIKeyError: if the provider needs a key and none was found.
        ConfigurationError: for settings that are wrong.
    """
    settings = settings or load_settings()
    name = str(name or settings.backend)
    options |= {"model": model, "api_key": api_key, "base_url": base_url}
    options |= {"timeout": timeout, "max_retries": max_retries}
    fallbacks = settings.fallbacks(name)
    if not fallbacks:
        return build_provider(name, settings, options)
    first: Provider | str = name
    with suppress(MissingAPIKeyError):  # the fallback may have a key
        first = build_provider(name, settings, options)
    return Failover([first, *fallbacks], settings=settings)
