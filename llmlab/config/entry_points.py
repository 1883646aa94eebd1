"""Plugins by name: registered at run time, or offered by an installed package.

A package offers a plugin as an entry point, in its `pyproject.toml`:

    [project.entry-points."llmlab.providers"]
    acme = "acme_llm:AcmeProvider"

It is loaded on first use, so that a broken package does not affect others. Built-in names cannot be replaced: a key
for OpenAI must not go to another service of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from llmlab.errors import ConfigurationError

Plugin = TypeVar("Plugin")


class Plugins(Generic[Plugin]):
    """The plugins of one kind.

    Args:
        what: the kind, in a word.
        group: the entry-point group of packages that offer them.
        built_in: names that cannot be used.
        checked: returns a plugin of this kind, and raises `ConfigurationError` for anything else.
    """

    def __init__(self, what: str, group: str, built_in: Collection[str], checked: Callable[[Any], Plugin]) -> None:
        self._what, self._group, self._built_in, self._checked = what, group, built_in, checked
        self._registered: dict[str, Plugin] = {}

    def register(self, name: str, plugin: Plugin) -> None:
        """Add a plugin, or replace it, as a cell does that runs again.

        Raises:
            ConfigurationError: if it is of another kind, or its name is not a text, empty or built in.
        """
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"the name of a {self._what} must be a text, not {name!r}")
        if name in self._built_in:
            raise ConfigurationError(f"the {self._what} {str(name)!r} is built in; choose another name")
        self._registered[name] = self._checked(plugin)

    def names(self) -> tuple[str, ...]:
        """Return the names of all plugins, registered and offered. Nothing is loaded."""
        offered = [point.name for point in entry_points(group=self._group) if point.name not in self._built_in]
        return tuple(dict.fromkeys([*self._registered, *offered]))

    def get(self, name: str) -> Plugin | None:
        """Return the plugin of a name, or None. A registered one comes before one of a package.

        Raises:
            ConfigurationError: if a package offers it and it cannot be used, or two packages do; it names them.
        """
        if name in self._registered or name in self._built_in:
            return self._registered.get(name)
        points = list(entry_points(group=self._group, name=name))
        if not points:
            return None
        if len(points) > 1:
            packages = " and ".join(map(_package, points))
            raise ConfigurationError(f"{packages} both offer the {self._what} {name!r}; uninstall one of them")
        try:
            self._registered[name] = self._checked(points[0].load())
        except (Exception, SystemExit) as error:  # The package may raise anything, and must not end this process.
            reason = error.message if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}"
            raise ConfigurationError(
                f"{_package(points[0])} offers the {self._what} {name!r}, and it cannot be used: {reason}. "
                "Update or uninstall the package; everything else works without it."
            ) from error
        return self._registered[name]


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist else f"the entry point {point.value}"
