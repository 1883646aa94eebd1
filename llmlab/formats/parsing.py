"""Reading JSON that somebody else wrote, without trusting it.

`read_json` raises a ValueError for whatever is wrong with a document; Python's own reader raises a RecursionError for
deep nesting, and returns halves of characters that nothing can write. Below it, a value of the wrong type reads as
nothing and never raises. JSON objects are dicts here; a check for `Mapping` would cost ten times as much.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from llmlab.types.messages import ToolCall

_LARGEST = 1e18
"""No count and no amount is larger."""

DEEPEST = 200
"""How deep lists and objects may be nested. Answers and schemas stay far below; recursion ends at 1,000."""


def read_json(data: bytes | str, *, strict: bool = False, halves: bool = False) -> Any:
    """Return the value of a JSON document.

    Args:
        data: the document, in UTF-8, with or without a byte order mark.
        strict: whether to refuse what other readers refuse or read differently: NaN, Infinity, numbers that are too
            large, and a key that comes twice.
        halves: whether half a character in a text stays half, because its other half may come with the next event.

    Raises:
        ValueError: says what is wrong.
    """
    text = (data.decode("utf-8", "replace") if isinstance(data, bytes) else data).strip(_AROUND)
    try:
        value, end = (_decode_strictly if strict else _decode)(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if end < len(text):
        raise ValueError("something follows its end")
    if len(text) > 2 * DEEPEST and text.count("[") + text.count("{") > DEEPEST and _is_deep(value):
        raise ValueError("it is nested too deeply")
    if not halves and ("\\ud" in text or "\\uD" in text):
        value, _ = _decode(whole_characters(json.dumps(value, ensure_ascii=False)))
    return value


def whole_characters(text: str) -> str:
    """Return a text with the halves of characters joined; `�` stands for a half without its other half."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _finite(number: str) -> float:
    if math.isfinite(value := float(number)):
        return value
    raise ValueError(f"{number} is not a number of JSON")


_AROUND = " \t\r\n\ufeff"
_decode = json.JSONDecoder().raw_decode
_decode_strictly = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite).raw_decode


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[dict[str, Any]]:
    """Return the objects of a JSON array; anything else reads as an empty one."""
    return list(filter(_is_object, value)) if isinstance(value, list) else []


_is_object = dict.__instancecheck__  # isinstance without a function of Python


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

    A tool without arguments arrives as an empty text, `null`, an empty list or object, or nothing at all. Some servers
    write JSON within JSON. What is not a JSON object, or one that cannot be sent back, is stored in `unparsed`.
    """
    written = whole_characters(
        json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else text(arguments)
    )
    call = ToolCall(whole_characters(text(identifier)), whole_characters(text(name)))
    try:
        parsed = read_json(written, strict=True) if written.strip() else None
        parsed = read_json(parsed, strict=True) if isinstance(parsed, str) and parsed.strip() else parsed
    except ValueError:
        parsed = written
    if parsed in (None, "", []):
        return call
    return replace(call, arguments=parsed) if isinstance(parsed, dict) else replace(call, unparsed=written)


def generated_id(*seed: object) -> str:
    """Return an id for a tool call that came without one. The same seed gives the same id."""
    return "call_" + hashlib.sha256(json.dumps(seed, sort_keys=True, default=str).encode()).hexdigest()[:12]
