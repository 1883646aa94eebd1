"""The fields of a request: their types, ranges and words, declared once for each wire format and checked here.

The messages are OpenAI's, which the services of its form share, or Anthropic's. Left out: most limits on size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_KINDS: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request.

    Args:
        expected: its type in words; empty for a field of any type.
        low, high: bounds of a number.
        words: the only values that it may have.
        required: the request must have it.
    """

    expected: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    required: bool = False


Fields: TypeAlias = Mapping[str, Field]
"""Fields by name; a dot leads into an object."""

Refuse: TypeAlias = Callable[[str, str, Field, Any], Refused]
"""Words of a service: from the problem (missing, type, below, above, word), the name, the field and the value."""

NEEDED: Final = Field(required=True)
ARRAY: Final = Field("an array of objects")


def number(low: float, high: float | None = None) -> Field:
    """Declare a number between two bounds."""
    return Field("a decimal number", low, high)


def integer(low: int, high: int | None = None) -> Field:
    """Declare a whole number between two bounds."""
    return Field("an integer", low, high)


def one_of(*words: str) -> Field:
    """Declare a field that has one of these values."""
    return Field(words=words)


def openai_words(problem: str, name: str, field: Field, value: Any) -> Refused:
    """Refuse a field in OpenAI's words."""
    if problem == "missing":
        return Refused(400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
    if problem == "type":
        message = f"Invalid type for '{name}': expected {field.expected}, but got {_KINDS[type(value)]} instead."
        return Refused(400, message, param=name, code="invalid_type")
    if problem == "word":
        listed = ", ".join(f"'{one}'" for one in field.words[:-1]) + f", and '{field.words[-1]}'"
        message = f"Invalid value: '{value}'. Supported values are: {listed}."
        return Refused(400, message, param=name, code="invalid_value")
    kind = "integer" if field.expected == "an integer" else "decimal"
    word, sign, bound = ("below_min", ">=", field.low) if problem == "below" else ("above_max", "<=", field.high)
    limit = f"{kind} {word.replace('_', ' ')}imum value. Expected a value {sign} {bound:g}, but got {value} instead."
    return Refused(400, f"Invalid '{name}': {limit}", param=name, code=f"{kind}_{word}_value")


def anthropic_words(problem: str, name: str, field: Field, value: Any) -> Refused:
    """Refuse a field in Anthropic's words."""
    if problem == "missing":
        return Refused(400, f"{name}: Field required")
    if problem == "word":
        *words, last = (f"'{word}'" for word in field.words)
        return Refused(400, f"{name}: Input should be {', '.join(words)} or {last}")
    if problem == "type":
        kind = {"an integer": "integer", "a decimal number": "number"}.get(field.expected, "list")
        return Refused(400, f"{name}: Input should be a valid {kind}")
    if field.high is not None:
        return Refused(400, f"{name}: range: {field.low:g}..{field.high:g}")
    return Refused(400, f"{name}: Input should be greater than or equal to {field.low:g}")


def check(body: dict[str, Any], fields: Fields, refuse: Refuse = openai_words) -> None:
    """Refuse the first wrong field of a request; a field that is not there is right unless it is required.

    Args:
        body: the request.
        fields: the declared fields.
        refuse: the service's words.
    """
    for name, field in fields.items():
        *path, last = name.split(".")
        holder = body
        for part in path:
            holder = as_dict(holder.get(part))
        if problem := _problem(field, holder.get(last)):
            raise refuse(problem, name, field, holder.get(last))


def _problem(field: Field, value: Any) -> str:
    if field.required and (value is None or value == ""):
        return "missing"
    if value is None:
        return ""
    if field.words:
        return "" if value in field.words else "word"
    if field.expected.startswith("an array"):
        return "" if isinstance(value, list) else "type"
    if field.low is None:
        return ""
    found = as_int(value) if field.expected == "an integer" else as_number(value)
    if found is None:
        return "type"
    if found < field.low:
        return "below"
    return "above" if field.high is not None and not found <= field.high else ""


def missing(name: str) -> Refused:
    """Return OpenAI's error for a required field that is not there."""
    return openai_words("missing", name, NEEDED, None)


def wrong_type(name: str, expected: str, value: object) -> Refused:
    """Return OpenAI's error for a field of the wrong type."""
    return openai_words("type", name, Field(expected), value)


def unsupported(name: str, instead: str = "") -> Refused:
    """Return OpenAI's error for a field that this model does not take."""
    message = f"Unsupported parameter: '{name}' is not supported with this model. {instead}".rstrip()
    return Refused(400, message, param=name, code="unsupported_parameter")


def metadata(body: dict[str, Any]) -> dict[str, str] | None:
    """Return the metadata of a request to OpenAI: up to 16 pairs of texts, or None."""
    value = body.get("metadata")
    if value is not None and (not isinstance(value, dict) or len(value) > 16):
        raise wrong_type("metadata", "an object with at most 16 properties", value)
    for name, text in as_dict(value).items():
        if not isinstance(text, str):
            raise wrong_type(f"metadata.{name}", "a string", text)
    return value


def check_reasoning(body: dict[str, Any], model: str, effort: str, name: str) -> None:
    """Refuse at OpenAI the reasoning of a model that has none, and a temperature where a model reasons.

    Args:
        body: the request.
        model: the model's name.
        effort: the request's reasoning effort, or the model's default.
        name: the field of the effort.
    """
    if model.startswith("gpt-4") and effort != "none":
        raise unsupported(name)
    if effort != "none" and body.get("temperature") not in (None, 1):
        raise unsupported("temperature")


def check_format(form: dict[str, Any], where: str) -> None:
    """Check the name and the schema of a structured answer at OpenAI; `where` is the field that holds them."""
    if form.get("type") != "json_schema":
        return
    name, schema = as_str(form.get("name")), form.get("schema")
    if not name or not isinstance(schema, dict):
        raise missing(f"{where}.schema" if name else f"{where}.name")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        message = f"Invalid '{where}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."
        raise Refused(400, message, param=f"{where}.name", code="invalid_value")
    if form.get("strict") is True:
        _check_strict(schema, f"response_format '{name}'", f"{where}.schema", "invalid_json_schema")


def check_tool(tool: dict[str, Any], where: str) -> None:
    """Check the arguments' schema of a strict tool at OpenAI."""
    if tool.get("strict") is True:
        what = f"function '{as_str(tool.get('name'))}'"
        _check_strict(as_dict(tool.get("parameters")), what, f"{where}.parameters", "invalid_function_parameters")


def _check_strict(schema: dict[str, Any], what: str, param: str, code: str) -> None:
    """Refuse a schema whose objects do not require all their fields, or allow others."""
    if schema.get("type") != "object":
        kind = as_str(schema.get("type")) or None
        problem = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        raise Refused(400, f"Invalid schema for {what}: {problem}", param=param, code=code)
    for context, rule in _objects(schema, ()):
        required = as_list(rule.get("required"))
        absent = next((name for name in as_dict(rule.get("properties")) if name not in required), None)
        name = "additionalProperties" if rule.get("additionalProperties") is not False else "required"
        rest = "false." if name != "required" else f"an array including every key in properties. Missing '{absent}'."
        if name != "required" or absent:
            problem = f"In context={context!r}, '{name}' is required to be supplied and to be {rest}"
            raise Refused(400, f"Invalid schema for {what}: {problem}", param=param, code=code)


def _objects(rule: Any, context: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every object of a schema, with the path to it."""
    named = context[-1:] and context[-1] in ("properties", "$defs", "definitions")
    if isinstance(rule, dict) and not named and (rule.get("type") == "object" or "properties" in rule):
        yield context, rule
    inner = rule.items() if isinstance(rule, dict) else enumerate(rule) if isinstance(rule, list) else ()
    for name, one in inner:
        yield from _objects(one, (*context, str(name)))
