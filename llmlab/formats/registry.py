"""Formats by name: built in, registered at run time, or offered by an installed package.

A provider has its format as an attribute and needs no registration. A registered format appears in `llmlab.rosetta`.
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

_BUILT_IN = (
    OPENAI_RESPONSES,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    ANTHROPIC_MESSAGES,
    OLLAMA,
    OLLAMA_GENERATE,
)
FORMATS: dict[str, Format] = {format.name: format for format in _BUILT_IN}
"""The built-in wire formats, by name."""


def _checked(format: Any) -> Format:
    if not isinstance(format, Format):
        raise ConfigurationError(f"{format!r} is not a llmlab.Format")
    return format


_plugins = Plugins("format", ENTRY_POINTS, FORMATS, _checked)


def register_format(format: Format) -> None:
    """Add a wire format for `get_format` and `llmlab.rosetta`.

    Raises:
        ConfigurationError: if it is not a `Format`, or a built-in one has its name.
    """
    _plugins.register(_checked(format).name, format)


def format_names() -> tuple[str, ...]:
    """Return the names of all formats: built in, registered, and offered by installed packages."""
    return (*FORMATS, *_plugins.names())


def get_format(name: str) -> Format:
    """Return a wire format by its name.

    Raises:
        ConfigurationError: names the nearest format, or the installed package whose format cannot be used.
    """
    format = FORMATS.get(name) or _plugins.get(name)
    if format is None:
        near = difflib.get_close_matches(name, format_names(), 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Add your own with llmlab.register_format(format)."
        raise ConfigurationError(f"unknown format {name!r}. {hint} The formats are {', '.join(format_names())}.")
    return format
