"""Translators between llmlab's values and the wire, one module for each format. Pure: no I/O, no clock, no settings."""

from __future__ import annotations

from llmlab.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llmlab.dialects.base import Dialect, StreamDecoder
from llmlab.dialects.ollama import OLLAMA
from llmlab.dialects.ollama_generate import OLLAMA_GENERATE
from llmlab.dialects.openai_chat import OPENAI_CHAT
from llmlab.dialects.openai_completions import OPENAI_COMPLETIONS
from llmlab.dialects.openai_responses import OPENAI_RESPONSES

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *(OPENAI_RESPONSES, OPENAI_CHAT, OPENAI_COMPLETIONS),
        *(ANTHROPIC_MESSAGES, OLLAMA, OLLAMA_GENERATE),
    )
}
"""Every wire format by name."""

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
]
