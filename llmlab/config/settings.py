"""Reader of `llmlab.yaml`. Its errors name the file, the line and the nearest valid name.

    backend: openai
    providers:
      openai: {api_key_env: OPENAI_API_KEY, timeout: 30}
      ollama: {base_url: "${OLLAMA_HOST:-http://localhost:11434}", limits: {in_flight: 2}}

`${VAR}` stands for an environment variable, `${VAR:-text}` for one with a default. Keys do not belong in this file;
`api_key: "${VAR}"` names the variable of one. In place of `backend` and `providers`, one mapping `llm` may hold both.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from llmlab.config.addresses import service_url
from llmlab.config.environment import ProviderSettings, Settings
from llmlab.config.safe_yaml import compose_yaml
from llmlab.errors import ERROR_KINDS, ConfigurationError
from llmlab.types.validation import is_count, is_name, is_number

if TYPE_CHECKING:
    from yaml.nodes import Node

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def load_settings(path: str | Path | None = None) -> Settings:
    """Return the settings.

    Args:
        path: of an `llmlab.yaml`; by default LLMLAB_CONFIG, else `llmlab.yaml` in the working directory, if it exists.

    Raises:
        ConfigurationError: if a named file is missing, or a setting is unknown or of the wrong type.
    """
    named = path or os.environ.get("LLMLAB_CONFIG")
    file = Path(named or "llmlab.yaml")
    if file.is_file():
        return _Reader(str(file), _text(file)).settings()
    if named:
        step = "leave the path out" if path else "unset LLMLAB_CONFIG"
        raise ConfigurationError(f"the settings file {file} does not exist; create it, or {step}")
    return Settings()


def settings_from(config: Mapping[str, Any]) -> Settings:
    """Return the settings in a dict, with the names of `llmlab.yaml`.

    Args:
        config: such as `{"llm": {"backend": "ollama", "ollama": {"timeout": 120}}}`.

    Raises:
        ConfigurationError: for a setting that is unknown or of the wrong type.
    """
    # JSON is YAML, so one reader checks both.
    return _Reader("the configuration", json.dumps(config, default=str), numbered=False).settings()


_Check: TypeAlias = tuple[str, Callable[[Any], bool]]
"""What a setting must be, in words and as a test."""

_SWITCH: _Check = ("true or false", lambda value: isinstance(value, bool))
_COUNT: _Check = ("a whole number above 0", is_count)
_FROM_ZERO: _Check = ("a whole number, 0 or more", lambda value: is_count(value, 0))
_SECONDS: _Check = ("seconds, 0 or more", lambda value: is_number(value, high=1e6))
_ABOVE_ZERO: _Check = ("seconds, above 0", lambda value: is_number(value, 0.001, 1e9))

_Schema: TypeAlias = "Mapping[str, _Check | _Schema]"
"""The settings in a mapping, by name; `*` stands for any name."""

_PROVIDER: _Schema = {
    "api_key_env": (
        "the name of an environment variable",
        lambda value: bool(re.fullmatch(r"[A-Z][A-Z0-9_]*", str(value))),
    ),
    "base_url": (
        "a URL that begins with http:// or https://, without ? and with a port below 65536",
        lambda value: _is_url(value),
    ),
    "model": ("a model's name", is_name),
    "timeout": _ABOVE_ZERO,
    "max_tokens": _COUNT,
    "temperature": ("a number from 0 to 2", lambda value: is_number(value, 0, 2)),
    "max_retries": _FROM_ZERO,
    "retry_delay": _SECONDS,
    "fallback": ("true, false or a provider's name", lambda value: isinstance(value, bool) or is_name(value)),
    "retry": {
        "max_retries": _FROM_ZERO,
        "base_delay": _SECONDS,
        "jitter": ("a number from 0 to 1", lambda value: is_number(value, 0, 1)),
        "max_wait": _SECONDS,
        "total": _SECONDS,
        "on": (f"some of {', '.join(ERROR_KINDS)}", lambda value: _are_kinds(value)),
    },
    "limits": {"requests_per_minute": _COUNT, "tokens_per_minute": _COUNT, "in_flight": _COUNT},
    "budget": {
        "max_usd": ("USD, 0 or more", lambda value: is_number(value, high=1e9)),
        "max_tokens": _FROM_ZERO,
        "max_calls": _FROM_ZERO,
        "allow_unpriced": _SWITCH,
    },
    "cache": {
        "path": ("the path of a file", is_name),
        "ttl": _ABOVE_ZERO,
        "max_entries": _COUNT,
        "pace": ("a number, 0 or more", lambda value: is_number(value, high=1e6)),
        "tools": _SWITCH,
    },
}
_BACKEND: _Schema = {"backend": ("a provider's name", is_name)}
_OPENROUTER: _Schema = {**_PROVIDER, "referer": _PROVIDER["base_url"], "title": ("a program's name", is_name)}
_PROVIDERS: _Schema = {"openrouter": _OPENROUTER, "*": _PROVIDER}
_SETTINGS: _Schema = {**_BACKEND, "providers": _PROVIDERS, "llm": {**_BACKEND, **_PROVIDERS}}


def _is_url(value: Any) -> bool:
    """Tell whether this is a whole URL. Without http:// it would be one for some providers only."""
    try:
        return "://" in value and bool(service_url(value, "base_url", ""))
    except (ConfigurationError, TypeError):
        return False


