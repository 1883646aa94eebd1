"""Reading wire JSON without trusting it: a value of the wrong type reads as nothing and never raises.

JSON objects are dicts here; a check for `Mapping` would cost ten times as much, in every call.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from llmlab.types.messages import ToolCall

_LARGEST = 1e18
"""No count and no amount is larger."""


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array; anything else reads as an empty one."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return `value` if it is a string. A list of text parts, as some servers send it, is joined."""
    if isinstance(value, str):
        return value
    return "" if value is None else "".join(text(part.get("text")) for part in items(value))


def number(value: object) -> int:
    """Return `value` as a count; anything but a number reads as 0."""
    if type(value) is int and 0 <= value < _LARGEST:
        return value  # as nearly always
    return int(value) if value and _is_number(value) else 0


def cost(value: object) -> float | None:
    """Return `value` as an amount in USD, or None."""
    return float(value) if value is not None and _is_number(value) else None


def _is_number(value: object) -> TypeGuard[int | float]:
    # Python's JSON reads NaN, 1e999 and integers of any length; none of them is an amount.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < _LARGEST and not math.isnan(value)


def tool_call(identifier: object, name: object, arguments: object) -> ToolCall:
    """Build a `ToolCall` from arguments as text (OpenAI) or as an object (Anthropic, Ollama).

    A tool without arguments arrives as an empty text, an empty object or nothing at all. Text that is not a JSON
    object is stored in `unparsed`, so that it can be shown and sent back.
    """
    if isinstance(arguments, dict):
        return ToolCall(text(identifier), text(name), dict(arguments))
    written = text(arguments)
    if not written.strip():
        return ToolCall(text(identifier), text(name))
    try:
        parsed = json.loads(written)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        return ToolCall(text(identifier), text(name), parsed)
    return ToolCall(text(identifier), text(name), unparsed=written)


def generated_id(*seed: object) -> str:
    """Return an id for a tool call that came without one. The same seed gives the same id."""
    return "call_" + hashlib.sha256(json.dumps(seed, sort_keys=True, default=str).encode()).hexdigest()[:12]
