"""Who is compared: providers, names of providers, names of models, each under a label of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from llmlab.errors import ConfigurationError
from llmlab.models import specs
from llmlab.policies import Policy
from llmlab.providers import Provider, get_provider, provider_names

Contestant: TypeAlias = Provider | str
Contestants: TypeAlias = Mapping[str, Contestant] | Iterable[Contestant]


def named(contestants: Contestants, limits: Policy | None = None) -> tuple[dict[str, Provider], list[Provider]]:
    """Return contestants by their labels, and those of them that were made here, which nobody else will close.

    Args:
        contestants: providers, or names: "ollama", "gpt-6-luna" (a model of the catalogue), "ollama/qwen3:4b". A
            mapping gives the labels itself; else names are their own labels.
        limits: a policy for those that are made here.

    Raises:
        ConfigurationError: for a name that is none, two with one label, none at all, or limits for a provider that is
            made already.
    """
    if isinstance(contestants, (str, Provider)) or not isinstance(contestants, Iterable):
        raise ConfigurationError('the contestants are a list, such as ["openai", "ollama"]')
    if isinstance(contestants, Mapping):
        pairs = [(str(label), one) for label, one in contestants.items()]
    else:
        listed = list(contestants)
        times = Counter(one.name for one in listed if isinstance(one, Provider))
        pairs = [(_label(one, times), one) for one in listed]
    if not pairs:
        raise ConfigurationError('the list of contestants is empty; name at least one, such as "openai"')
    for label, count in Counter(label for label, _ in pairs).items():
        if count > 1:
            raise ConfigurationError(
                f"{count} contestants are named {label!r}. Give each a label: {{'careful': …, 'quick': …}}"
            )
    found = {label: _made(one, limits) for label, one in pairs}
    return found, [found[label] for label, one in pairs if not isinstance(one, Provider)]


def _label(one: Contestant, times: Mapping[str, int]) -> str:
    if not isinstance(one, Provider):
        return str(one)
    return one.name if times[one.name] == 1 else f"{one.name}/{one.model}"


def _made(one: Contestant, limits: Policy | None) -> Provider:
    if isinstance(one, Provider):
        if limits is not None:
            raise ConfigurationError(
                f"the provider {one.name} is made already, and limits belong to its making: "
                f"get_provider({one.name!r}, policies=[limits])"
            )
        return one
    policies: dict[str, Any] = {} if limits is None else {"policies": [limits]}
    name, _, model = str(one).partition("/")
    if name in provider_names():
        return get_provider(name, model or None, **policies)
    homes = [spec.provider for spec in specs() if one in (spec.model, *spec.aliases)]
    if homes:
        return get_provider(homes[0], str(one), **policies)
    raise ConfigurationError(
        f"{one!r} is neither a provider nor a model of the catalogue. Providers are {', '.join(provider_names())}; any "
        'model of one is named with it, such as "ollama/qwen3:4b".'
    )