def _are_kinds(value: Any) -> bool:
    kinds = value if isinstance(value, tuple) else (value,)
    return bool(kinds) and all(kind in ERROR_KINDS for kind in kinds)


def _text(file: Path) -> str:
    try:
        # Windows' Notepad may begin a file with a byte order mark.
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"the file {file} cannot be read: {reason}. Save it as UTF-8 text.") from None


class _Reader:
    """Reader of one YAML text. It collects all problems, so that one run shows them all."""

    def __init__(self, name: str, text: str, *, numbered: bool = True) -> None:
        # Loaded only if there is something to read.
        import yaml

        self._name, self._numbered = name, numbered
        self._problems: list[str] = []
        self._mapping, self._scalar, self._list = yaml.MappingNode, yaml.ScalarNode, yaml.SequenceNode
        try:
            self._root = compose_yaml(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{name}:{mark.line + 1}" if mark else name
            raise ConfigurationError(f"{where}: this is not YAML: {getattr(error, 'problem', error)}") from None

    def settings(self) -> Settings:
        """Return the settings, or raise with all problems."""
        found = self._read(self._root, _SETTINGS)
        if self._problems:
            raise ConfigurationError("\n".join(self._problems))
        llm = found.get("llm", {})
        backend = llm.pop("backend", found.get("backend", "openai"))
        sections = {**found.get("providers", {}), **llm}
        return Settings(backend, {name: ProviderSettings(**options) for name, options in sections.items()})

    def _read(self, node: Node | None, schema: _Schema, owner: str = "") -> dict[str, Any]:
        """Return the settings in a mapping, of a provider perhaps. Wrong ones become problems."""
        settings: dict[str, Any] = {}
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return settings
        if not isinstance(node, self._mapping):
            self._problems.append(f"{self._position(node, owner)}: expected names with values, got {self._kind(node)}")
            return settings
        for key_node, value in node.value:
            key, where = str(key_node.value), self._position(key_node, owner)
            if not isinstance(key_node, self._scalar):
                self._problems.append(f"{where}: expected a name, got {self._kind(key_node)}")
                continue
            check = schema.get(key, schema.get("*"))
            if key in settings:
                self._problems.append(f"{where}: {key!r} is set twice")
            elif key == "api_key" and "api_key_env" in schema and (found := _VARIABLE.fullmatch(str(value.value))):
                settings["api_key_env"] = found[1]
            elif key == "api_key":
                self._problems.append(
                    f"{where}: keys do not belong in this file. Put the key into .env, and the name of its "
                    "variable here: api_key_env"
                )
            elif check is None:
                near = difflib.get_close_matches(key, schema, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(schema)}."
                self._problems.append(f"{where}: unknown setting {key!r}; {hint}")
            else:
                settings[key] = (
                    self._value(key, value, where, check) if isinstance(check, tuple) else self._read(value, check, key)
                )
                if key == "fallback" and settings[key] == owner:
                    problem = f"{where}: the fallback of {owner} is {owner} itself; name another provider"
                    self._problems.append(problem)
        return settings

    def _value(self, key: str, node: Node, where: str, check: _Check) -> Any:
        """Return the value of a setting; None if it is wrong, which becomes a problem."""
        value, shown = self._written(node)
        if isinstance(value, str):
            expanded = self._expanded(value, where)
            if expanded is None:
                return None
            if expanded != value:
                # The text of a variable may be a number. It may also be a key, so no message shows it.
                value, shown = _plain(expanded), f"the value of {value}"
        expected, holds = check
        if holds(value):
            return value
        # The key itself may stand in the place of its variable's name.
        but = "" if key == "api_key_env" else f", not {shown}"
        self._problems.append(f"{where}: {key} must be {expected}{but}")
        return None

    def _written(self, node: Node) -> tuple[Any, str]:
        """Return a value, and how a message shows it. YAML's own constructors raise errors without a position."""
        if isinstance(node, self._list):
            single = (item if isinstance(item, self._scalar) else None for item in node.value)
            return tuple(item and self._written(item)[0] for item in single), self._kind(node)
        if not isinstance(node, self._scalar):
            return None, self._kind(node)
        text, kind = node.value, node.tag.rpartition(":")[2]
        value = text if kind == "str" else _plain(text) if kind in ("int", "float", "bool") else None
        return value, repr(text if value is None and text else value)

    def _expanded(self, text: str, where: str) -> str | None:
        """Return a text with its variables replaced; None after a problem."""
        problems = []
        if "${" in _VARIABLE.sub("", text):
            problems.append(f"{where}: this is not a variable; write ${{NAME}} or ${{NAME:-default}}")
        for found in _VARIABLE.finditer(text):
            if not os.environ.get(found[1]) and found[2] is None:
                missing = f"the variable {found[1]} is not set; set it, or write ${{{found[1]}:-default}}"
                problems.append(f"{where}: {missing}")
        self._problems += problems
        return None if problems else _VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2] or "", text)

    def _kind(self, node: Node) -> str:
        kinds = {self._scalar: "a single value", self._mapping: "names with values"}
        return kinds.get(type(node), "a list")

    def _position(self, node: Node, owner: str) -> str:
        if self._numbered:
            return f"{self._name}:{node.start_mark.line + 1}"
        return f"{self._name} of {owner}" if owner else self._name


def _plain(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(text.lower(), text)
