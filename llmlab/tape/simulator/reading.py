"""Reading JSON that may hold anything: what is missing or of the wrong type becomes empty, never an exception."""

from __future__ import annotations

import json
from typing import Any


def as_dict(value: object) -> dict[str, Any]:
    """Give the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Give the value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_str(value: object) -> str:
    """Give the value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_int(value: object) -> int | None:
    """Give the value if it is a whole number (and not a truth value), else nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_number(value: object) -> float | int | None:
    """Give the value if it is a number (and not a truth value), else nothing."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def dicts(value: object) -> list[dict[str, Any]]:
    """Give the JSON objects in an array, and leave the rest out."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def text_of(content: object) -> str:
    """Read the text of a message: a string, or the text of its parts.

    A part is text under `text`, or under `content` (a tool result in Anthropic's form). Pictures and files have none.
    """
    if isinstance(content, str):
        return content
    parts = (as_str(part.get("text")) or text_of(part.get("content")) for part in dicts(content))
    return "\n".join(part for part in parts if part)


def arguments_of(value: object) -> dict[str, Any]:
    """Read the arguments of a tool call: an object, or a string that holds one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return as_dict(value)


def stop_texts(value: object) -> tuple[str, ...]:
    """Read stop sequences: one string or a list of them."""
    values = [value] if isinstance(value, str) else as_list(value)
    return tuple(text for text in values if isinstance(text, str) and text)
