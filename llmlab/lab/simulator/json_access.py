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


def as_digits(text: str) -> int | None:
    """Read a whole number out of a query, or nothing."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else None


def as_number(value: object) -> float | int | None:
    """Give the value if it is a number (and not a truth value), else nothing."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def dicts(value: object) -> list[dict[str, Any]]:
    """Give the JSON objects in an array, and leave the rest out."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def text_of(content: object) -> str:
    """Read the text of a message: a string, or the text of its parts.

    A part is text under `text`, or under `content` (a tool result in Anthropic's form). `sight` reads the pictures.
    """
    if isinstance(content, str):
        return content
    parts = (as_str(part.get("text")) or text_of(part.get("content")) for part in dicts(content))
    return "\n".join(part for part in parts if part)


def parse(text: str) -> Any:
    """Parse JSON that stands inside a text. Halves of characters, which JSON can hold and UTF-8 cannot, are replaced.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    try:
        value = json.loads(text)
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) if "\\u" in text else value
    except RecursionError:
        raise ValueError("nested too deep") from None


def arguments_of(value: object) -> dict[str, Any]:
    """Read the arguments of a tool call: an object, or a string that holds one."""
    if isinstance(value, str):
        try:
            value = parse(value)
        except ValueError:
            return {}
    return as_dict(value)


def stop_texts(value: object) -> tuple[str, ...]:
    """Read stop sequences: one string or a list of them."""
    values = [value] if isinstance(value, str) else as_list(value)
    return tuple(text for text in values if isinstance(text, str) and text)


def texts_of(value: object) -> list[str]:
    """Read one text or a list of them; a text may be given as token numbers, which are read as their digits."""
    if isinstance(value, str):
        return [value] if value else []
    items = as_list(value)
    if items and all(isinstance(item, int) for item in items):
        return [" ".join(str(item) for item in items)]
    return [
        item if isinstance(item, str) else " ".join(map(str, item)) for item in items if isinstance(item, (str, list))
    ]
