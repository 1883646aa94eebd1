"""Reads `llmlab.yaml`, and says where it is wrong: file, line, and the nearest valid name.

    backend: openai
    providers:
      openai: {api_key_env: OPENAI_API_KEY, timeout: 30}
      ollama: {base_url: "${OLLAMA_HOST:-http://localhost:11434}", limits: {in_flight: 2}}

`${VAR}` stands for an environment variable, `${VAR:-text}` for one with a default. Keys never stand in this file.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmlab.config.environment import ProviderSettings, Settings
from llmlab.errors import ConfigurationError

if TYPE_CHECKING:
    from yaml.nodes import Node

_KINDS = ("rate_limit", "timeout", "connection", "server", "stream")
"""Errors that a retry may be for."""
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
        way = "leave the path out" if path else "unset LLMLAB_CONFIG, which names it"
        raise ConfigurationError(f"there is no settings file {file}; create it, or {way}")
    return Settings()


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_count(low: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_kinds(values: tuple[Any, ...]) -> bool:
    return bool(values) and all(value in _KINDS for value in values)


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "backend": ("a provider's name", _is_text),
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

_SECONDS = ("seconds, 0 or more", _is_number(0, 1e6))
_COUNT = ("a whole number above 0", _is_count(1))
_FROM_ZERO = ("a whole number, 0 or more", _is_count(0))
_SWITCH = ("true or false", lambda value: isinstance(value, bool))

_POLICIES: dict[str, dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "retry": {
        "max_retries": _FROM_ZERO,
        "base_delay": _SECONDS,
        "jitter": ("a number from 0 to 1", _is_number(0, 1)),
        "max_wait": _SECONDS,
        "total": _SECONDS,
        "on": (
            f"some of {', '.join(_KINDS)}",
            lambda value: _are_kinds(value if isinstance(value, tuple) else (value,)),
        ),
    },
    "limits": {"requests_per_minute": _COUNT, "tokens_per_minute": _COUNT, "in_flight": _COUNT},
    "budget": {
        "max_usd": ("USD, 0 or more", _is_number(0, 1e9)),
        "max_tokens": _FROM_ZERO,
        "max_calls": _FROM_ZERO,
        "allow_unpriced": _SWITCH,
    },
    "cache": {
        "path": ("the path of a file", _is_text),
        "ttl": ("seconds, above 0", _is_number(0.001, 1e9)),
        "max_entries": _COUNT,
        "pace": ("a number, 0 or more", _is_number(0, 1e6)),
        "tools": _SWITCH,
    },
}
"""What may be said of the policies of a provider."""


class _Reader:
    """Reads one file and gathers every problem, so that one run shows them all."""

    def __init__(self, file: Path) -> None:
        # Loaded only where there is something to read.
        import yaml

        self._file = file
        self._problems: list[str] = []
        self._mapping, self._scalar, self._list = yaml.MappingNode, yaml.ScalarNode, yaml.SequenceNode
        try:
            # Windows' Notepad may begin a file with a byte order mark.
            self._root = yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{file}:{mark.line + 1}" if mark else str(file)
            raise ConfigurationError(f"{where}: this is not YAML: {getattr(error, 'problem', error)}") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"the file {file} cannot be read: {reason}. Save it as UTF-8 text.") from None

    def settings(self) -> Settings:
        """Return the settings, or raise with all problems."""
        backend, providers = "openai", {}
        for key, node, where in self._entries(self._root, ("backend", "providers")):
            if key == "providers":
                providers = {name: self._provider(entry) for name, entry, _ in self._entries(node, None)}
            else:
                backend = self._value(key, node, where)
        if self._problems:
            raise ConfigurationError("\n".join(self._problems))
        return Settings(backend, providers)

    def _provider(self, node: Node) -> ProviderSettings:
        names = tuple(name for name in (*_CHECKS, *_POLICIES) if name != "backend")
        found: dict[str, Any] = {
            key: self._policy(key, entry) if key in _POLICIES else self._value(key, entry, where)
            for key, entry, where in self._entries(node, names)
        }
        return ProviderSettings(**found)

    def _policy(self, key: str, node: Node) -> dict[str, Any]:
        """Return the arguments of a policy."""
        checks = _POLICIES[key]
        return {
            name: self._value(name, entry, where, checks) for name, entry, where in self._entries(node, tuple(checks))
        }

    def _entries(self, node: Node | None, names: tuple[str, ...] | None) -> Iterator[tuple[str, Node, str]]:
        """Yield key, value and place of each entry of a mapping, and note what does not belong there."""
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, self._mapping):
            self._problems.append(f"{self._place(node)}: here stand names with values, not {self._kind(node)}")
            return
        seen: set[str] = set()
        for key_node, value in node.value:
            key, where = str(key_node.value), self._place(key_node)
            if not isinstance(key_node, self._scalar):
                self._problems.append(f"{where}: here stands a name, not {self._kind(key_node)}")
            elif key in seen:
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

    def _value(
        self, key: str, node: Node, where: str, checks: Mapping[str, tuple[str, Callable[[Any], bool]]] = _CHECKS
    ) -> Any:
        """Return what a setting is set to; None if that is wrong, which is noted."""
        value, shown = self._written(node)
        if isinstance(value, str):
            expanded = self._expanded(value, where)
            if expanded is None:
                return None
            if expanded != value:
                # A number that comes out of a variable is meant as a number. What a variable holds may be a key.
                value, shown = _plain(expanded), f"what {value} stands for"
        expected, holds = checks[key]
        if holds(value):
            return value
        # Somebody may have put the key itself where its variable's name belongs.
        but = "" if key == "api_key_env" else f", not {shown}"
        self._problems.append(f"{where}: {key} must be {expected}{but}")
        return None

    def _written(self, node: Node) -> tuple[Any, str]:
        """Return a value, and how a message shows it. YAML's own makers of values raise this and that, and no place."""
        if isinstance(node, self._list):
            single = (item if isinstance(item, self._scalar) else None for item in node.value)
            return tuple(item and self._written(item)[0] for item in single), self._kind(node)
        if not isinstance(node, self._scalar):
            return None, self._kind(node)
        text, kind = node.value, node.tag.rpartition(":")[2]
        value = text if kind == "str" else _plain(text) if kind in ("int", "float", "bool") else None
        return value, repr(text if value is None and text else value)

    def _expanded(self, text: str, where: str) -> str | None:
        """Return a text with its variables replaced; None if that cannot be done, which is noted."""
        problems = []
        if "${" in _VARIABLE.sub("", text):
            problems.append(f"{where}: ${{ does not begin a variable here; write ${{NAME}} or ${{NAME:-default}}")
        for found in _VARIABLE.finditer(text):
            if not os.environ.get(found[1]) and found[2] is None:
                missing = f"the variable {found[1]} is not set; set it, or write ${{{found[1]}:-default}}"
                problems.append(f"{where}: {missing}")
        self._problems += problems
        return None if problems else _VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2] or "", text)

    def _kind(self, node: Node) -> str:
        kinds = {self._scalar: "a single value", self._mapping: "names with values"}
        return kinds.get(type(node), "a list")

    def _place(self, node: Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}"


def _plain(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(text.lower(), text)
