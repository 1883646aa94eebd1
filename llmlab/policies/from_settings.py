"""The policies in `llmlab.yaml`.

    providers:
      openai: {limits: {requests_per_minute: 60}, budget: {max_usd: 5}, retry: {total: 60, on: [rate_limit, timeout]}}

All providers of one name and the same settings share their limits, budget and cache in a process; a limit that began
anew with each provider would limit nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmlab._utils.locks import Lock
from llmlab.config.environment import ProviderSettings
from llmlab.policies.base import Policy
from llmlab.policies.budget import Budget
from llmlab.policies.cache import Cache
from llmlab.policies.limits import Limits
from llmlab.policies.retry import RetryPolicy

_lock = Lock()
_shared: dict[str, Policy] = {}


def policies_from(name: str, settings: ProviderSettings, arguments: Mapping[str, Any]) -> list[Policy]:
    """Return the policies of a provider's settings, the outermost first.

    Args:
        name: name of the provider.
        settings: its settings.
        arguments: arguments in the code, which replace those of the file.
    """
    outer = _policy(name, Cache, settings.cache) + _policy(name, Budget, settings.budget)
    return outer + _retry(settings, arguments) + _policy(name, Limits, settings.limits)


def _policy(name: str, kind: Callable[..., Policy], options: Mapping[str, Any] | None) -> list[Policy]:
    if options is None:
        return []
    key = f"{name} {kind} {sorted(options.items())}"
    return [_lock.run(_share, key, lambda: kind(**options))]


def _share(key: str, create: Callable[[], Policy]) -> Policy:
    if key not in _shared:
        _shared[key] = create()
    return _shared[key]


def _retry(settings: ProviderSettings, arguments: Mapping[str, Any]) -> list[Policy]:
    if settings.retry is None:
        return []
    names = {"max_retries": "max_retries", "retry_delay": "base_delay"}
    general = {own: value for name, own in names.items() if (value := getattr(settings, name)) is not None}
    chosen = {own: value for name, own in names.items() if (value := arguments.get(name)) is not None}
    return [RetryPolicy(**{**general, **settings.retry, **chosen})]
