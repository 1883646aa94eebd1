"""The checks that OpenAI makes of JSON schemas: of a structured answer, and of the arguments of a strict tool.

In strict mode every object must list all its fields as required and allow no others. Left out: limits on the size of
a schema, and keywords that strict mode does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_dict, as_list, as_str

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DEPTH = 10


def check_format(format_: dict[str, Any], where: str) -> None:
    """Check the format that an answer is to have.

    Args:
        format_: type, and for a schema its name, the schema and whether it is strict.
        where: the field it stands in.

    Raises:
        Refused: 400, with what is wrong.
    """
    kind = format_.get("type")
    if not format_:
        return
    if kind not in ("text", "json_object", "json_schema"):
        raise checks.invalid_value(f"{where}.type", kind, ("json_object", "json_schema", "text"))
    if kind != "json_schema":
        return
    name = as_str(format_.get("name"))
    if not name:
        raise checks.missing(f"{where}.name")
    if not _NAME.fullmatch(name):
        message = f"Invalid '{where}.name': string does not match pattern. Expected a string that matches the pattern "
        raise Refused(400, f"{message}'^[a-zA-Z0-9_-]+$'.", param=f"{where}.name", code="invalid_value")
    if not isinstance(format_.get("schema"), dict):
        raise checks.missing(f"{where}.schema")
    if format_.get("strict") is True:
        _check(format_["schema"], f"response_format '{name}'", f"{where}.schema", "invalid_json_schema")


def check_tool(tool: dict[str, Any], where: str) -> None:
    """Check the arguments' schema of a tool that asks for strict mode.

    Raises:
        Refused: 400, with what is wrong.
    """
    if tool.get("strict") is True:
        name = as_str(tool.get("name"))
        parameters = as_dict(tool.get("parameters"))
        _check(parameters, f"function '{name}'", f"{where}.parameters", "invalid_function_parameters")


def _check(schema: dict[str, Any], what: str, param: str, code: str) -> None:
    def refuse(context: tuple[str, ...], problem: str) -> Refused:
        message = f"Invalid schema for {what}: In context={context!r}, {problem}"
        return Refused(400, message, param=param, code=code)

    if schema.get("type") != "object":
        kind = schema.get("type")
        found = f'type: "{kind}"' if isinstance(kind, str) else 'type: "None"'
        raise Refused(
            400,
            f"Invalid schema for {what}: schema must be a JSON Schema of 'type: \"object\"', got '{found}'.",
            param=param,
            code=code,
        )
    for context, rule in _objects(schema, ()):
        if rule.get("additionalProperties") is not False:
            raise refuse(context, "'additionalProperties' is required to be supplied and to be false.")
        required, names = as_list(rule.get("required")), list(as_dict(rule.get("properties")))
        if missing := [name for name in names if name not in required]:
            problem = "'required' is required to be supplied and to be an array including every key in properties."
            raise refuse(context, f"{problem} Missing '{missing[0]}'.")


def _objects(rule: object, context: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Give every object in a schema, with the path to it."""
    if not isinstance(rule, dict) or len(context) > _DEPTH:
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
