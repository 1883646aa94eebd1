"""Dialects by name: the six built in, those registered at run time, and those of the entry-point group.

A provider holds its dialect itself, so a new vendor works without this. What is registered can be had by name, and
appears in `llmlab.rosetta`.
"""

from __future__ import annotations

import difflib
from typing import Any

from llmlab.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llmlab.dialects.base import Dialect
from llmlab.dialects.ollama import OLLAMA
from llmlab.dialects.ollama_generate import OLLAMA_GENERATE
from llmlab.dialects.openai_chat import OPENAI_CHAT
from llmlab.dialects.openai_completions import OPENAI_COMPLETIONS
from llmlab.dialects.openai_responses import OPENAI_RESPONSES
from llmlab.errors import ConfigurationError
from llmlab.plugins import Plugins

ENTRY_POINTS = "llmlab.dialects"
"""The entry-point group in which a package may offer a dialect."""

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *(OPENAI_RESPONSES, OPENAI_CHAT, OPENAI_COMPLETIONS),
        *(ANTHROPIC_MESSAGES, OLLAMA, OLLAMA_GENERATE),
    )
}
"""Every wire format that is built in, by name."""


def _checked(dialect: Any) -> Dialect:
    if not isinstance(dialect, Dialect):
        raise ConfigurationError(f"{dialect!r} is not a llmlab.Dialect")
    return dialect


_plugins = Plugins("dialect", ENTRY_POINTS, DIALECTS, _checked)


def register_dialect(dialect: Dialect) -> None:
    """Add a wire format, which then appears in `llmlab.rosetta` and is had by `get_dialect`.

    Args:
        dialect: its name must be its own.

    Raises:
        ConfigurationError: if it is no `Dialect`, or its name belongs to a built-in one.
    """
    _plugins.register(_checked(dialect).name, dialect)


def dialect_names() -> tuple[str, ...]:
    """Return the names of all dialects: built in, registered, and offered by installed packages."""
    return (*DIALECTS, *_plugins.names())


def get_dialect(name: str) -> Dialect:
    """Return a dialect by its name.

    Raises:
        ConfigurationError: names the nearest one; or the package, if an installed one offers something unusable.
    """
    found = DIALECTS.get(name) or _plugins.get(name)
    if found is None:
        near = difflib.get_close_matches(name, dialect_names(), 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Add your own with llmlab.register_dialect(dialect)."
        raise ConfigurationError(f"there is no dialect {name!r}. {hint} There are {', '.join(dialect_names())}.")
    return found
