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


def find_contestants(
    contestants: Contestants, limits: Policy | None = None
) -> tuple[dict[str, Provider], list[Provider]]:
    """Return contestants by their labels, and those of them that were created here and must be closed.

    Args:
        contestants: providers, or names: "ollama", "gpt-6-luna" (a model of the catalogue), "ollama/qwen3:4b". A
            mapping sets the labels; else names are their own labels.
        limits: a policy for those that are created here.

    Raises:
        ConfigurationError: for an unknown name, two equal labels, an empty list, or limits for a finished provider.
    """
    if isinstance(contestants, (str, Provider)) or not isinstance(contestants, Iterable):
        raise ConfigurationError('the contestants are a list, such as ["openai", "ollama"]')
    if isinstance(contestants, Mapping):
        pairs = [(str(label), one) for label, one in contestants.items()]
    else:
        listed = list(contestants)
        names = [one.name for one in listed if isinstance(one, Provider)]
        pairs = [(_label(one, names), one) for one in listed]
    if not pairs:
        raise ConfigurationError('the list of contestants is empty; name at least one, such as "openai"')
    label, count = Counter(label for label, _ in pairs).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(
            f"{count} contestants are named {label!r}. Give each a label: {{'careful': …, 'quick': …}}"
        )
    found = {label: _provider(one, limits) for label, one in pairs}
    return found, [found[label] for label, one in pairs if not isinstance(one, Provider)]


def _label(one: Contestant, names: list[str]) -> str:
    if not isinstance(one, Provider):
        return str(one)
    return one.name if names.count(one.name) == 1 else f"{one.name}/{one.model}"


def _provider(one: Contestant, limits: Policy | None) -> Provider:
    if isinstance(one, Provider):
        if limits is not None:
            raise ConfigurationError(
                f"limits are set when a provider is created, and {one.name} exists already: "
                f"get_provider({one.name!r}, policies=[limits])"
            )
        return one
    policies: dict[str, Any] = {} if limits is None else {"policies": [limits]}
    name, _, model = str(one).partition("/")
    if name in provider_names():
        return get_provider(name, model or None, **policies)
    for spec in specs():
        if one in (spec.model, *spec.aliases):
            return get_provider(spec.provider, str(one), **policies)
    raise ConfigurationError(
        f"{one!r} is neither a provider nor a model of the catalogue. Providers are {', '.join(provider_names())}; any "
        'model of a provider is named with it, such as "ollama/qwen3:4b".'
    )
