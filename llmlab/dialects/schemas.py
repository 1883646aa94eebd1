"""JSON schemas as the services want them for answers in a given form.

Sources: OpenAI guide "Structured outputs", section "Supported schemas"; Anthropic guide "Structured outputs", section
"JSON Schema limitations". What a service cannot be told is checked by pydantic when the answer is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.dialects.read import mapping
from llmlab.options import ResponseFormat

_CHILDREN = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength")
_BOUNDS += ("maxItems", "minItems", "uniqueItems", "minProperties", "maxProperties")


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in which each object has exactly the properties that it names, as strict services demand.

    A field with a default is asked for all the same. A reference stands alone, so what stood beside it is put into it.
    """
    return _strict(schema, schema, frozenset())


def strict_form(form: ResponseFormat) -> dict[str, Any]:
    """Return a form as both formats of OpenAI name it. One with open objects is asked for without being strict."""
    if is_open(form.schema):
        return {"name": form.name, "schema": dict(form.schema), "strict": False}
    return {"name": form.name, "schema": strict(form.schema), "strict": True}


def is_open(schema: object) -> bool:
    """Return whether some object may have properties that the schema does not name; strict services refuse such."""
    if isinstance(schema, list):
        return any(map(is_open, schema))
    found = mapping(schema)
    if found.get("additionalProperties") not in (None, False):
        return True
    if found.get("type") == "object" and not found.get("properties"):
        return True
    return any(map(is_open, found.values()))


def without_bounds(schema: Any) -> Any:
    """Return a schema whose limits on numbers, texts and lists are told in words, for a service that has none."""
    if isinstance(schema, list):
        return [without_bounds(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    bounds = {name: schema[name] for name in _BOUNDS if not isinstance(schema.get(name), (type(None), dict))}
    rest = {name: value for name, value in schema.items() if name not in bounds}
    for name, value in rest.items():
        if name in _CHILDREN:
            rest[name] = {key: without_bounds(child) for key, child in mapping(value).items()}
        elif name not in ("enum", "const", "default", "required"):
            rest[name] = without_bounds(value)
    if bounds:
        told = ", ".join(f"{name}: {value}" for name, value in bounds.items())
        rest["description"] = f"{rest['description']} ({told})" if rest.get("description") else told
    return rest


def _strict(schema: Any, root: Mapping[str, Any], within: frozenset[str]) -> Any:
    if isinstance(schema, list):
        return [_strict(item, root, within) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = _target(reference, root)
        if len(schema) == 1 or target is None or reference in within:
            return {"$ref": reference}
        beside = {name: value for name, value in schema.items() if name not in ("$ref", "default")}
        return _strict({**target, **beside}, root, within | {reference})
    made = {name: value for name, value in schema.items() if name != "default"}
    for name in _CHILDREN:
        if name in made:
            made[name] = {key: _strict(child, root, within) for key, child in mapping(made[name]).items()}
    for name in (*_LISTS, "items"):
        if name in made:
            made[name] = _strict(made[name], root, within)
    if made.get("type") == "object":
        made["additionalProperties"] = False
        made["required"] = list(mapping(made.get("properties")))
    return made


def _target(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = mapping(found).get(part)
    return found if isinstance(found, Mapping) else None
