"""Check several providers at once. A missing key is a reason, and no error."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from llmlab.config.environment import Settings
from llmlab.config.settings import load_settings
from llmlab.errors import LLMError
from llmlab.providers.health_report import Health, HealthReport
from llmlab.providers.registry import build_provider, provider_class, provider_names

PATIENCE = 10.0
"""Seconds to wait for each, where the caller does not say."""


def health(*names: str, timeout: float = PATIENCE, settings: Settings | None = None) -> HealthReport:
    """Return whether providers answer, after how long, or why not.

    Args:
        names: of the providers; without a name, all.
        timeout: seconds to wait for each.
        settings: from `load_settings`; else `llmlab.yaml`, if there is one.

    Raises:
        UnsupportedProviderError: for an unknown name.
        ConfigurationError: for settings that are wrong.
    """
    known, settings = _known(names), settings or load_settings()
    with ThreadPoolExecutor(max_workers=len(known)) as pool:
        futures = [pool.submit(copy_context().run, _ask, name, timeout, settings) for name in known]
        return HealthReport(future.result() for future in futures)


async def health_async(*names: str, timeout: float = PATIENCE, settings: Settings | None = None) -> HealthReport:
    """The async twin of `health`."""
    known, settings = _known(names), settings or load_settings()
    return HealthReport(await asyncio.gather(*(_ask_async(name, timeout, settings) for name in known)))


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        provider_class(name)
    return names or provider_names()


def _ask(name: str, timeout: float, settings: Settings) -> Health:
    try:
        with build_provider(name, settings, {"timeout": timeout}) as opened:
            return opened.health()
    except LLMError as error:
        return Health(name, False, error.message)


async def _ask_async(name: str, timeout: float, settings: Settings) -> Health:
    try:
        async with build_provider(name, settings, {"timeout": timeout}) as opened:
            return await opened.health_async()
    except LLMError as error:
        return Health(name, False, error.message)
