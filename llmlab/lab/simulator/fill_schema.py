"""A value for a JSON schema, out of a prompt: the arguments of a tool, or a structured answer.

A field takes what fits its type and name: a word of an enum, the next number, a place, a date, something quoted, else
the whole prompt. An optional field stays out when the prompt has nothing for it.
"""

from __future__ import annotations

import re
from typing import Any

from llmlab.lab.simulator.calculator import find_sum
from llmlab.lab.simulator.canned_answers import COORDINATES, KNOWN, LANGUAGES, words
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str

_DEPTH = 6
_MOST_VALUES = 500
_QUOTED = re.compile(r"[\"“«]([^\"“”«»]{1,300})[\"”»]|(?<!\w)['‘]([^'‘’]{1,300})['’](?!\w)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'-]*(?:(?:,? (?=[A-Z]{2}\b)| )(?:of |de )?[A-ZÀ-Þ][\w'-]*)*")
_OPENERS = words("opening a request")
_LIMITS_IN_WORDS = re.compile(
    r"\b((?:exclusiveM|m)(?:in|ax)imum|multipleOf|(?:min|max)(?:Items|Length)|format): "
    r"(-?\d{1,15}(?:\.\d{1,15})?|(?<=format: )[a-z-]+)"
)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d|\b(?:today|tomorrow|yesterday|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b", re.I
)
_FORMATS = {name: (re.compile(pattern), example) for name, (pattern, example) in KNOWN["formats"].items()}
"""How a text of a format looks, and an example."""
_PATTERNS = {"mail": _FORMATS["email"][0], "url": _FORMATS["uri"][0], "date": _DATE, "day": _DATE}
"""What a field holds that has this in its name."""
_PLACE_NAME = re.compile("cit(?:y|ies)|location|place|town|country|destination|origin|region|where|address")
_SUM_NAME = re.compile("expression|formula|equation|calculation")
_TEXT_NAMES = ("query", "question", "text", "prompt", "message", "input", "content", "sentence", "search", "topic", "q")
_COORDINATE_NAMES = {"lat": 0, "latitude": 0, "lon": 1, "lng": 1, "long": 1, "longitude": 1}


def names_in(text: str) -> list[str]:
    """Return the capitalised names in a text, each once."""
    names: dict[str, None] = {}
    for match in _CAPITALISED.findall(text[:4000]):
        parts = match.split()
        while parts and parts[0].lower().strip(",") in _OPENERS:
            del parts[0]
        names[" ".join(parts)] = None
    return [name for name in names if name]


def fill_schema(schema: dict[str, Any], text: str, place: str = "") -> Any:
    """Return a value of this schema, with what the text has for its fields.

    Args:
        schema: a JSON schema; a part that is not understood counts as text.
        text: the prompt.
        place: the place that counts, where the prompt names several.
    """
    return _Filler(schema, text, place).value(schema)


