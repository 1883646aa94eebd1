"""JSON schemas as the services want them for answers in a given form.

Sources: OpenAI guide "Structured outputs", section "Supported schemas"; Anthropic guide "Structured outputs", section
"JSON Schema limitations". What a service cannot be told is checked by pydantic when the answer is there.
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
_WORDS: Final = ("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties", "propertyNames")
"""Limits that no strict service takes; they are told in words."""
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LIMITS: Final = (*_NUMBERS, "pattern", "minItems", "maxItems")
_FORMATS: Final = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")


def strict_form(form: ResponseFormat) -> dict[str, Any]:
    """Return a form as both formats of OpenAI name it. What strict mode refuses is asked for without being strict."""
    if obstacle(form.schema):
        return {"name": form.name, "schema": dict(form.schema), "strict": False}
    return {"name": form.name, "schema": strict(form.schema), "strict": True}


def strict_alone(form: ResponseFormat, service: str) -> dict[str, Any]:
    """Return the schema of a form for a service that is always strict, and has no limits, which are told in words.

    Raises:
        LLMInvalidRequestError: says what the service refuses, and the way out.
    """
    found = obstacle(form.schema) or ("a form that holds itself" if _is_recursive(form.schema) else "")
    if found:
        raise LLMInvalidRequestError(
            f"{service} takes no schema with {found}, as {form.name} has. Name every field with its type (a list of "
            "pairs holds what a dict would), or leave response_format out and ask for JSON in words."
        )
    made: dict[str, Any] = _in_words(strict(form.schema))
    return made


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in which each object has exactly the properties that it names, as strict services demand.

    A field with a default is asked for all the same. A reference stands alone, so what stood beside it is put into it.
    """
    made: dict[str, Any] = _strict(schema, schema, frozenset())
    return made


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
    """Yield the schemas that stand in a schema."""
    for name in _CHILDREN:
        yield from mapping(schema.get(name)).values()
    for name in _LISTS:
        if isinstance(schema.get(name), list):
            yield from schema[name]
    if "items" in schema:
        yield schema["items"]


def _is_recursive(schema: Mapping[str, Any]) -> bool:
    def holds(part: object, within: frozenset[str]) -> bool:
        found = mapping(part)
        reference = found.get("$ref")
        if isinstance(reference, str):
            return reference in within or holds(_target(reference, schema), within | {reference})
        return any(holds(inner, within) for inner in _inner(found))

    return holds(schema, frozenset())


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
    made = {name: value for name, value in schema.items() if name not in ("default", "discriminator", "oneOf")}
    if "oneOf" in schema:
        # Strict services know only anyOf. Which of several it is, a discriminator's constants tell.
        made["anyOf"] = schema["oneOf"]
    for name in _CHILDREN:
        if name in made:
            made[name] = {key: _strict(child, root, within) for key, child in mapping(made[name]).items()}
    for name in ("anyOf", "items"):
        if name in made:
            made[name] = _strict(made[name], root, within)
    if "properties" in made:
        made["additionalProperties"] = False
        made["required"] = list(mapping(made["properties"]))
    # OpenAI takes patterns, but none that looks around.
    around = ("pattern",) if "(?" in str(made.get("pattern", "")) else ()
    return _told(made, _WORDS + around + (() if made.get("format") in _FORMATS else ("format",)))


def _in_words(schema: Any) -> Any:
    """Return a schema whose limits on numbers, texts and lists are told in words, for a service that has none."""
    if isinstance(schema, list):
        return [_in_words(item) for item in schema]
    made = dict(schema)
    for name in _CHILDREN:
        if name in made:
            made[name] = {key: _in_words(child) for key, child in mapping(made[name]).items()}
    for name in ("anyOf", "items"):
        if name in made:
            made[name] = _in_words(made[name])
    return _told(made, _LIMITS)


def _told(schema: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    told = ", ".join(f"{name}: {schema[name]}" for name in names if name in schema)
    if not told:
        return schema
    rest = {name: value for name, value in schema.items() if name not in names}
    described = rest.get("description")
    return {**rest, "description": f"{described} ({told})" if described else told}


def _target(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = mapping(found).get(part)
    return found if isinstance(found, Mapping) else None
