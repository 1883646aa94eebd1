"""Fills a JSON schema with what a prompt says: the arguments of a tool, or a structured answer.

Values are looked for by the kind and the name of each field: one of an enum, the next number, a place, a date,
something quoted, else the whole prompt. A field that is not required stays out when nothing in the prompt speaks for
it.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.lab.simulator import arithmetic
from llmlab.lab.simulator.canned_answers import LANGUAGES, PLACES
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str
from llmlab.lab.simulator.prompt import Prompt

_DEPTH = 6
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_TOLD = re.compile(
    r"\b((?:exclusiveM|m)(?:in|ax)imum|multipleOf|(?:min|max)(?:Items|Length)|format): "
    r"(-?\d{1,15}(?:\.\d{1,15})?|(?<=format: )[a-z-]+)"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\w")
_URL = re.compile(r"https?://[^\s\"'<>]+")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d|\b(?:today|tomorrow|yesterday|tonight|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
)
_FORMATS = {
    # how a text of this format looks, and one that does
    "date": (re.compile(r"\d{4}-\d\d-\d\d"), "2026-11-05"),
    "time": (re.compile(r"\d\d:\d\d:\d\dZ"), "12:00:00Z"),
    "date-time": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-11-05T12:00:00Z"),
    "email": (_EMAIL, "somebody@example.com"),
    "uri": (_URL, "https://example.com"),
    "uuid": (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "00000000-0000-4000-8000-000000000000"),
    "ipv4": (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"), "192.0.2.1"),
    "duration": (re.compile(r"PT\d+[HMS]"), "PT1H"),
}
_PLACE_NAMES = (
    "city",
    "cities",
    "location",
    "place",
    "town",
    "country",
    "destination",
    "origin",
    "region",
    "where",
    "address",
)
_TEXT_NAMES = ("query", "question", "text", "prompt", "message", "input", "content", "sentence", "search", "topic", "q")


def fill(schema: object, prompt: Prompt, name: str = "", *, needed: bool = True, depth: int = 0) -> Any:
    """Make a value of this schema out of the prompt.

    Args:
        schema: a JSON schema, or anything: what is not understood counts as text.
        prompt: the prompt, taken apart.
        name: the field's name.
        needed: give some value even when the prompt has none.
        depth: how deep inside the schema this is; below six levels everything is empty.

    Returns:
        The value, or None when the field is not needed and the prompt says nothing about it.
    """
    rule = _resolved(as_dict(schema), prompt.root)
    rule = {**_told(rule), **rule}
    kind = rule.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    deep, prompt.left = depth >= _DEPTH or prompt.left <= 0, prompt.left - 1
    for union in ("anyOf", "oneOf", "allOf"):
        if kind is None and as_list(rule.get(union)):
            options = [_resolved(as_dict(one), prompt.root) for one in rule[union]]
            real = [one for one in options if one.get("type") != "null"]
            # What may be left empty is, when nothing is said of it; and it ends a schema that contains itself.
            nullable = len(real) < len(options)
            empty = not real or (nullable and depth > 2)
            needed = needed and not nullable
            return None if empty or deep else fill(real[0], prompt, name, needed=needed, depth=depth + 1)
    if "const" in rule:
        return rule["const"]
    if choices := as_list(rule.get("enum")):
        return _choice(choices, rule, prompt, needed)
    if kind == "object" or (kind is None and "properties" in rule):
        return {} if deep else fill_object(rule, prompt, depth + 1)
    if kind == "array":
        return [] if deep else _array(rule, prompt, name, depth)
    if kind in ("number", "integer"):
        number = _number(rule, prompt, name, needed, whole=kind == "integer")
        return number if number is None else _within(rule, number)
    if kind == "boolean":
        return True if needed or _mentioned(name, prompt) else rule.get("default")
    if kind == "null":
        return None
    text = _text(rule, prompt, name.lower(), needed)
    return text if text is None else _formed(rule, text)


def _resolved(rule: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref` into the definitions of the whole schema; a few steps, in case it leads to itself."""
    for _ in range(_DEPTH):
        if not isinstance(rule.get("$ref"), str):
            break
        found: dict[str, Any] = root
        for part in rule["$ref"].removeprefix("#").strip("/").split("/"):
            found = as_dict(found.get(part)) if part else found
        rule = found
    return rule


