"""What a request may wish for. If one fails, a typing error reaches a service, or a wish is quietly dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

from llmlab import LLMInvalidRequestError, ReasoningConfig, TextConfig
from llmlab.types.options import FileSearch, ResponseFormat
from llmlab.types.request import build_request


class City(BaseModel):
    """A city."""

    name: str
    people: int


class Tree(BaseModel):
    leaves: list[Tree]


class Calling(BaseModel):
    what: Callable[[], None]


class Unfinished(BaseModel):
    other: Nowhere  # type: ignore[name-defined]  # noqa: F821


def built(**options: Any) -> Any:
    return build_request("Hi", "m", options)


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        ("reasoning", {"effort": "low"}, ReasoningConfig("low")),
        ("reasoning", {"budget_tokens": 2048, "summary": "auto"}, ReasoningConfig(None, "auto", 2048)),
        ("text", {"verbosity": "high"}, TextConfig("high")),
        ("file_search", {"vector_store_ids": ["vs_1"]}, FileSearch(("vs_1",))),
    ],
    ids=str,
)
def test_a_dict_is_as_good_as_the_class(name: str, value: Any, made: Any) -> None:
    assert getattr(built(**{name: value}), name) == getattr(built(**{name: made}), name) == made


WRONG_OPTIONS: list[Any] = [
    ({"reasoning": {"effort": "huge"}}, "effort must be one of none, minimal, low, medium, high, xhigh, max, not"),
    ({"reasoning": {"summary": "long"}}, "summary must be one of auto, concise, detailed, not 'long'"),
    ({"reasoning": {"budget_tokens": 0}}, "budget_tokens must be a whole number above 0, not 0"),
    ({"reasoning": {"budget_tokens": True}}, "budget_tokens must be a whole number above 0, not True"),
    ({"reasoning": {"effort": "low", "budget_tokens": 5}}, "use effort or budget_tokens"),
    ({"reasoning": {"efort": "low"}}, "ReasoningConfig has no 'efort'; it has effort, summary, budget_tokens"),
    ({"reasoning": "low"}, "use ReasoningConfig(effort, summary, budget_tokens), or a dict of these, not 'low'"),
    ({"text": {"verbosity": 3}}, "verbosity must be one of low, medium, high, not 3"),
    ({"text": "low"}, "use TextConfig(verbosity), or a dict of these, not 'low'"),
    ({"file_search": {}}, "FileSearch needs vector_store_ids, max_num_results"),
    ({"file_search": {"vector_store_ids": "vs_1"}}, "file_search needs the ids of stores"),
    ({"file_search": {"vector_store_ids": []}}, "file_search needs the ids of stores"),
    (
        {"file_search": {"vector_store_ids": ["vs_1"], "max_num_results": 51}},
        "max_num_results must be a whole number from 1 to 50, not 51",
    ),
    ({"response_format": "json"}, "must be a class derived from pydantic.BaseModel, or a JSON schema, not 'json'"),
    ({"response_format": City(name="Oslo", people=1)}, "must be a class derived from pydantic.BaseModel"),
    ({"response_format": RootModel[list[int]]}, "must describe an object: {"),
    ({"response_format": {"type": "array"}}, "Put a list or a value into a field of one"),
    ({"response_format": Calling}, "Calling has no JSON schema: Cannot generate a JsonSchema"),
    ({"response_format": Unfinished}, "Unfinished has no JSON schema: `Unfinished` is not fully defined"),
]


def test_what_is_wrong_is_refused_with_what_would_be_right(subtests: pytest.Subtests) -> None:
    for options, told in WRONG_OPTIONS:
        with subtests.test(options=options):
            with pytest.raises(LLMInvalidRequestError) as caught:
                built(**options)
            assert told in caught.value.message


def test_none_is_not_given() -> None:
    request = built(reasoning=None, text=None, response_format=None, file_search=None)
    assert (request.reasoning, request.text, request.response_format, request.file_search) == (None,) * 4


def test_a_form_is_named_after_its_class() -> None:
    form = built(response_format=City).response_format
    assert (form.name, form.model) == ("City", City)
    assert form.schema["required"] == ["name", "people"]
    assert ResponseFormat.of(form) is form


def test_a_form_that_holds_itself_is_one() -> None:
    """pydantic writes it as a reference alone, without type and title."""
    assert built(response_format=Tree).response_format.name == "Tree"


@pytest.mark.parametrize(("title", "name"), [("Two words: é", "Two_words___"), (None, "answer"), ("x" * 99, "x" * 64)])
def test_a_schema_is_named_so_that_services_take_it(title: str | None, name: str) -> None:
    schema = {"type": "object", "properties": {}, **({"title": title} if title else {})}
    form = built(response_format=schema).response_format
    assert (form.name, form.model) == (name, None)


def test_a_generic_model_is_named_so_that_services_take_it() -> None:
    """Its name has brackets, which no service takes."""

    class Page(BaseModel):
        entries: list[int]

    Page.__name__ = "Page[int]"
    assert built(response_format=Page).response_format.name.isidentifier()
