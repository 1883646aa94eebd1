"""`@tool`. If one fails, a model gets a wrong description of a function, or a wrong function becomes a tool."""

from __future__ import annotations

import asyncio
import functools
import inspect
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from llmlab import LLMError, ToolCall, ToolDefinition, tool
from llmlab.errors import ToolError
from llmlab.toolkit.tools import Tool


class Place(BaseModel, frozen=True):
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
        What the model never reads.
    """
    return f"{where.city} {day.year} {beds} {unit} {copy}"


def result_of(made: Any, **arguments: Any) -> str:
    """Return what the model reads after a call."""
    step = made.perform(ToolCall("c1", made.name, arguments))
    assert step.error is None, step.error
    return str(step.result)


def test_a_model_gets_name_purpose_and_arguments() -> None:
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
    """Else a tool that is typed with a model or a date gets a dict or a text."""
    made = tool(book)
    arguments = {"where": {"city": "Rome"}, "day": "2026-02-01", "beds": "2"}
    assert made.check(arguments) == {"where": Place(city="Rome"), "day": date(2026, 2, 1), "beds": 2}
    assert result_of(made, **arguments) == "Rome 2026 2 C None"


def test_a_tool_is_still_the_function() -> None:
    @tool(name="double-up", description="Twice.")
    def double(a: int) -> int:
        return 2 * a

    assert double(4) == 8
    assert list(inspect.signature(double).parameters) == ["a"]
    assert (double.definition.name, double.definition.description) == ("double-up", "Twice.")
    assert repr(double) == "Tool(double-up(a))"
    assert not double.is_async


class Counter:
    """Count things."""

    def more(self, by: int = 1, /, step: int = 1) -> int:
        """Count on."""
        return by * step

    async def __call__(self, start: int) -> int:
        return start + 1


async def waits(seconds: int) -> int:
    """Wait."""
    return seconds


def test_methods_and_callable_objects_become_tools() -> None:
    more, count = tool(Counter().more), Tool(Counter(), name="count")
    assert list(more.definition.parameters["properties"]) == ["by", "step"]
    assert result_of(more, step=3) == "3", "a positional argument that was left out keeps its default"
    assert count.is_async
    assert result_of(count, start=1) == "2"


def test_an_async_tool_is_awaited_wherever_it_is_performed() -> None:
    """In Jupyter a loop is always running; a blocking call there must not fail."""
    made = tool(waits)
    assert made.is_async
    assert result_of(made, seconds=1) == "1"

    async def in_jupyter() -> str:
        return result_of(made, seconds=2)

    assert asyncio.run(in_jupyter()) == "2"


def test_a_sync_tool_runs_without_an_event_loop() -> None:
    """Else a tool that calls asyncio.run itself fails."""

    @tool
    def nested(seconds: int) -> int:
        """Wait."""
        return asyncio.run(waits(seconds))

    assert result_of(nested, seconds=3) == "3"


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


REFUSED: list[tuple[Any, str]] = [
    (untyped, "the argument 'a' of untyped has no type; write one, such as a: str"),
    (Counter.more, "tool(thing.method)"),
    (many, "many takes *values: int"),
    (named, "named takes **values: int"),
    (undocumented, "undocumented has no docstring"),
    (opaque, "the arguments of opaque cannot be written as JSON schema"),
    (unknown, "the types of unknown cannot be read: name 'Nowhere' is not defined"),
    (nested, "the arguments of nested cannot be written"),
    (defaulted, "write a: Annotated"),
    (lambda: 1, "'<lambda>' cannot be a tool's name"),
    (functools.partial(book, beds=2), "not of a partial"),
    (ToolDefinition("add"), "a tool is made of a function, not of a ToolDefinition"),
]


def test_an_unfit_function_is_refused_with_the_way_out() -> None:
    """Else a learner meets an error of pydantic, or a model that cannot use the tool."""
    for function, message in REFUSED:
        with pytest.raises(ToolError) as caught:
            tool(function)
        assert message in str(caught.value)
        assert isinstance(caught.value, LLMError)


def test_a_default_that_json_does_not_have_is_left_out_without_a_warning() -> None:
    """A warning would stand in every notebook cell that makes such a tool."""

    def when(a: Any = Counter()) -> int:  # noqa: B008
        """Say when."""
        return 1

    assert tool(when).definition.parameters["properties"] == {"a": {}}


def test_each_wrong_argument_is_explained() -> None:
    """The model reads this, and must know what to write instead."""
    where, day = {"city": "Rome"}, "2026-02-01"
    for arguments, message in (
        ({"day": day}, "where is missing"),
        ({"where": {"city": 5}, "day": "soon"}, "where.city: Input should be a valid string; day: Input should be"),
        ({"where": where, "day": day, "beds": 0}, "beds: Input should be greater than or equal to 1"),
        (
            {"where": where, "day": day, "town": 1},
            "there is no argument town; the arguments are where, day, beds, unit, copy",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            tool(book).check(arguments)


def test_results_are_text_or_json() -> None:
    """The model reads them."""
    results = {
        "as it is": "as it is",
        "": "",
        Unit.C: "celsius",
        None: "null",
        3: "3",
        True: "true",
        Place(city="Rome"): '{"city":"Rome","country":"France"}',
        date(2026, 2, 1): '"2026-02-01"',
        ("größe", 1.5): '["größe",1.5]',
        frozenset({1}): "[1]",
    }
    for value, text in results.items():

        def give(value: Any = value) -> Any:
            """Give it."""
            return value

        assert result_of(tool(give)) == text


def test_a_section_of_a_docstring_ends_where_the_text_goes_on() -> None:
    def described(a: int, b: int) -> None:
        """Do it.

        Args:
            a: one
                more: of it
            b: two
            nothing that is an argument

        Mind the gap.
        """

    definition = tool(described).definition
    assert definition.description == "Do it.\n\nMind the gap."
    notes = {name: one["description"] for name, one in definition.parameters["properties"].items()}
    assert notes == {"a": "one more: of it", "b": "two nothing that is an argument"}
