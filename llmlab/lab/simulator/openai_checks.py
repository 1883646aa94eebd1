"""The checks that OpenAI makes before it answers, in its own words."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_number
from llmlab.lab.simulator.models import Model

_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def kind_of(value: object) -> str:
    """Name a JSON value's type the way OpenAI's errors do."""
    return "null" if value is None else _KINDS.get(type(value), "an unknown type")


def missing(name: str) -> Refused:
    """A required parameter is not there."""
    return Refused(400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def wrong_type(name: str, expected: str, value: object) -> Refused:
    """A parameter has the wrong type."""
    message = f"Invalid type for '{name}': expected {expected}, but got {kind_of(value)} instead."
    return Refused(400, message, param=name, code="invalid_type")


def invalid_value(name: str, value: object, supported: tuple[str, ...]) -> Refused:
    """A parameter has none of the values it may have."""
    listed = ", ".join(f"'{one}'" for one in supported[:-1]) + f", and '{supported[-1]}'"
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return Refused(400, message, param=name, code="invalid_value")


def unsupported(name: str, instead: str = "") -> Refused:
    """A parameter exists, but not for this model."""
    message = f"Unsupported parameter: '{name}' is not supported with this model." + (f" {instead}" if instead else "")
    return Refused(400, message, param=name, code="unsupported_parameter")


def check_decimal(body: dict[str, Any], name: str, low: float, high: float) -> None:
    """Refuse a number outside its range.

    Raises:
        Refused: 400, with what was expected.
    """
    value = body.get(name)
    if value is None:
        return
    number = as_number(value)
    if number is None:
        raise wrong_type(name, "a decimal number", value)
    if not number <= high:
        message = (
            f"Invalid '{name}': decimal above maximum value. Expected a value <= {high:g}, but got {number} instead."
        )
        raise Refused(400, message, param=name, code="decimal_above_max_value")
    if number < low:
        message = (
            f"Invalid '{name}': decimal below minimum value. Expected a value >= {low:g}, but got {number} instead."
        )
        raise Refused(400, message, param=name, code="decimal_below_min_value")


def check_integer(body: dict[str, Any], name: str, low: int, high: int | None = None) -> None:
    """Refuse a whole number outside its range.

    Raises:
        Refused: 400, with what was expected.
    """
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(name, "an integer", value)
    if value < low:
        message = f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
        raise Refused(400, message, param=name, code="integer_below_min_value")
    if high is not None and value > high:
        message = f"Invalid '{name}': integer above maximum value. Expected a value <= {high}, but got {value} instead."
        raise Refused(400, message, param=name, code="integer_above_max_value")


def check_array(body: dict[str, Any], name: str, of: str = "an array of objects") -> None:
    """Refuse a parameter that is not an array.

    Raises:
        Refused: 400, with what was expected.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise wrong_type(name, of, value)


def metadata(body: dict[str, Any]) -> dict[str, str] | None:
    """Read up to 16 pairs of texts that a caller may attach to a thing, or nothing.

    Raises:
        Refused: 400 for anything else.
    """
    given = body.get("metadata")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise wrong_type("metadata", "an object", given)
    if len(given) > 16:
        expected = "Expected an object with at most 16 properties"
        message = f"Invalid 'metadata': too many properties. {expected}, but got {len(given)} properties instead."
        raise Refused(400, message, param="metadata", code="object_above_max_properties")
    for name, value in given.items():
        if not isinstance(value, str):
            raise wrong_type(f"metadata.{name}", "a string", value)
    return dict(given)


def effort_of(value: object, name: str, otherwise: str) -> str:
    """Read a reasoning effort, or take the model's own.

    Raises:
        Refused: 400 for a word that is none.
    """
    efforts = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    if value is None:
        return otherwise
    if value not in efforts:
        raise invalid_value(name, value, efforts)
    return str(value)


def verbosity_of(value: object, name: str) -> str:
    """Read how long an answer is to be.

    Raises:
        Refused: 400 for a word that is none.
    """
    if value is None:
        return "medium"
    if value not in ("low", "medium", "high"):
        raise invalid_value(name, value, ("low", "medium", "high"))
    return str(value)


def check_reasoning(body: dict[str, Any], model: Model, effort: str, name: str) -> None:
    """Refuse reasoning of a model that has none, and a temperature of one that reasons.

    Args:
        body: the request.
        model: whose reasoning it is.
        effort: what the request comes to, its own wish or the model's habit.
        name: the field in which a request wishes for an effort.

    Raises:
        Refused: 400, with what is wrong.
    """
    if model.id.startswith("gpt-4") and effort != "none":
        raise unsupported(name)
    if effort != "none" and body.get("temperature") not in (None, 1):
        raise unsupported("temperature")
