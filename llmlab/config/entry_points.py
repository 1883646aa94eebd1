"""What can be had by name: built in, registered at run time, or offered by an installed package.

A package offers something as an entry point, in its `pyproject.toml`:

    [project.entry-points."llmlab.providers"]
    acme = "acme_llm:AcmeProvider"

It is loaded when it is asked for, so a broken package breaks nobody else's. What is built in cannot be replaced: a key
for OpenAI must not go to whoever calls himself that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from llmlab.errors import ConfigurationError

Thing = TypeVar("Thing")


class Plugins(Generic[Thing]):
    """The registered and the offered things of one kind.

    Args:
        what: the kind, in a word.
        group: the entry-point group in which packages offer them.
        built_in: the names that are taken.
        checked: returns a thing if it is of that kind, else raises `ConfigurationError`.
    """

    def __init__(self, what: str, group: str, built_in: Collection[str], checked: Callable[[Any], Thing]) -> None:
        self._what = what
        self._group = group
        self._built_in = built_in
        self._checked = checked
        self._registered: dict[str, Thing] = {}

    def register(self, name: str, thing: Thing) -> None:
        """Add something, or replace what was registered before, as a cell does that is run again.

        Raises:
            ConfigurationError: if it is of another kind, or its name is none or built in.
        """
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"a {self._what} is registered under a name, a text, not {name!r}")
        if name in self._built_in:
            raise ConfigurationError(f"the {self._what} {str(name)!r} is built in; choose another name")
        self._registered[name] = self._checked(thing)

    def names(self) -> tuple[str, ...]:
        """Return the names of what was registered and of what installed packages offer. Nothing is loaded."""
        offered = [point.name for point in entry_points(group=self._group) if point.name not in self._built_in]
        return tuple(dict.fromkeys([*self._registered, *offered]))

    def get(self, name: str) -> Thing | None:
        """Return what has a name, or None. What was registered comes before what a package offers.

        Raises:
            ConfigurationError: if a package offers it and it cannot be used, or two packages do; it names them.
        """
        if name in self._registered:
            return self._registered[name]
        points = list(entry_points(group=self._group, name=name))
        if not points or name in self._built_in:
            return None
        if len(points) > 1:
            packages = " and ".join(map(_package, points))
            raise ConfigurationError(f"{packages} both offer the {self._what} {name!r}; uninstall one of them")
        try:
            # Somebody else's code may raise anything, and must not end this process.
            self._registered[name] = self._checked(points[0].load())
        except (Exception, SystemExit) as error:
            reason = error.message if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}"
            raise ConfigurationError(
                f"{_package(points[0])} offers the {self._what} {name!r}, and it cannot be used: {reason}. "
                "Update or uninstall the package; everything else works without it."
            ) from error
        return self._registered[name]


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name} {point.dist.version}" if point.dist else f"the entry point {point.value}"
