"""`@tool`. If one fails, a model is told something wrong about a function, or a wrong function is made a tool."""

from __future__ import annotations

import asyncio
import functools
import inspect
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from llmlab import LLMError, ToolDefinition, tool
from llmlab.errors import ToolError
from llmlab.toolkit.tools import Tool
from llmlab.toolkit.tools.function import written
from llmlab.toolkit.tools.signature import read_docstring


class Place(BaseModel):
    city: str
    country: str = "France"


class Unit(str, Enum):  # noqa: UP042 - as people wrote it before StrEnum
    C = "celsius"


def book(
    where: Place,
    day: date,
    beds: Annotated[int, Field(ge=1, description="how many, at least one")] = 1,
    unit: Literal["C", "F"] = "C",
    copy: list[str] | None = None,
) -> str:
    """Book a room.

    It is only pretended.

    Args:
        where: the place, as exactly
            as you can.
        day (date): the first night.
        beds: never read, since the annotation says more.

    Returns:
        What nobody told the model.
    """
    return f"{where.city} {day.year} {beds} {unit} {copy}"


def test_a_model_is_told_name_purpose_and_arguments() -> None:
    definition = tool(book).definition
    assert isinstance(definition, ToolDefinition)
    assert definition.name == "book"
    assert definition.description == "Book a room.\n\nIt is only pretended."
    assert definition.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["where", "day"],
        "properties": {
            "where": {"$ref": "#/$defs/Place", "description": "the place, as exactly as you can."},
            "day": {"type": "string", "format": "date", "description": "the first night."},
            "beds": {"type": "integer", "minimum": 1, "default": 1, "description": "how many, at least one"},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "copy": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
        },
        "$defs": {
            "Place": {
                "type": "object",
                "title": "Place",
                "required": ["city"],
                "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "France"}},
            }
        },
    }


def test_arguments_reach_the_function_in_its_own_types() -> None:
    """Else a tool that is typed with a model or a date would get a dict or a text."""
    made = tool(book)
    arguments = made.check({"where": {"city": "Rome"}, "day": "2026-02-01", "beds": "2"})
    assert arguments == {"where": Place(city="Rome"), "day": date(2026, 2, 1), "beds": 2}
    assert made.perform(arguments) == "Rome 2026 2 C None"


def test_a_tool_is_still_the_function() -> None:
    @tool
    def double(a: int) -> int:
        """Double a number."""
        return 2 * a

    assert double(4) == 8
    assert double.__doc__ == "Double a number."
    assert list(inspect.signature(double).parameters) == ["a"]
    assert repr(double) == "Tool(double(a))"
    assert not double.is_async


def test_name_and_description_can_be_given() -> None:
    @tool(name="sum-up", description="Add them up.")
    def add(a: int) -> int:
        return a

    assert (add.definition.name, add.definition.description) == ("sum-up", "Add them up.")


class Counter:
    """Count things."""

    def more(self, by: int = 1, /, step: int = 1) -> int:
        """Count on."""
        return by * step

    async def __call__(self, start: int) -> int:
        return start + 1


def test_methods_and_callable_objects_become_tools() -> None:
    more, count = tool(Counter().more), Tool(Counter(), name="count")
    assert list(more.definition.parameters["properties"]) == ["by", "step"]
    assert more.perform({"step": 3}) == "3", "what goes by place and was left out keeps its default"
    assert count.is_async
    assert count.perform({"start": 1}) == "2"


async def waits(seconds: int) -> int:
    """Wait."""
    return seconds


def test_an_async_tool_is_awaited_wherever_it_is_performed() -> None:
    """In Jupyter a loop is always running; a blocking call there must not fail."""
    made = tool(waits)
    assert made.is_async
    assert made.perform({"seconds": 1}) == "1"

    async def in_jupyter() -> str:
        return made.perform({"seconds": 2})

    assert asyncio.run(in_jupyter()) == "2"


def untyped(a) -> int:  # type: ignore[no-untyped-def]
    """Take anything."""
    return 1


def many(*values: int) -> int:
    """Take many."""
    return 1


def named(**values: int) -> int:
    """Take many."""
    return 1


def undocumented(a: int) -> int:
    return a


def opaque(a: Counter) -> int:
    """Take what JSON has not."""
    return 1


def unknown(a: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
    """Take what is not there."""
    return 1


def nested(a: list["Nowhere"]) -> int:  # type: ignore[name-defined]  # noqa: F821, UP037
    """Take what is not there."""
    return 1


def defaulted(a: int = Field(default=1)) -> int:
    """Take a field."""
    return 1


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (untyped, "the argument 'a' of untyped has no type; write one, such as a: str"),
        (Counter.more, "tool(thing.method)"),
        (many, "many takes \\*values: int"),
        (named, "named takes \\*\\*values: int"),
        (undocumented, "undocumented has no docstring"),
        (opaque, "the arguments of opaque cannot be written as JSON schema"),
        (unknown, "the types of unknown cannot be read: name 'Nowhere' is not defined"),
        (nested, "the arguments of nested cannot be written"),
        (defaulted, "write a: Annotated"),
        (lambda: 1, "'<lambda>' cannot be a tool's name"),
        (functools.partial(book, beds=2), "not of a partial"),
        (ToolDefinition("add"), "a tool is made of a function, not of a ToolDefinition"),
    ],
)
def test_a_function_that_makes_no_tool_is_refused_with_the_way_out(function: Any, said: str) -> None:
    with pytest.raises(ToolError, match=said.replace("(", "\\(").replace(")", "\\)").replace("\\\\", "\\")) as caught:
        tool(function)
    assert isinstance(caught.value, LLMError)
    assert caught.value.run is None


def test_a_default_that_json_lacks_is_left_out_in_silence() -> None:
    """A warning would stand in every notebook cell that makes such a tool."""

    def when(a: Any = Counter()) -> int:  # noqa: B008
        """Say when."""
        return 1

    assert tool(when).definition.parameters["properties"] == {"a": {}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"day": "2026-02-01"}, "where is missing"),
        ({"where": {"city": 5}, "day": "soon"}, "where.city: Input should be a valid string; day: Input should be"),
        ({"where": {"city": "R"}, "day": "2026-02-01", "beds": 0}, "beds: Input should be greater than or equal to 1"),
        (
            {"where": {"city": "R"}, "day": "2026-02-01", "town": 1},
            "there is no argument town; the arguments are where, day, beds, unit, copy",
        ),
    ],
)
def test_wrong_arguments_are_told_one_by_one(arguments: dict[str, Any], said: str) -> None:
    """The model reads this, and must know what to write instead."""
    with pytest.raises(ValueError, match=said):
        tool(book).check(arguments)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (Unit.C, "celsius"),
        (None, "null"),
        (3, "3"),
        (True, "true"),
        ({"größe": [1.5, None]}, '{"größe":[1.5,null]}'),
        (Place(city="Rome"), '{"city":"Rome","country":"France"}'),
        (date(2026, 2, 1), '"2026-02-01"'),
        ({1}, "[1]"),
    ],
)
def test_results_are_text_or_json(value: Any, text: str) -> None:
    assert written(value) == text


def test_a_docstring_ends_its_section_where_the_text_goes_on() -> None:
    about, notes = read_docstring("Do it.\n\nArgs:\n    a: one\n        more: of it\n    b: two\n\nMind the gap.")
    assert about == "Do it.\n\nMind the gap."
    assert notes == {"a": "one more: of it", "b": "two"}
    assert read_docstring("Do it.\nArgs:\n    nothing that is an argument") == ("Do it.", {})
