"""A stand-in for a tokenizer: splits text into pieces, and counts them.

A piece is a word of up to eight letters with the blank before it, up to three digits, or up to two punctuation marks.
In English prose that comes to about four characters per piece, which is the rule of thumb that the vendors give for
tokens. It is an estimate: real counts differ by some 10 to 20 percent, and more in other languages.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PIECE = re.compile(r" ?[^\W\d_]{1,8}| ?\d{1,3}| ?[^\w\s]{1,2}| ?_+|\s")

PER_MESSAGE = 4
"""Tokens that the frame of one message costs (its role and its borders)."""


def split(text: str) -> list[str]:
    """Split a text into pieces; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Estimate the number of tokens in a text."""
    return sum(1 for _ in _PIECE.finditer(text))


def count_json(value: Any) -> int:
    """Estimate the number of tokens in a JSON value, such as a tool's schema."""
    return count(json.dumps(value, separators=(",", ":"), default=repr))
