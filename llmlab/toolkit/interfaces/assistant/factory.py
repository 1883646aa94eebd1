"""Providers from a configuration, with those of your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from llmlab.config.environment import Settings
from llmlab.config.settings import settings_from
from llmlab.errors import ConfigurationError, UnsupportedProviderError
from llmlab.providers import get_provider, provider_class, provider_names
from llmlab.toolkit.interfaces.assistant.provider import ClientProvider, LLMProvider, takes_temperature

_RETRIES: Final = {"max_retries": 2, "retry": {"jitter": 0}}
"""Three attempts, the waits exactly 2, 4, 8 … seconds."""


class ProviderFactory:
    """Creates providers by name."""

    _own: ClassVar[dict[str, type[LLMProvider]]] = {}

    @classmethod
    def register_provider(cls, name: str, provider: type[LLMProvider]) -> None:
        """Make a provider of your own available, until the process ends.

        Args:
            name: for the configuration.
            provider: a subclass of `LLMProvider`. It gets its section of the configuration.

        Raises:
            ConfigurationError: if it is no such class, or the name belongs to a provider of llmlab.
        """
        if not (isinstance(provider, type) and issubclass(provider, LLMProvider)):
            raise ConfigurationError(f"{provider!r} is not a subclass of LLMProvider")
        if name in provider_names():
            raise ConfigurationError(f"{name!r} is a provider of llmlab; register yours under another name")
        cls._own[name] = provider

    @classmethod
    def create_from_config(cls, config: Mapping[str, Any]) -> LLMProvider:
        """Return the provider that a configuration names as `backend`.

        Args:
            config: `{"llm": {"backend": name, name: {setting: value}}}`. What stands beside `llm` is not read. The
                settings are those of `llmlab.yaml`, such as api_key_env, base_url, model, timeout, max_tokens and
                temperature.

        Raises:
            ConfigurationError: names the setting that is missing, unknown or wrong.
            UnsupportedProviderError: lists the names that there are.
            MissingAPIKeyError: names the variable.
        """
        llm = config.get("llm") if isinstance(config, Mapping) else None
        if not isinstance(llm, Mapping) or not llm.get("backend"):
            raise ConfigurationError('the configuration names no backend: {"llm": {"backend": "ollama"}}')
        return cls.create(str(llm["backend"]), config)

    @classmethod
    def create(cls, name: str, config: Mapping[str, Any] | None = None) -> LLMProvider:
        """Return a provider.

        Args:
            name: "openai", "anthropic", "openrouter", "ollama", "local_gpt_oss", or one of your own.
            config: the whole configuration, its part `llm`, or the provider's section.

        Raises:
            The errors of `create_from_config`.
        """
        known = (*provider_names(), *cls._own)
        config = config or {}
        llm = config.get("llm", config) if isinstance(config, Mapping) else config
        if not isinstance(llm, Mapping):
            raise ConfigurationError(f"a configuration is a dict, not {type(llm).__name__}")
        sections = llm if "llm" in config or llm.keys() & {"backend", *known} else {name: llm}
        for one in (name, *sections):
            if one not in known and one != "backend":
                raise UnsupportedProviderError(one, known)
        if name in cls._own:
            return cls._own[name](sections.get(name) or {})
        sections, own = {name: {}, **sections}, {"backend", *cls._own}
        settings = settings_from(
            {"llm": {one: _retried(section) for one, section in sections.items() if one not in own}}
        )
        return ClientProvider(get_provider(name, settings=_without_temperatures(settings)))


def _retried(section: Any) -> Any:
    return {**_RETRIES, **section} if isinstance(section, Mapping) else section or _RETRIES


def _without_temperatures(settings: Settings) -> Settings:
    """Return settings without the temperatures that their models do not take."""
    sections = {
        name: one
        if one.temperature is None or takes_temperature(one.model or provider_class(name).default_model, name)
        else replace(one, temperature=None)
        for name, one in settings.providers.items()
    }
    return replace(settings, providers=sections)
