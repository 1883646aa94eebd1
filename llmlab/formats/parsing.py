"""Reading wire JSON without trusting it: the wrong type reads as nothing, never as an exception.

JSON objects are dicts here, whoever parsed them; asking for a `Mapping` would cost ten times as much, in every call.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from llmlab.types.messages import ToolCall

MOST = 1e18
"""Beyond this, no count and no amount is meant."""


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
    """Return `value` as a count; anything that is no number reads as 0."""
    return int(value) if _is_number(value) else 0


def cost(value: object) -> float | None:
    """Return `value` as an amount in USD, or None."""
    return float(value) if _is_number(value) else None


def _is_number(value: object) -> TypeGuard[int | float]:
    # Python's JSON reads NaN and 1e999; neither is an amount of anything. A number too long for a float is none either.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < MOST and not math.isnan(value)


def tool_call(identifier: object, name: object, arguments: object) -> ToolCall:
    """Build a `ToolCall` from arguments as text (OpenAI) or as an object (Anthropic, Ollama).

    A tool without arguments arrives as an empty text, an empty object or nothing at all. Text that is no JSON object
    is kept in `unparsed`, so that it can be shown and sent back.
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


def made_up_id(*seed: object) -> str:
    """Return an id for a tool call that came without one. The same seed gives the same id."""
    return "call_" + hashlib.sha256(json.dumps(seed, sort_keys=True, default=str).encode()).hexdigest()[:12]


def written_arguments(call: ToolCall) -> str:
    """Return a call's arguments as the JSON text that the OpenAI formats carry."""
    return call.unparsed or json.dumps(call.arguments, ensure_ascii=False)
