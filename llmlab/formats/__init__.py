"""Translators between llmlab's values and the wire, one module for each format. Pure: no I/O, no clock, no settings.

`README.md` beside this file is the table of how everything translates, made from this code.
"""

from __future__ import annotations

from llmlab.formats.anthropic_messages import ANTHROPIC_MESSAGES
from llmlab.formats.base import Format, StreamDecoder
from llmlab.formats.ollama import OLLAMA
from llmlab.formats.ollama_generate import OLLAMA_GENERATE
from llmlab.formats.openai_chat import OPENAI_CHAT
from llmlab.formats.openai_completions import OPENAI_COMPLETIONS
from llmlab.formats.openai_responses import OPENAI_RESPONSES
from llmlab.formats.registry import FORMATS, format_names, get_format, register_format

__all__ = [
    "ANTHROPIC_MESSAGES",
    "FORMATS",
    "OLLAMA",
    "OLLAMA_GENERATE",
    "OPENAI_CHAT",
    "OPENAI_COMPLETIONS",
    "OPENAI_RESPONSES",
    "Format",
    "StreamDecoder",
    "format_names",
    "get_format",
    "register_format",
]
