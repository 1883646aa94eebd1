"""One door to all providers: a name, and what the settings say of it."""

from __future__ import annotations

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
    """Return a provider, ready to answer. Where the settings give it a `fallback`, it is a `Failover`.

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
    name = str(name or settings.backend)
    given = {
        "model": model,
        "api_key": api_key,
        "base_url": base_url,
        "timeout": timeout,
        "max_retries": max_retries,
        **options,
    }
    others = settings.fallbacks(name)
    if not others:
        return build_provider(name, settings, given)
    try:
        first: Provider | str = build_provider(name, settings, given)
    except MissingAPIKeyError:
        # The others may have one.
        first = name
    return Failover([first, *others], settings=settings)
