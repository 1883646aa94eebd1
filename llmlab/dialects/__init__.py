"""Translators between llmlab's values and the wire, one module for each format. Pure: no I/O, no clock, no settings.

`README.md` beside this file is the table of how everything translates, made from this code.
"""

from __future__ import annotations

from llmlab.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llmlab.dialects.base import Dialect, StreamDecoder
from llmlab.dialects.ollama import OLLAMA
from llmlab.dialects.ollama_generate import OLLAMA_GENERATE
from llmlab.dialects.openai_chat import OPENAI_CHAT
from llmlab.dialects.openai_completions import OPENAI_COMPLETIONS
from llmlab.dialects.openai_responses import OPENAI_RESPONSES
from llmlab.dialects.registry import DIALECTS, dialect_names, get_dialect, register_dialect

__all__ = [
    "ANTHROPIC_MESSAGES",
    "DIALECTS",
    "OLLAMA",
    "OLLAMA_GENERATE",
    "OPENAI_CHAT",
    "OPENAI_COMPLETIONS",
    "OPENAI_RESPONSES",
    "Dialect",
    "StreamDecoder",
    "dialect_names",
    "get_dialect",
    "register_dialect",
]