def _told(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the limits that a description tells in words, for services that know no such keywords."""
    found = dict(_TOLD.findall(as_str(rule.get("description"))))
    counted = {name: value for name, value in found.items() if value[-1].isdecimal()}
    return {**found, **{name: int(value) if value.isdecimal() else float(value) for name, value in counted.items()}}


def _within(rule: dict[str, Any], number: float | int) -> float | int:
    """Push a number into its bounds."""
    least, above, most, below = (as_number(rule.get(name)) for name in _BOUNDS)
    low = above + 1 if least is None and above is not None else least
    high = below - 1 if most is None and below is not None else most
    if low is not None and high is not None and low > high:
        # Between two open ends that are near each other, such as 0 and 1.
        bottom, top = (above if least is None else least), (below if most is None else most)
        return ((bottom or 0) + (top or 0)) / 2
    number = low if low is not None and number < low else number
    number = high if high is not None and number > high else number
    step = as_number(rule.get("multipleOf"))
    return -(-number // step) * step if step else number


def _formed(rule: dict[str, Any], text: str) -> str:
    """Give a text the format and the length that the schema wants."""
    form = _FORMATS.get(as_str(rule.get("format")))
    if form and not form[0].fullmatch(text):
        text = form[1]
    shortest, longest = as_int(rule.get("minLength")) or 0, as_int(rule.get("maxLength"))
    return text.ljust(min(shortest, 1000), ".")[: longest if longest is not None and longest >= 0 else None]


def fill_object(schema: dict[str, Any], prompt: Prompt, depth: int = 0) -> dict[str, Any]:
    """Fill the fields of an object schema; see `fill`."""
    required = as_list(schema.get("required"))
    filled = {}
    for name, rule in as_dict(schema.get("properties")).items():
        value = fill(rule, prompt, name, needed=name in required, depth=depth)
        if value is not None or name in required:
            filled[name] = value
    return filled


def _choice(choices: list[Any], rule: dict[str, Any], prompt: Prompt, needed: bool) -> Any:
    for choice in choices:
        if isinstance(choice, str) and choice and re.search(rf"\b{re.escape(choice.lower())}", prompt.low):
            return choice
    return rule.get("default", choices[0]) if needed else None


def _number(rule: dict[str, Any], prompt: Prompt, name: str, needed: bool, *, whole: bool) -> float | int | None:
    if not prompt.numbers:
        if coordinate := _coordinate(name.lower(), prompt):
            return float(coordinate)
        default = rule.get("default", rule.get("minimum"))
        given = isinstance(default, (int, float)) and not isinstance(default, bool)
        return default if needed and given else (1 if needed else None)
    text = prompt.numbers.pop(0)
    return int(float(text)) if whole or "." not in text else float(text)


def _array(rule: dict[str, Any], prompt: Prompt, name: str, depth: int) -> list[Any]:
    if places := as_list(rule.get("prefixItems")):
        return [fill(place, prompt, name, depth=depth + 1) for place in places]
    items = _resolved(as_dict(rule.get("items")), prompt.root)
    if "$ref" in as_dict(rule.get("items")) and depth > 2 and not rule.get("minItems"):
        return []  # here a schema that contains itself can end
    fewest, most = min(as_int(rule.get("minItems")) or 0, 10), as_int(rule.get("maxItems"))
    found = _items(items, prompt, name, depth)
    while len(found) < fewest:
        value = fill(items, prompt, name, depth=depth + 1)
        found.append(value)
    return found if most is None else found[: max(most, 0)]


def _items(items: dict[str, Any], prompt: Prompt, name: str, depth: int) -> list[Any]:
    if items.get("type") in ("number", "integer"):
        taken, prompt.numbers = prompt.numbers, []
        whole = items["type"] == "integer"
        return [_within(items, int(float(text)) if whole or "." not in text else float(text)) for text in taken[:50]]
    if items.get("type", "string") == "string" and not items.keys() & {"enum", "const", "anyOf", "oneOf", "properties"}:
        return list(prompt.quoted[:10] or prompt.names[:10] or prompt.text.split()[:1])
    value = fill(items, prompt, name, depth=depth + 1)
    return [] if value is None else [value]


def _text(rule: dict[str, Any], prompt: Prompt, name: str, needed: bool) -> str | None:
    if coordinate := _coordinate(name, prompt):
        return coordinate
    if any(part in name for part in ("expression", "formula", "equation", "calculation")):
        found = arithmetic.find(prompt.text)
        return found[0] if found else prompt.text
    for part, pattern in (("mail", _EMAIL), ("url", _URL), ("date", _DATE), ("day", _DATE)):
        if part in name and (match := pattern.search(prompt.text if part in ("mail", "url") else prompt.low)):
            return match[0]
    if "currency" in name and prompt.codes:
        return prompt.codes.pop(0)
    if "language" in name:
        return next((one.capitalize() for one in LANGUAGES if one in prompt.low), "English" if needed else None)
    if any(part in name for part in _PLACE_NAMES) and prompt.places:
        there = (
            place for place in prompt.places if re.search(rf"\b(?:in|at|to|from|near) {re.escape(place)}", prompt.text)
        )
        place = next(there, prompt.places[0])
        prompt.places.remove(place)
        return place
    if prompt.quoted:
        return prompt.quoted.pop(0)
    if name in _TEXT_NAMES:
        return prompt.text.strip() if needed or name in ("query", "q") else None
    if prompt.places and (needed or "name" in name):
        return prompt.places.pop(0)
    if not needed:
        return None
    return as_str(rule.get("default")) or prompt.text.strip().rstrip("?.! ")[:200]


def _coordinate(name: str, prompt: Prompt) -> str:
    which = 0 if name in ("lat", "latitude") else 1 if name in ("lon", "lng", "long", "longitude") else None
    if which is None:
        return ""
    if len(prompt.numbers) >= 2:
        return prompt.numbers[which]
    known = next((place for place in PLACES if place in " ".join(prompt.places).lower()), None)
    return PLACES[known][which] if known else ""


def _mentioned(name: str, prompt: Prompt) -> bool:
    return any(len(part) > 3 and part in prompt.low for part in name.lower().split("_"))
