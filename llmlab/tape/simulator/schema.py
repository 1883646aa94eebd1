"""Fills a JSON schema with what a prompt says: the arguments of a tool, or a structured answer.

Values are looked for by the kind and the name of each field: one of an enum, the next number, a place, a date,
something quoted, else the whole prompt. A field that is not required stays out when nothing in the prompt speaks for
it.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.tape.simulator import arithmetic
from llmlab.tape.simulator.facts import LANGUAGES, PLACES
from llmlab.tape.simulator.reading import as_dict, as_list, as_str

_DEPTH = 6
_QUOTED = re.compile(r"[\"“«]([^\"“”«»]{1,300})[\"”»]|(?<!\w)['‘]([^'‘’]{1,300})['’](?!\w)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'-]*(?:(?:,? (?=[A-Z]{2}\b)| )(?:of |de )?[A-ZÀ-Þ][\w'-]*)*")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\w")
_URL = re.compile(r"https?://[^\s\"'<>]+")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d|\b(?:today|tomorrow|yesterday|tonight|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
)
_CODE = re.compile(r"\b[A-Z]{3}\b")
_OPENING_WORDS = (
    "a add an and answer are calculate call can compute convert could did do does fetch find for from get give hello "
    "hi how i i'm in is it let list look make name my now order please roll search send set show tell that the this to "
    "translate use weather what what's when where which who whose why will with would you"
)
_OPENERS = frozenset(_OPENING_WORDS.split())
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


class Prompt:
    """A prompt, taken apart; values that were used once are not used again.

    Args:
        text: what the user said.
        place: the place this call is about, where the prompt names several.
    """

    def __init__(self, text: str, place: str = "") -> None:
        self.text = text[:4000]
        self.low = self.text.lower()
        self.quoted: list[str] = [one or other for one, other in _QUOTED.findall(self.text)]
        self.numbers: list[str] = _NUMBER.findall(self.text)
        self.names = _names(self.text)
        self.places = [place] if place else list(self.names)
        self.codes: list[str] = _CODE.findall(self.text)


def places_in(text: str) -> list[str]:
    """Give the capitalised names in a text, each once."""
    return _names(text[:4000])


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
    rule = as_dict(schema)
    kind = rule.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    for union in ("anyOf", "oneOf", "allOf"):
        if kind is None and (
            options := [one for one in as_list(rule.get(union)) if as_dict(one).get("type") != "null"]
        ):
            return fill(options[0], prompt, name, needed=needed, depth=depth + 1) if depth < _DEPTH else None
    if "const" in rule:
        return rule["const"]
    if choices := as_list(rule.get("enum")):
        return _choice(choices, rule, prompt, needed)
    if kind == "object" or (kind is None and "properties" in rule):
        return fill_object(rule, prompt, depth + 1) if depth < _DEPTH else {}
    if kind == "array":
        return _array(as_dict(rule.get("items")), prompt, name, depth) if depth < _DEPTH else []
    if kind in ("number", "integer"):
        return _number(rule, prompt, name, needed, whole=kind == "integer")
    if kind == "boolean":
        return True if needed or _mentioned(name, prompt) else rule.get("default")
    if kind == "null":
        return None
    return _text(rule, prompt, name.lower(), needed)


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


def _array(items: dict[str, Any], prompt: Prompt, name: str, depth: int) -> list[Any]:
    if items.get("type") in ("number", "integer"):
        taken, prompt.numbers = prompt.numbers, []
        return [int(float(text)) if "." not in text else float(text) for text in taken[:50]]
    if items.get("type", "string") == "string" and "enum" not in items:
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
    if prompt.quoted:
        return prompt.quoted.pop(0)
    if any(part in name for part in _PLACE_NAMES) and prompt.places:
        there = (
            place for place in prompt.places if re.search(rf"\b(?:in|at|to|from|near) {re.escape(place)}", prompt.text)
        )
        place = next(there, prompt.places[0])
        prompt.places.remove(place)
        return place
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


def _names(text: str) -> list[str]:
    found: list[str] = []
    for match in _CAPITALISED.findall(text):
        parts = match.split()
        while parts and parts[0].lower().strip(",") in _OPENERS:
            parts = parts[1:]
        name = " ".join(parts)
        if name and name not in found:
            found.append(name)
    return found
