"""Models by name: the catalogue, those registered at run time, and those that installed packages offer.

A package offers the models of a provider as an entry point with the provider's name, in its `pyproject.toml`:

    [project.entry-points."llmlab.models"]
    acme = "acme_llm:SPECS"

`SPECS` is a `ModelSpec` or a list of them. It is loaded when an unknown model of that provider is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmlab.config.entry_points import Plugins
from llmlab.errors import ConfigurationError
from llmlab.models.catalogue import SPECS
from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices

ENTRY_POINTS = "llmlab.models"
"""The entry-point group of packages that offer models."""


def checked_specs(offered: Any) -> tuple[ModelSpec, ...]:
    """Return specs as a tuple. A value of a wrong type would break the first call of the model.

    Raises:
        ConfigurationError: names the value, and what is expected.
    """
    specs = (offered,) if isinstance(offered, ModelSpec) else tuple(offered) if isinstance(offered, Iterable) else ()
    if not specs or not all(isinstance(spec, ModelSpec) for spec in specs):
        raise ConfigurationError(f"{offered!r} is no llmlab.ModelSpec, nor a list of them")
    for spec in specs:
        right = {
            "model": isinstance(spec.model, str) and bool(spec.model),
            "provider": isinstance(spec.provider, str) and bool(spec.provider),
            "capabilities": isinstance(spec.capabilities, ModelCapabilities),
            "parameters": _are(spec.parameters, ParameterSpec),
            "prices": isinstance(spec.prices, Prices | None),
            "aliases": _are(spec.aliases, str),
        }
        for name in (name for name, holds in right.items() if not holds):
            raise ConfigurationError(
                f"the {name} of a ModelSpec cannot be {getattr(spec, name)!r}. ModelSpec(model, provider, "
                "ModelCapabilities(…), (ParameterSpec(…),), prices=Prices(…), aliases=(name,))"
            )
    return specs


def _are(values: object, kind: type) -> bool:
    return isinstance(values, (tuple, list)) and all(isinstance(value, kind) for value in values)


class Registry:
    """All known models of a process."""

    def __init__(self) -> None:
        self.plugins = Plugins("models of", ENTRY_POINTS, (), checked_specs)
        self.by_provider: dict[tuple[str, str], ModelSpec] = {}
        self.by_name: dict[str, ModelSpec] = {}
        self.registered: set[tuple[str, str]] = set()
        # Providers whose models packages offer, not loaded yet. Reading them takes milliseconds, so it is done once.
        self.offered: set[str] | None = None
        for spec in SPECS:
            self._add(spec)

    def register(self, specs: Iterable[ModelSpec]) -> None:
        """Add models, or replace what is known of them."""
        for spec in specs:
            self.registered.add((spec.provider, spec.model))
            self._add(spec)

    def load(self, provider: str | None = None) -> None:
        """Load what packages offer for a provider, or for all of them without those that are broken.

        Raises:
            ConfigurationError: if the models of the named provider cannot be used.
        """
        if self.offered is None:
            self.offered = set(self.plugins.names())
        for name in self.offered & {provider} if provider else [*self.offered]:
            try:
                self.register(self.plugins.get(name) or ())
            except ConfigurationError:
                if provider:
                    raise
            else:
                self.offered.discard(name)

    def _add(self, spec: ModelSpec) -> None:
        for name in (spec.model, *spec.aliases):
            self.by_provider[spec.provider, name] = spec
            if (first := self.by_name.get(name)) is None or first.provider == spec.provider:
                self.by_name[name] = spec


_registry = Registry()


def register_spec(spec: ModelSpec) -> None:
    """Make a model known, or correct what is known of it. It holds at once and everywhere, until the process ends.

    To correct one thing: `register_spec(dataclasses.replace(find_spec("gpt-6-luna"), max_output_tokens=64_000))`.

    Args:
        spec: what is known. It replaces what was known by its name or one of its aliases.

    Raises:
        ConfigurationError: if it is no `ModelSpec`, or a value in it is of the wrong type.
    """
    _registry.register(checked_specs(spec))


def find_spec(model: str, provider: str | None = None) -> ModelSpec | None:
    """Return what is known of a model, or None.

    Args:
        model: its name or an alias.
        provider: its provider; else the first one in the catalogue with that model, or the one in the name, as in
            `anthropic/claude-haiku-5-5`.

    Raises:
        ConfigurationError: if an installed package offers that provider's models and they cannot be used.
    """
    if provider is not None:
        if (provider, model) not in _registry.by_provider:
            _registry.load(provider)
        return _registry.by_provider.get((provider, model))
    if (found := _registry.by_name.get(model)) is not None:
        return found
    vendor, slash, name = model.partition("/")
    if slash and (found := find_spec(name, vendor)) is not None:
        return found
    _registry.load()
    return _registry.by_name.get(model)


def specs(provider: str | None = None) -> tuple[ModelSpec, ...]:
    """Return all known models, or all of one provider.

    Raises:
        ConfigurationError: if an installed package offers the provider's models and they cannot be used.
    """
    _registry.load(provider)
    return tuple(dict.fromkeys(one for one in _registry.by_provider.values() if provider in (None, one.provider)))


def known_models(provider: str) -> tuple[str, ...]:
    """Return the names of a provider's models that are not retired."""
    return tuple(spec.model for spec in specs(provider) if not spec.is_retired())


def is_registered(spec: ModelSpec) -> bool:
    """Return whether a model was registered at run time or by a package: its prices go before every list."""
    return (spec.provider, spec.model) in _registry.registered
