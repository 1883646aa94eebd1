"""Structured output: whatever schema is asked for, in whatever format, the answer fits it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from simulator_requests import chat, events, messages, ollama, responses, text_of, user

ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
    "required": ["street", "city"],
    "additionalProperties": False,
}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "home": {"$ref": "#/$defs/Address"},
        "friends": {"type": "array", "items": {"$ref": "#/$defs/Person"}, "maxItems": 1},
        "mood": {"anyOf": [{"enum": ["happy", "sad"]}, {"type": "null"}]},
        "born": {"type": "string", "format": "date"},
        "code": {"type": "string", "minLength": 3, "maxLength": 5},
        "scores": {"type": "array", "items": {"type": "number"}, "minItems": 2},
        "boss": {"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "null"}]},
    },
    "required": ["name", "age", "home", "friends", "mood", "born", "code", "scores", "boss"],
    "additionalProperties": False,
}
FRIEND = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
SCHEMA = PERSON | {"$defs": {"Address": ADDRESS, "Person": FRIEND}}
PROMPT = "Extract the person: Ada, 36, lives in London and is happy."


def answers(schema: dict[str, Any], prompt: str = PROMPT) -> dict[str, str]:
    """Ask every format for an answer of this schema."""
    named = {"name": "answer", "schema": schema}
    chat_format = {"type": "json_schema", "json_schema": named}
    found = {
        "responses": text_of(responses(prompt, text={"format": {"type": "json_schema", **named}})),
        "anthropic": text_of(messages(prompt, output_config={"format": {"type": "json_schema", "schema": schema}})),
        "ollama": text_of(ollama("/api/chat", messages=user(prompt), format=schema, stream=False)),
        "ollama generate": text_of(ollama("/api/generate", prompt=prompt, format=schema, stream=False)),
    }
    for alias in ("openai", "openrouter", "ollama", "local_gpt_oss"):
        found[f"chat {alias}"] = text_of(chat(alias, prompt, response_format=chat_format))
    return found


def test_every_format_follows_the_schema() -> None:
    """Else the lesson on structured output cannot parse what it gets."""
    for where, text in answers(SCHEMA).items():
        value = json.loads(text)
        jsonschema.validate(value, SCHEMA, format_checker=jsonschema.FormatChecker())
        assert (value["name"], value["age"], value["mood"]) == ("Ada", 36, "happy"), where


def test_streamed_json_is_the_plain_one() -> None:
    """Else a partial parser is fed something else than the answer."""
    form = {"format": {"type": "json_schema", "name": "p", "schema": SCHEMA, "strict": True}}
    got = events(responses(PROMPT, text=form, stream=True))
    text = "".join(event["delta"] for event in got if event["type"] == "response.output_text.delta")
    assert text == text_of(responses(PROMPT, text=form))


def test_a_schema_that_contains_itself_comes_to_an_end() -> None:
    """Else a tree or a linked list hangs the kernel."""
    node: dict[str, Any] = {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "many": {"type": "array", "items": {"$ref": "#"}},
        },
        "required": ["value", "next", "many"],
    }
    for text in answers(node).values():
        jsonschema.validate(json.loads(text), node)
    wide = {"type": "object", "properties": {f"f{at}": {"$ref": "#"} for at in range(40)}, "required": ["f0"]}
    wide["required"] = list(wide["properties"])
    form = {"format": {"type": "json_schema", "name": "wide", "schema": wide}}
    assert len(text_of(responses(PROMPT, text=form))) < 20_000


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "maxLength": 4},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 5, "maximum": 9},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "boolean"},
        {"type": "null"},
        {"const": 3},
        {"type": ["string", "null"]},
    ]
)


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from(["name", "city", "age", "date", "query"]), inner, max_size=4).map(_object)
        | st.builds(lambda items, few: {"type": "array", "items": items, "minItems": few}, inner, st.integers(0, 3))
        | st.builds(lambda one: {"anyOf": [{"type": "null"}, one]}, inner)
    ),
    max_leaves=8,
)


@given(schema=st.dictionaries(st.sampled_from(["a", "when", "place"]), SCHEMAS, min_size=1, max_size=3).map(_object))
def test_any_schema_gets_an_answer_that_fits(schema: dict[str, Any]) -> None:
    """Else some schema of a learner's own is answered with JSON that it refuses."""
    format_ = {"format": {"type": "json_schema", "name": "x", "schema": schema, "strict": True}}
    jsonschema.validate(json.loads(text_of(responses('Take 7 or -3.5 of "x" in Oslo', text=format_))), schema)


def corrected(before: Any, complaint: str) -> Any:
    """Send an answer and a complaint about it, and return the next answer."""
    text = before if isinstance(before, str) else json.dumps(before)
    turns = [*user("Extract it."), {"role": "assistant", "content": text}, *user(complaint)]
    form = {"format": {"type": "json_schema", "name": "p", "schema": SCHEMA, "strict": True}}
    return json.loads(text_of(responses(turns, text=form)))


def test_a_complaint_about_an_answer_repairs_it() -> None:
    """Else a round of repair can be tried live only."""
    rows: list[tuple[Any, str, Any]] = [
        ({"year": 2015}, "year: Input should be less than or equal to 1900", {"year": 1900}),
        ({"year": 15}, "year: Input should be greater than 1000", {"year": 1001}),
        ({"year": 15}, "year: Input should be greater than or equal to 1000", {"year": 1000}),
        ({"year": 15}, "year: Input should be less than 10", {"year": 9}),
        ({"year": 15}, "year: Input should be a multiple of 10", {"year": 10}),
        ({"code": "abcdef"}, "code: String should have at most 3 characters", {"code": "abc"}),
        ({"list": [1, 2]}, "list: List should have at most 1 item after validation, not 2", {"list": [1]}),
        ({"city": {"name": "Oslo"}}, "city.name: Value error, write it in capital letters", {"city": {"name": "OSLO"}}),
        ({"tags": ["A"]}, "tags.0: Value error, lower case only", {"tags": ["a"]}),
        ({"name": "x", "age": 200}, "name: no; age: Input should be at most 120", {"name": "x", "age": 120}),
        ({"year": "soon"}, "year: Value error, write it in rhyme", {"year": "soon"}),
        ({"year": 5}, "year: Value error, capital letters", {"year": 5}),
    ]
    for before, complaint, after in rows:
        assert corrected(before, f"This is not what was asked for: {complaint}") == after
    # A complaint that fits nothing is a question like any other.
    for before, complaint in [("no JSON", "year: wrong"), ({"year": 5}, "It is wrong."), ([], "a.b: no")]:
        assert corrected(before, complaint).keys() == PERSON["properties"].keys()
