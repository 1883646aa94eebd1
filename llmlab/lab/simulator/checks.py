"""Checks of a request's fields, in OpenAI's words; the services of its form are simulated with the same ones.

Every check raises `Refused` 400, which names the field. Left out: most limits on the size of a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_int, as_list, as_number, as_str
from llmlab.lab.simulator.models import Model

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def missing(name: str) -> Refused:
    """Return the error for a required field that is not there."""
    return Refused(400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def wrong_type(name: str, expected: str, value: object) -> Refused:
    """Return the error for a field of the wrong type."""
    message = f"Invalid type for '{name}': expected {expected}, but got {_KINDS[type(value)]} instead."
    return Refused(400, message, param=name, code="invalid_type")


def invalid_value(name: str, value: object, supported: tuple[str, ...]) -> Refused:
    """Return the error for a value that is not among the supported ones."""
    listed = ", ".join(f"'{one}'" for one in supported[:-1]) + f", and '{supported[-1]}'"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return Refused(400, message, param=name, code="invalid_value")


def unsupported(name: str, instead: str = "") -> Refused:
    """Return the error for a field that this model does not take."""
    message = f"Unsupported parameter: '{name}' is not supported with this model. {instead}".rstrip()
    return Refused(400, message, param=name, code="unsupported_parameter")


def check_number(
    body: dict[str, Any], name: str, low: float, high: float | None = None, *, whole: bool = False
) -> None:
    """Refuse a field that is not a number between two bounds; a field that is not there is fine."""
    value = body.get(name)
    if value is None:
        return
    number = as_int(value) if whole else as_number(value)
    if number is None:
        raise wrong_type(name, "an integer" if whole else "a decimal number", value)
    if number < low:
        word, sign, bound = "below minimum", ">=", low
    elif high is not None and not number <= high:
        word, sign, bound = "above maximum", "<=", high
    else:
        return
    kind = "integer" if whole else "decimal"
    message = f"Invalid '{name}': {kind} {word} value. Expected a value {sign} {bound:g}, but got {number} instead."
    raise Refused(400, message, param=name, code=f"{kind}_{word.replace(' ', '_')[:9]}_value")


def check_array(body: dict[str, Any], name: str, of: str = "an array of objects") -> None:
    """Refuse a field that is not an array."""
    if body.get(name) is not None and not isinstance(body[name], list):
        raise wrong_type(name, of, body[name])


def choice(value: object, name: str, supported: tuple[str, ...], default: str) -> str:
    """Return a field that is one of a few words, or its default."""
    if value is None:
        return default
    if value not in supported:
        raise invalid_value(name, value, supported)
    return str(value)


def check_reasoning(body: dict[str, Any], model: Model, effort: str, name: str) -> None:
    """Refuse reasoning of a model that has none, and a temperature for a model that reasons.

    Args:
        body: the request.
        model: the model.
        effort: the request's reasoning effort, or the model's default.
        name: the field of the effort.
    """
    if model.id.startswith("gpt-4") and effort != "none":
        raise unsupported(name)
    if effort != "none" and body.get("temperature") not in (None, 1):
        raise unsupported("temperature")


def metadata(body: dict[str, Any]) -> dict[str, str] | None:
    """Return the metadata of a request: up to 16 pairs of texts, or None."""
    value = body.get("metadata")
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) > 16:
        raise wrong_type("metadata", "an object with at most 16 properties", value)
    for name, text in value.items():
        if not isinstance(text, str):
            raise wrong_type(f"metadata.{name}", "a string", text)
    return dict(value)


def check_format(form: dict[str, Any], where: str) -> None:
    """Check the format of a structured answer.

    Args:
        form: type, and for a schema its name, the schema, and whether it is strict.
        where: the field that holds it.
    """
    if not form:
        return
    kind = choice(form.get("type"), f"{where}.type", ("json_object", "json_schema", "text"), "text")
    if kind != "json_schema":
        return
    name = as_str(form.get("name"))
    if not name:
        raise missing(f"{where}.name")
    if not _NAME.fullmatch(name):
        message = f"Invalid '{where}.name': string does not match pattern. Expected a string that matches the pattern "
        raise Refused(400, f"{message}'^[a-zA-Z0-9_-]+$'.", param=f"{where}.name", code="invalid_value")
    if not isinstance(form.get("schema"), dict):
        raise missing(f"{where}.schema")
    if form.get("strict") is True:
        _check_strict(form["schema"], f"response_format '{name}'", f"{where}.schema", "invalid_json_schema")


def check_tool(tool: dict[str, Any], where: str) -> None:
    """Check the arguments' schema of a strict tool."""
    if tool.get("strict") is True:
        what = f"function '{as_str(tool.get('name'))}'"
        _check_strict(as_dict(tool.get("parameters")), what, f"{where}.parameters", "invalid_function_parameters")


def _check_strict(schema: dict[str, Any], what: str, param: str, code: str) -> None:
    """Refuse a schema whose objects do not require all their fields, or allow others."""

    def refused(problem: str) -> Refused:
        return Refused(400, f"Invalid schema for {what}: {problem}", param=param, code=code)

    if schema.get("type") != "object":
        kind = as_str(schema.get("type")) or None
        raise refused(f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'.")
    for context, rule in _objects(schema, ()):
        if rule.get("additionalProperties") is not False:
            raise refused(f"In context={context!r}, 'additionalProperties' is required to be supplied and to be false.")
        required = as_list(rule.get("required"))
        if absent := [name for name in as_dict(rule.get("properties")) if name not in required]:
            problem = "'required' is required to be supplied and to be an array including every key in properties."
            raise refused(f"In context={context!r}, {problem} Missing '{absent[0]}'.")


def _objects(rule: object, context: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every object of a schema, with the path to it."""
    if not isinstance(rule, dict) or len(context) > 10:
        return
    if rule.get("type") == "object" or "properties" in rule:
        yield context, rule
    for group in ("properties", "$defs", "definitions"):
        for name, inner in as_dict(rule.get(group)).items():
            yield from _objects(inner, (*context, group, name))
    yield from _objects(rule.get("items"), (*context, "items"))
    for union in ("anyOf", "oneOf", "allOf"):
        for at, inner in enumerate(as_list(rule.get(union))):
            yield from _objects(inner, (*context, union, str(at)))
