"""The rule of thumb for tokens, where nothing can count them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llmlab.types.messages import Message, ToolDefinition

PER_IMAGE = 1000
"""Tokens of an image of about a megapixel, at the detail that the services choose; theirs are some 700 to 1600."""


def texts_of(messages: Iterable[Message], tools: Iterable[ToolDefinition] = ()) -> list[str]:
    """Return all texts of messages, their tool calls and tools."""
    texts = [message.content for message in messages]
    for message in messages:
        texts += [part for call in message.tool_calls for part in (call.name, call.unparsed or _json(call.arguments))]
    return texts + [part for tool in tools for part in (tool.name, tool.description, _json(tool.parameters))]


def estimate_tokens(texts: Iterable[str]) -> int:
    """Return about how many tokens texts have: one for 4 ASCII characters, and for 3 bytes of any others in UTF-8."""
    plain = other = 0
    for text in texts:
        count = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
        plain += count
        other += len(text.encode(errors="replace")) - count if count != len(text) else 0
    return round(plain / 4 + other / 3)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
