"""Wire formats: pure translation between llmlab's values and JSON, one module for each format.

`README.md` beside this file has the table of all translations, generated from this code.
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
