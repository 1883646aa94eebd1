"""JSON schemas as the services demand them for structured output.

Sources: OpenAI guide "Structured outputs", section "Supported schemas"; Anthropic guide "Structured outputs", section
"JSON Schema limitations". pydantic checks the answer for
what a service cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.parsing import mapping
from llmlab.types.options import ResponseFormat

_CHILDREN: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "oneOf")
_TYPED: Final = ("type", "enum", "const", "$ref", *_LISTS)
_NEVER: Final = ("allOf", "not", "if", "prefixItems", "patternProperties", "dependentRequired", "dependentSchemas")
_NOT_STRICT: Final = ("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "propertyNames")
"""Limits that no strict service takes."""
_LIMITS: Final = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("pattern", "minItems", "maxItems"),
)
"""Limits that only OpenAI takes."""
_FORMATS: Final = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")


def strict_form(form: ResponseFormat) -> dict[str, Any]:
    """Return a form as both formats of OpenAI write it; not strict where strict mode would refuse the schema."""
    if obstacle(form.schema):
        return {"name": form.name, "schema": dict(form.schema), "strict": False}
    return {"name": form.name, "schema": strict(form.schema), "strict": True}


def strict_alone(form: ResponseFormat, service: str) -> dict[str, Any]:
    """Return the schema of a form for a service that is always strict and knows no limits.

    Raises:
        LLMInvalidRequestError: names what the service refuses, and what to do instead.
    """
    refused = obstacle(form.schema) or ("a form that contains itself" if _is_recursive(form.schema) else "")
    if refused:
        raise LLMInvalidRequestError(
            f"{service} takes no schema with {refused}, as {form.name} has. Name every field with its type (a list of "
            "pairs can replace a dict), or leave response_format out and ask for JSON in words."
        )
    return strict(form.schema, limits=False)


def strict(schema: Mapping[str, Any], *, limits: bool = True) -> dict[str, Any]:
    """Return a schema in which each object has exactly the properties that it names, as strict services demand.

    A field with a default becomes required. Keywords beside a reference are merged into the schema that it names.

    Args:
        schema: of an object.
        limits: whether the service takes limits on numbers, texts and lists; else they go into the description.
    """
    result: dict[str, Any] = _strict(schema, schema, frozenset(), limits)
    return result


def obstacle(schema: object) -> str:
    """Return in a few words what strict services refuse in a schema; empty if nothing."""
    found = mapping(schema)
    if not any(name in found for name in _TYPED):
        return "a field of any type"
    if unknown := next((name for name in _NEVER if name in found), ""):
        return f"the keyword {unknown}"
    kinds = found.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" in kinds and (found.get("additionalProperties") or "properties" not in found):
        return "an object whose fields have no names"
    if "array" in kinds and "items" not in found:
        return "a list of anything"
    return next(filter(None, map(obstacle, _inner(found))), "")


def _inner(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas inside a schema."""
    for name in _CHILDREN:
        yield from mapping(schema.get(name)).values()
    for name in _LISTS:
        if isinstance(schema.get(name), list):
            yield from schema[name]
    if "items" in schema:
        yield schema["items"]


def _is_recursive(schema: Mapping[str, Any]) -> bool:
    def repeats(part: object, within: frozenset[str]) -> bool:
        reference = mapping(part).get("$ref")
        if isinstance(reference, str):
            return reference in within or repeats(_target(reference, schema), within | {reference})
        return any(repeats(inner, within) for inner in _inner(mapping(part)))

    return repeats(schema, frozenset())


def _strict(schema: Any, root: Mapping[str, Any], within: frozenset[str], limits: bool) -> Any:
    if isinstance(schema, list):
        return [_strict(item, root, within, limits) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = _target(reference, root)
        if len(schema) == 1 or target is None or reference in within:
            return {"$ref": reference}
        beside = {name: value for name, value in schema.items() if name not in ("$ref", "default")}
        return _strict({**target, **beside}, root, within | {reference}, limits)
    result = {name: value for name, value in schema.items() if name not in ("default", "discriminator", "oneOf")}
    if "oneOf" in schema:
        # Strict services know only anyOf. The constants of a discriminator tell the classes apart.
        result["anyOf"] = schema["oneOf"]
    for name in _CHILDREN:
        if name in result:
            children = mapping(result[name])
            result[name] = {key: _strict(child, root, within, limits) for key, child in children.items()}
    for name in ("anyOf", "items"):
        if name in result:
            result[name] = _strict(result[name], root, within, limits)
    if "properties" in result:
        result["additionalProperties"] = False
        result["required"] = list(mapping(result["properties"]))
    return _describe(result, limits)


def _describe(schema: dict[str, Any], limits: bool) -> dict[str, Any]:
    """Move the keywords that the service does not take into the description."""
    names = [*_NOT_STRICT]
    # OpenAI takes patterns, but none that looks around.
    if "(?" in str(schema.get("pattern", "")):
        names.append("pattern")
    if schema.get("format") not in _FORMATS:
        names.append("format")
    if not limits:
        names += _LIMITS
    words = ", ".join(f"{name}: {schema[name]}" for name in dict.fromkeys(names) if name in schema)
    if not words:
        return schema
    rest = {name: value for name, value in schema.items() if name not in names}
    described = rest.get("description")
    return {**rest, "description": f"{described} ({words})" if described else words}


def _target(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = mapping(found).get(part)
    return found if isinstance(found, Mapping) else None
