"""Models looked up by name: the catalogue's, those registered at run time, and those that installed packages offer.

A package offers the models of a provider as an entry point that carries the provider's name, in its `pyproject.toml`:

    [project.entry-points."llmlab.models"]
    acme = "acme_llm:SPECS"

`SPECS` is a `ModelSpec` or a list of them, loaded when somebody asks for a model of that provider that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any

from llmlab.config.entry_points import Plugins
from llmlab.errors import ConfigurationError
from llmlab.models.catalogue import SPECS
from llmlab.models.model import ModelCapabilities, ModelSpec, ParameterSpec, Prices

ENTRY_POINTS = "llmlab.models"
"""The entry-point group in which a package may offer what it knows of models."""


def _checked(offered: Any) -> tuple[ModelSpec, ...]:
    found = (offered,) if isinstance(offered, ModelSpec) else tuple(offered) if isinstance(offered, Iterable) else ()
    if not found or not all(isinstance(spec, ModelSpec) for spec in found):
        raise ConfigurationError(f"{offered!r} is no llmlab.ModelSpec, nor a list of them")
    for spec in found:
        _check(spec)
    return found


def _check(spec: ModelSpec) -> None:
    """Refuse a value of the wrong type here; the first call of the model would stumble over it."""
    right = {
        "model": isinstance(spec.model, str) and bool(spec.model),
        "provider": isinstance(spec.provider, str) and bool(spec.provider),
        "capabilities": isinstance(spec.capabilities, ModelCapabilities),
        "parameters": _are(spec.parameters, ParameterSpec),
        "prices": isinstance(spec.prices, Prices | None),
        "aliases": _are(spec.aliases, str),
    }
    for name, holds in right.items():
        if not holds:
            raise ConfigurationError(
                f"the {name} of a ModelSpec cannot be {getattr(spec, name)!r}. ModelSpec(model, provider, "
                "ModelCapabilities(…), (ParameterSpec(…),), prices=Prices(…), aliases=(name,))"
            )


def _are(values: object, kind: type) -> bool:
    return isinstance(values, (tuple, list)) and all(isinstance(value, kind) for value in values)


_plugins = Plugins("models of", ENTRY_POINTS, (), _checked)
_named: dict[tuple[str, str], ModelSpec] = {}
_first: dict[str, ModelSpec] = {}
_registered: set[tuple[str, str]] = set()


def register_spec(spec: ModelSpec) -> None:
    """Make a model known, or correct what is known of it. It holds at once and everywhere, until the process ends.

    To correct one thing: `register_spec(dataclasses.replace(find_spec("gpt-6-luna"), max_output_tokens=64_000))`.

    Args:
        spec: what is known. It takes the place of what was known by its name or one of its aliases.

    Raises:
        ConfigurationError: if it is no `ModelSpec`, or a value in it is of the wrong type.
    """
    for one in _checked(spec):
        _registered.add((one.provider, one.model))
        _add(one)


def find_spec(model: str, provider: str | None = None) -> ModelSpec | None:
    """Return what is known of a model, or None.

    Args:
        model: its name or an alias.
        provider: who offers it; else the first one in the catalogue that does, or the one that stands before the name,
            as in `anthropic/claude-haiku-5-5`.

    Raises:
        ConfigurationError: if an installed package offers that provider's models and they cannot be used.
    """
    if provider is not None:
        found = _named.get((provider, model))
        return found if found is not None or not _load(provider) else _named.get((provider, model))
    if (found := _first.get(model)) is not None:
        return found
    vendor, slash, name = model.partition("/")
    if slash and (found := find_spec(name, vendor)) is not None:
        return found
    return next((spec for spec in specs() if model in (spec.model, *spec.aliases)), None)


def specs(provider: str | None = None) -> tuple[ModelSpec, ...]:
    """Return everything that is known, or all of one provider's models.

    Raises:
        ConfigurationError: if an installed package offers the provider's models and they cannot be used.
    """
    if provider is not None:
        _load(provider)
    for offered in _offered() if provider is None else ():
        # A broken package is named when its own models are asked for, and nobody else has to hear of it.
        with suppress(ConfigurationError):
            _load(offered)
    return tuple(dict.fromkeys(spec for spec in _named.values() if provider in (None, spec.provider)))


def known_models(provider: str) -> tuple[str, ...]:
    """Return the names of a provider's models that are not retired."""
    return tuple(spec.model for spec in specs(provider) if not spec.is_retired())


def is_registered(spec: ModelSpec) -> bool:
    """Return whether somebody said this at run time or by a package; what they say goes before every list."""
    return (spec.provider, spec.model) in _registered


@cache
def _offered() -> frozenset[str]:
    """The providers whose models installed packages offer. Reading them takes milliseconds, so it is done once."""
    return frozenset(_plugins.names())


@cache
def _load(provider: str) -> bool:
    """Load what a package offers, the first time. Returns whether one offers anything."""
    offered = _plugins.get(provider) if provider in _offered() else None
    for spec in offered or ():
        register_spec(spec)
    return offered is not None


def _add(spec: ModelSpec) -> None:
    for name in (spec.model, *spec.aliases):
        _named[spec.provider, name] = spec
        if (first := _first.get(name)) is None or first.provider == spec.provider:
            _first[name] = spec


for _spec in SPECS:
    _add(_spec)
