"""The policies that `llmlab.yaml` asks for.

    providers:
      openai: {limits: {requests_per_minute: 60}, budget: {max_usd: 5}, retry: {total: 60, on: [rate_limit, timeout]}}

Limits, budgets and caches are there once in a process for each provider and what is said of it, however often the
provider is made: a limit that began anew each time would be none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from llmlab.config.environment import ProviderSettings
from llmlab.policies.base import Policy
from llmlab.policies.budget import Budget
from llmlab.policies.cache import Cache
from llmlab.policies.limits import Limits
from llmlab.policies.retry import RetryPolicy

_lock = threading.Lock()
_shared: dict[str, Policy] = {}


def policies_from(name: str, settings: ProviderSettings, given: Mapping[str, Any]) -> list[Policy]:
    """Return what the settings say of a provider's policies, the outermost first.

    Args:
        name: of the provider.
        settings: what is said of it.
        given: arguments in the code, which win over those of the file.
    """
    outer = _policy(name, Cache, settings.cache) + _policy(name, Budget, settings.budget)
    return outer + _retry(settings, given) + _policy(name, Limits, settings.limits)


def _policy(name: str, kind: Callable[..., Policy], options: Mapping[str, Any] | None) -> list[Policy]:
    if options is None:
        return []
    key = f"{name} {kind} {sorted(options.items())}"
    with _lock:
        if key not in _shared:
            _shared[key] = kind(**options)
        return [_shared[key]]


def _retry(settings: ProviderSettings, given: Mapping[str, Any]) -> list[Policy]:
    if settings.retry is None:
        return []
    names = {"max_retries": "max_retries", "retry_delay": "base_delay"}
    general = {own: value for name, own in names.items() if (value := getattr(settings, name)) is not None}
    chosen = {own: value for name, own in names.items() if (value := given.get(name)) is not None}
    return [RetryPolicy(**{**general, **settings.retry, **chosen})]