class _Filler:
    """Fills one schema from one prompt. A value of the prompt is used once."""

    def __init__(self, root: object, text: str, place: str) -> None:
        self.root, self.left = as_dict(root), _MOST_VALUES
        self.text = text[:4000]
        self.low = self.text.lower()
        self.quoted: list[str] = [one or other for one, other in _QUOTED.findall(self.text)]
        self.numbers: list[str] = _NUMBER.findall(self.text)
        self.names = names_in(self.text)
        self.places: list[str] = [place] if place else list(self.names)
        self.codes: list[str] = re.findall(r"\b[A-Z]{3}\b", self.text)

    def value(self, schema: object, name: str = "", needed: bool = True, depth: int = 0) -> Any:
        """Return a value; None where it is not needed and the prompt has none."""
        rule = self._resolved(schema)
        rule = {**_limits_in_words(rule), **rule}
        kind = rule.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "string")
        deep, self.left = depth >= _DEPTH or self.left <= 0, self.left - 1
        union = next((as_list(rule[word]) for word in ("anyOf", "oneOf", "allOf") if as_list(rule.get(word))), None)
        if kind is None and union:
            return None if deep else self._any(union, name, needed, depth)
        if "const" in rule:
            return rule["const"]
        if choices := as_list(rule.get("enum")):
            named = (one for one in choices if isinstance(one, str) and one and self._mentions(one))
            return next(named, rule.get("default", choices[0]) if needed else None)
        if kind == "object" or (kind is None and "properties" in rule):
            return {} if deep else self._object(rule, depth + 1)
        if kind == "array":
            return [] if deep else self._array(rule, name, depth)
        if kind in ("number", "integer"):
            return self._number(rule, name.lower(), needed, whole=kind == "integer")
        if kind == "boolean":
            mentioned = any(len(part) > 3 and part in self.low for part in name.lower().split("_"))
            return True if needed or mentioned else rule.get("default")
        return None if kind == "null" else _in_format(rule, self._text(rule, name.lower(), needed))

    def _mentions(self, word: str) -> bool:
        return re.search(rf"\b{re.escape(word.lower())}", self.low) is not None

    def _resolved(self, schema: object) -> dict[str, Any]:
        """Follow `$ref` into the definitions of the schema; a few steps, in case it leads to itself."""
        rule = as_dict(schema)
        for _ in range(_DEPTH):
            if isinstance(rule.get("$ref"), str):
                path, rule = rule["$ref"].removeprefix("#").strip("/").split("/"), self.root
                for part in filter(None, path):
                    rule = as_dict(rule.get(part))
        return rule

    def _any(self, union: list[Any], name: str, needed: bool, depth: int) -> Any:
        options = [self._resolved(one) for one in union]
        real = [one for one in options if one.get("type") != "null"]
        nullable = len(real) < len(options)
        # A schema that contains itself ends at an option that may be null.
        if not real or (nullable and depth > 2):
            return None
        return self.value(real[0], name, needed and not nullable, depth + 1)

    def _object(self, rule: dict[str, Any], depth: int) -> dict[str, Any]:
        required, fields = as_list(rule.get("required")), as_dict(rule.get("properties"))
        values = {name: self.value(one, name, name in required, depth) for name, one in fields.items()}
        return {name: value for name, value in values.items() if value is not None or name in required}

    def _array(self, rule: dict[str, Any], name: str, depth: int) -> list[Any]:
        if slots := as_list(rule.get("prefixItems")):
            return [self.value(slot, name, depth=depth + 1) for slot in slots]
        items, least, most = self._resolved(rule.get("items")), as_int(rule.get("minItems")), rule.get("maxItems")
        if "$ref" in as_dict(rule.get("items")) and depth > 2 and not least:
            return []  # a schema that contains itself ends here
        values: list[Any]
        if items.get("type") in ("number", "integer"):
            values = [self._number(items, "", True, whole=items["type"] == "integer") for _ in self.numbers[:50]]
        elif items.get("type", "string") == "string" and not items.keys() & {"enum", "const", "anyOf", "properties"}:
            values = list(self.quoted[:10] or self.names[:10] or self.text.split()[:1])
        else:
            value = self.value(items, name, depth=depth + 1)
            values = [] if value is None else [value]
        while len(values) < min(least or 0, 10):
            values.append(self.value(items, name, depth=depth + 1))
        return values[: max(most, 0)] if isinstance(most, int) else values

    def _number(self, rule: dict[str, Any], name: str, needed: bool, *, whole: bool) -> float | int | None:
        if self.numbers:
            text = self.numbers.pop(0)
            return _in_bounds(rule, int(float(text)) if whole or "." not in text else float(text))
        if coordinate := self._coordinate(name):
            return _in_bounds(rule, float(coordinate))
        default = as_number(rule.get("default", rule.get("minimum")))
        return _in_bounds(rule, 1 if default is None else default) if needed else None

    def _text(self, rule: dict[str, Any], name: str, needed: bool) -> str | None:
        if special := self._by_name(name):
            return special
        if "language" in name:
            return "English" if needed else None
        if self.quoted:
            return self.quoted.pop(0)
        if name in _TEXT_NAMES:
            return self.text.strip() if needed or name in ("query", "q") else None
        if self.places and (needed or "name" in name):
            return self.places.pop(0)
        return (as_str(rule.get("default")) or self.text.strip().rstrip("?.! ")[:200]) if needed else None

    def _by_name(self, name: str) -> str:
        """Return what the prompt has for a field of this name: a coordinate, a sum, an address, a date, a place."""
        if coordinate := self._coordinate(name):
            return coordinate
        if _SUM_NAME.search(name):
            return (find_sum(self.text) or (self.text, ""))[0]
        for part, pattern in _PATTERNS.items():
            if part in name and (match := pattern.search(self.text)):
                return match[0].lower() if pattern is _DATE else match[0]
        if "currency" in name and self.codes:
            return self.codes.pop(0)
        if "language" in name:
            return next((one.capitalize() for one in LANGUAGES if one in self.low), "")
        if _PLACE_NAME.search(name) and self.places:
            before = r"\b(?:in|at|to|from|near) "
            place = next((one for one in self.places if re.search(before + re.escape(one), self.text)), self.places[0])
            self.places.remove(place)
            return place
        return ""

    def _coordinate(self, name: str) -> str:
        which = _COORDINATE_NAMES.get(name)
        if which is None:
            return ""
        if len(self.numbers) >= 2:
            return self.numbers[which]
        known = next((place for place in COORDINATES if place in " ".join(self.places).lower()), None)
        return COORDINATES[known][which] if known else ""


def _limits_in_words(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the limits that a description has in words, for services that know no such keywords."""
    limits = _LIMITS_IN_WORDS.findall(as_str(rule.get("description")))
    return {name: (float(text) if "." in text else int(text)) if text[-1].isdecimal() else text
            for name, text in limits}  # fmt: skip


def _in_bounds(rule: dict[str, Any], number: float | int) -> float | int:
    bounds = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    least, above, most, below = (as_number(rule.get(name)) for name in bounds)
    low = above + 1 if least is None and above is not None else least
    high = below - 1 if most is None and below is not None else most
    if low is not None and high is not None and low > high:
        # Two open bounds that are near each other, such as 0 and 1.
        return (((above if least is None else least) or 0) + ((below if most is None else most) or 0)) / 2
    number = low if low is not None and number < low else number
    number = high if high is not None and number > high else number
    step = as_number(rule.get("multipleOf"))
    return -(-number // step) * step if step else number


def _in_format(rule: dict[str, Any], text: str | None) -> str | None:
    if text is None:
        return None
    form = _FORMATS.get(as_str(rule.get("format")))
    if form and not form[0].fullmatch(text):
        text = form[1]
    shortest, longest = as_int(rule.get("minLength")) or 0, as_int(rule.get("maxLength"))
    return text.ljust(min(shortest, 1000), ".")[: longest if longest is not None and longest >= 0 else None]
