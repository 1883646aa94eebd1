"""Text for messages and tables."""

from __future__ import annotations

from typing import Any


def shorten(value: Any, length: int = 60) -> str:
    """Return a value as text of at most so many characters; `…` marks what was cut off."""
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"
