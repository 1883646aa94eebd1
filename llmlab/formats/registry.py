"""Formats by name: the six built in, those registered at run time, and those of the entry-point group.

A provider holds its format itself, so a new vendor works without this. What is registered can be had by name, and
appears in `llmlab.rosetta`.
"""

from __future__ import annotations

import difflib
from typing import Any

from llmlab.config.entry_points import Plugins
from llmlab.errors import ConfigurationError
from llmlab.formats.anthropic_messages import ANTHROPIC_MESSAGES
from llmlab.formats.base import Format
from llmlab.formats.ollama import OLLAMA
from llmlab.formats.ollama_generate import OLLAMA_GENERATE
from llmlab.formats.openai_chat import OPENAI_CHAT
from llmlab.formats.openai_completions import OPENAI_COMPLETIONS
from llmlab.formats.openai_responses import OPENAI_RESPONSES

ENTRY_POINTS = "llmlab.formats"
"""The entry-point group in which a package may offer a wire format."""

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        *(OPENAI_RESPONSES, OPENAI_CHAT, OPENAI_COMPLETIONS),
        *(ANTHROPIC_MESSAGES, OLLAMA, OLLAMA_GENERATE),
    )
}
"""Every wire format that is built in, by name."""


def _checked(format: Any) -> Format:
    if not isinstance(format, Format):
        raise ConfigurationError(f"{format!r} is not a llmlab.Format")
    return format


_plugins = Plugins("format", ENTRY_POINTS, FORMATS, _checked)


def register_format(format: Format) -> None:
    """Add a wire format, which then appears in `llmlab.rosetta` and is had by `get_format`.

    Args:
        format: its name must be its own.

    Raises:
        ConfigurationError: if it is no `Format`, or its name belongs to a built-in one.
    """
    _plugins.register(_checked(format).name, format)


def format_names() -> tuple[str, ...]:
    """Return the names of all formats: built in, registered, and offered by installed packages."""
    return (*FORMATS, *_plugins.names())


def get_format(name: str) -> Format:
    """Return a wire format by its name.

    Raises:
        ConfigurationError: names the nearest one; or the package, if an installed one offers something unusable.
    """
    found = FORMATS.get(name) or _plugins.get(name)
    if found is None:
        near = difflib.get_close_matches(name, format_names(), 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Add your own with llmlab.register_format(format)."
        raise ConfigurationError(f"there is no format {name!r}. {hint} There are {', '.join(format_names())}.")
    return found
