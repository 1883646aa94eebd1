"""Reads `llmlab.yaml`, and says where it is wrong: file, line, and the nearest valid name.

    backend: openai
    providers:
      openai: {api_key_env: OPENAI_API_KEY, timeout: 30}
      ollama: {base_url: "${OLLAMA_HOST:-http://localhost:11434}"}

`${VAR}` stands for an environment variable, `${VAR:-text}` for one with a default. Keys never stand in this file.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmlab.config import ProviderSettings, Settings
from llmlab.errors import ConfigurationError

if TYPE_CHECKING:
    from yaml.nodes import Node

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def load_settings(path: str | Path | None = None) -> Settings:
    """Return the settings.

    Args:
        path: of an `llmlab.yaml`; else LLMLAB_CONFIG, else `llmlab.yaml` in the working directory, if there is one.

    Raises:
        ConfigurationError: if a named file is missing, or a file holds settings that are unknown or of the wrong type.
    """
    named = path or os.environ.get("LLMLAB_CONFIG")
    file = Path(named or "llmlab.yaml")
    if file.is_file():
        return _Reader(file).settings()
    if named:
        raise ConfigurationError(f"there is no settings file {file}; create it, or leave the path out")
    return Settings()


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_count(low: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "api_key_env": (
        "the name of an environment variable",
        lambda value: bool(re.fullmatch(r"[A-Z][A-Z0-9_]*", str(value))),
    ),
    "base_url": (
        "an address that begins with http:// or https://",
        lambda value: bool(re.match(r"https?://.", str(value))),
    ),
    "model": ("a model's name", _is_text),
    "timeout": ("seconds, above 0", _is_number(0.001, 1e6)),
    "max_tokens": ("a whole number above 0", _is_count(1)),
    "temperature": ("a number from 0 to 2", _is_number(0, 2)),
    "max_retries": ("a whole number, 0 or more", _is_count(0)),
    "retry_delay": ("seconds, 0 or more", _is_number(0, 1e6)),
    "fallback": ("true, false or a provider's name", lambda value: isinstance(value, bool) or _is_text(value)),
}


class _Reader:
    """Reads one file and gathers every problem, so that one run shows them all."""

    def __init__(self, file: Path) -> None:
        # Loaded only where there is something to read.
        import yaml

        self._file = file
        self._problems: list[str] = []
        try:
            self._root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{file}:{mark.line + 1}" if mark else str(file)
            raise ConfigurationError(f"{where}: this is not YAML: {getattr(error, 'problem', error)}") from None
        self._mapping = yaml.MappingNode
        self._construct = yaml.SafeLoader("").construct_object

    def settings(self) -> Settings:
        """Return the settings, or raise with all problems."""
        backend, providers = "openai", {}
        for key, node, where in self._entries(self._root, ("backend", "providers")):
            if key == "providers":
                providers = {name: self._provider(entry) for name, entry, _ in self._entries(node, None)}
            elif _is_text(value := self._value(node)):
                backend = value
            else:
                self._problems.append(f"{where}: backend must be a provider's name, not {value!r}")
        if self._problems:
            raise ConfigurationError("\n".join(self._problems))
        return Settings(backend, providers)

    def _provider(self, node: Node) -> ProviderSettings:
        given: dict[str, Any] = {}
        for key, entry, where in self._entries(node, tuple(_CHECKS)):
            value = self._value(entry)
            expected, holds = _CHECKS[key]
            if holds(value):
                given[key] = value
            else:
                self._problems.append(f"{where}: {key} must be {expected}, not {value!r}")
        return ProviderSettings(**given)

    def _entries(self, node: Node | None, names: tuple[str, ...] | None) -> Iterator[tuple[str, Node, str]]:
        """Yield key, value and place of each entry of a mapping, and note what does not belong there."""
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, self._mapping):
            self._problems.append(f"{self._place(node)}: here stand names with values, not {node.value!r}")
            return
        seen: set[str] = set()
        for key_node, value in node.value:
            key, where = str(key_node.value), self._place(key_node)
            if key in seen:
                self._problems.append(f"{where}: {key!r} stands here twice")
            elif key == "api_key":
                self._problems.append(
                    f"{where}: keys never stand in this file. Put the key into .env, and its variable's name here: "
                    "api_key_env"
                )
            elif names is not None and key not in names:
                near = difflib.get_close_matches(key, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
                self._problems.append(f"{where}: unknown setting {key!r}; {hint}")
            else:
                yield key, value, where
            seen.add(key)

    def _value(self, node: Node) -> Any:
        value = self._construct(node, deep=True)
        if not isinstance(value, str):
            return value

        def expand(match: re.Match[str]) -> str:
            name, default = match.groups()
            found = os.environ.get(name) or default
            if found is None:
                self._problems.append(
                    f"{self._place(node)}: the variable {name} is not set; set it, or write ${{{name}:-default}}"
                )
                return match[0]
            return found

        expanded = _VARIABLE.sub(expand, value)
        # A number that comes out of a variable is meant as a number.
        return value if expanded == value else _plain(expanded)

    def _place(self, node: Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}"


def _plain(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
