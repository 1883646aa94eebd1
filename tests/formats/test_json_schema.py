"""JSON schemas for strict services. If one fails, a service refuses the schema, or an answer lacks a field."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from openai.lib._pydantic import to_strict_json_schema
from pydantic import AnyUrl, BaseModel, ConfigDict, Field

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.json_schema import obstacle, strict, strict_alone, strict_form
from llmlab.types.options import ResponseFormat


class Address(BaseModel):
    street: str
    number: int | None = None


class Person(BaseModel):
    name: str = Field(description="first and last name")
    age: int = Field(ge=0, le=150)
    home: Address = Field(description="where the person lives")
    work: Address
    past: list[Address] = []
    mood: Literal["good", "bad"] = "good"
    born: date | None = None


class House(BaseModel):
    where: Address = Field(description="its address")
    others: list[Address]


class Tree(BaseModel):
    label: str
    left: Tree | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]


class Zoo(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Nothing(BaseModel):
    pass


class Free(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Words(BaseModel):
    code: str = Field(min_length=3, max_length=5, pattern="^[A-Z]+$")
    tags: set[str] = Field(description="some words", max_length=3)
    page: AnyUrl
    other: str = Field(json_schema_extra={"pattern": "^(?!x)"})
    pairs: int = Field(multiple_of=2)


def one(kind: Any) -> Any:
    """Return a model with one field of a type."""
    return type("One", (BaseModel,), {"__annotations__": {"value": kind}})


def every_object(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in every_object(item)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if schema.get("type") == "object" else []
    return here + [found for value in schema.values() for found in every_object(value)]


@pytest.mark.parametrize("model", [Address, Person, Tree, Zoo, Nothing, Words])
def test_every_object_names_all_it_may_hold(model: type[BaseModel]) -> None:
    """Strict services refuse a schema in which one field may be left out, however deep."""
    found = every_object(strict(model.model_json_schema()))
    assert found
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])


@pytest.mark.parametrize("model", [Address, House, Tree])
def test_it_is_the_schema_that_the_sdk_would_send(model: type[BaseModel]) -> None:
    """OpenAI's own client writes strict schemas, too; where both can, they write the same."""
    mine, theirs = strict(model.model_json_schema()), to_strict_json_schema(model)
    if "$ref" in theirs:
        # The root of a form that holds itself is put in here, and left as a reference there.
        reference = theirs.pop("$ref").rpartition("/")[2]
        theirs = {**theirs["$defs"][reference], **theirs}
    assert mine == theirs


def test_a_default_is_left_out_and_the_field_asked_for() -> None:
    properties = strict(Person.model_json_schema())["properties"]
    assert properties["mood"] == {"enum": ["good", "bad"], "title": "Mood", "type": "string"}
    assert "default" not in properties["born"]


def test_what_stands_beside_a_reference_is_kept() -> None:
    """A description beside a $ref is refused; without it the model knows less."""
    properties = strict(Person.model_json_schema())["properties"]
    assert properties["home"]["description"] == "where the person lives"
    assert properties["home"]["properties"]["street"] == {"title": "Street", "type": "string"}
    assert properties["work"] == {"$ref": "#/$defs/Address"}


def test_a_choice_of_classes_is_written_as_services_know_it() -> None:
    """They refuse oneOf and discriminator; the constant fields tell the classes apart as well."""
    pet = strict(Zoo.model_json_schema())["properties"]["pet"]
    assert pet == {"title": "Pet", "anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}


def test_a_field_may_have_the_name_of_a_keyword() -> None:
    names = ("default", "type", "additionalProperties", "oneOf", "pattern", "$ref", "properties", "items", "minimum")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert obstacle(schema) == ""
    assert strict(schema)["properties"] == schema["properties"]
    assert strict_alone(ResponseFormat("x", schema), "S")["properties"] == schema["properties"]


def test_a_schema_is_left_as_it_was() -> None:
    schema = Person.model_json_schema()
    strict(schema)
    strict_alone(ResponseFormat.of(Person), "S")
    assert schema == Person.model_json_schema()


def test_what_strict_mode_cannot_say_is_told_in_words() -> None:
    """OpenAI refuses these keywords; left out in silence, the model would not know them."""
    found = strict(Words.model_json_schema())["properties"]
    assert found["code"] == {
        "title": "Code",
        "type": "string",
        "pattern": "^[A-Z]+$",
        "description": "minLength: 3, maxLength: 5",
    }
    assert found["tags"]["description"] == "some words (uniqueItems: True)"
    assert found["tags"]["maxItems"] == 3
    assert found["page"]["description"] == "minLength: 1, format: uri"
    assert found["other"] == {"title": "Other", "type": "string", "description": "pattern: ^(?!x)"}


def test_limits_are_told_in_words_to_a_service_without_them() -> None:
    found = strict_alone(ResponseFormat.of(Words), "S")["properties"]
    assert found["code"]["description"] == "minLength: 3, maxLength: 5, pattern: ^[A-Z]+$"
    assert found["tags"]["description"] == "some words (uniqueItems: True, maxItems: 3)"
    assert found["pairs"]["description"] == "multipleOf: 2"
    age = strict_alone(ResponseFormat.of(Person), "S")["properties"]["age"]
    assert age == {"title": "Age", "type": "integer", "description": "minimum: 0, maximum: 150"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (dict[str, int], "an object whose fields have no names"),
        (dict, "an object whose fields have no names"),
        (Free, "an object whose fields have no names"),
        (list[dict[str, str]], "an object whose fields have no names"),
        (dict[str, int] | None, "an object whose fields have no names"),
        (Any, "a field of any type"),
        (list[Any], "a field of any type"),
        (tuple[int, str], "the keyword prefixItems"),
    ],
    ids=str,
)
def test_what_cannot_be_strict_is_asked_for_without(kind: Any, told: str) -> None:
    """Made strict, a dict could never have a key; OpenAI would answer {} or refuse."""
    form = ResponseFormat.of(one(kind))
    assert obstacle(form.schema) == told
    assert strict_form(form) == {"name": "One", "schema": form.schema, "strict": False}
    with pytest.raises(LLMInvalidRequestError) as caught:
        strict_alone(form, "This service")
    assert caught.value.message.startswith(f"This service takes no schema with {told}, as One has. Name every field")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "object"}, "an object whose fields have no names"),
        ({"type": ["object", "null"]}, "an object whose fields have no names"),
        ({"type": "object", "properties": {"a": True}}, "a field of any type"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "a list of anything"),
        ({"type": "object", "properties": {"a": {"allOf": [{"type": "string"}], "type": "string"}}}, "keyword allOf"),
    ],
    ids=str,
)
def test_schemas_by_hand_are_looked_through_too(schema: dict[str, Any], told: str) -> None:
    assert told in obstacle(schema)


def test_a_form_that_holds_itself_goes_where_it_can() -> None:
    """OpenAI takes one, Anthropic does not."""
    form = strict_form(ResponseFormat.of(Tree))
    assert form["strict"] is True
    assert form["schema"]["type"] == "object"
    with pytest.raises(LLMInvalidRequestError, match="takes no schema with a form that contains itself, as Tree has"):
        strict_alone(ResponseFormat.of(Tree), "S")


def test_a_form_without_fields_is_strict() -> None:
    assert strict_form(ResponseFormat.of(Nothing))["strict"] is True
