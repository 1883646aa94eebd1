"""Options of a call. If one fails, a typing mistake is silently ignored, or is found out by the bill."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from llmlab.errors import LLMInvalidRequestError
from llmlab.models import ModelSpec
from llmlab.types.messages import ToolDefinition
from llmlab.types.request import build_request


def test_every_option_reaches_the_request() -> None:
    options = {
        "model": "other",
        "temperature": 0.5,
        "top_p": 1,
        "max_tokens": 9,
        "stop": ["a", "b"],
        "seed": 0,
        "tools": [{"name": "f"}, ToolDefinition("g")],
        "tool_choice": "auto",
        "extra": {"user": "u"},
    }
    request = build_request("Hi", "m", options)
    assert (request.model, request.temperature, request.top_p, request.max_tokens) == ("other", 0.5, 1, 9)
    assert (request.stop, request.seed, request.tool_choice) == (("a", "b"), 0, "auto")
    assert request.tools == (ToolDefinition("f"), ToolDefinition("g"))
    assert request.extra == {"user": "u"}


def test_one_stop_text_is_not_torn_into_letters() -> None:
    assert build_request("Hi", "m", {"stop": "END"}).stop == ("END",)


def test_none_means_not_given() -> None:
    assert build_request("Hi", "m", {"temperature": None, "model": None}) == build_request("Hi", "m", {})


WRONG_VALUES: list[Any] = [
    ("model", ""),
    ("model", 4),
    ("temperature", 2.1),
    ("temperature", -0.1),
    ("temperature", "hot"),
    ("temperature", True),
    ("temperature", float("nan")),
    ("top_p", 1.5),
    ("max_tokens", 0),
    ("max_tokens", 1.5),
    ("max_tokens", True),
    ("stop", 5),
    ("stop", [5]),
    ("seed", 1.5),
    ("seed", False),
    ("tools", "f"),
    ("tools", [{"description": "nameless"}]),
    ("tools", [{"name": 5}]),
    ("tools", [{"name": "f", "schema": {}}]),
    ("tools", [print]),
    ("tool_choice", ""),
    ("tool_choice", {"type": "auto"}),
    ("extra", "x"),
]


def test_a_wrong_value_is_refused_and_the_right_one_named(subtests: pytest.Subtests) -> None:
    for name, value in WRONG_VALUES:
        with subtests.test(name=name):
            with pytest.raises(LLMInvalidRequestError) as caught:
                build_request("Hi", "m", {name: value})
            assert caught.value.message.startswith(f"{name} must be ")
            assert repr(value) in caught.value.message


def test_a_misspelt_option_is_named_with_the_nearest() -> None:
    with pytest.raises(LLMInvalidRequestError, match="did you mean 'temperature'"):
        build_request("Hi", "m", {"temprature": 1})


def test_an_unknown_option_lists_the_known_and_the_way_round() -> None:
    with pytest.raises(LLMInvalidRequestError) as caught:
        build_request("Hi", "m", {"zzz": 1})
    assert "the options are model, temperature" in caught.value.message
    assert "extra={'zzz'" in caught.value.message


@pytest.mark.parametrize("value", [5, ["m"], ModelSpec("m", "acme")], ids=["number", "list", "spec"])
def test_a_model_that_was_set_once_for_all_calls_is_checked_too(value: Any) -> None:
    """`get_provider(name, model=…)` would else fail far from there, in another way for each call shape."""
    with pytest.raises(LLMInvalidRequestError, match=r"^model must be a model's name, not "):
        build_request("Hi", value, {})


@pytest.mark.parametrize(
    ("prompt", "options", "told"),
    [
        (
            "Hi",
            {"extra": {"user": object()}},
            "extra holds a value that JSON cannot hold: Object of type object is not JSON",
        ),
        ("Hi", {"extra": {"weight": float("nan")}}, "extra holds a value that JSON cannot hold: Out of range float"),
        (
            "Hi",
            {"tools": [{"name": "f", "parameters": {"type": {"object"}}}]},
            "the tool 'f' holds a value that JSON cannot hold",
        ),
        (
            "Hi",
            {"response_format": {"type": "object", "properties": {1}}},
            "response_format holds a value that JSON cannot hold",
        ),
        ("a\ud800b", {}, r"message 0 has a character that cannot be sent, '\ud800'. It comes from"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "name": "f", "arguments": {"day": date(2026, 1, 1)}}]},
            {},
            "message 0 holds a value that JSON cannot hold: Object of type date is not JSON serializable. Use",
        ),
    ],
    ids=["extra", "nan", "tool", "form", "surrogate", "arguments"],
)
def test_what_cannot_be_written_is_refused_before_it_is_sent(prompt: Any, options: dict[str, Any], told: str) -> None:
    """Else a `TypeError` out of the depths of a client is all that its reader gets."""
    with pytest.raises(LLMInvalidRequestError) as caught:
        build_request(prompt, "m", options)
    assert told in caught.value.message


def test_a_wrong_prompt_is_refused_too() -> None:
    with pytest.raises(LLMInvalidRequestError, match="is empty"):
        build_request("", "m", {})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tool_choice": "auto"}, "There are no tools here: pass tools="),
        ({"tool_choice": "required"}, "There are no tools here"),
        ({"tools": [{"name": "clock"}], "tool_choice": "cloc"}, "The tools here are clock."),
    ],
)
def test_a_choice_among_tools_that_are_not_there_is_refused(options: dict[str, Any], told: str) -> None:
    """Each vendor refuses it in other words, and Ollama leaves it out without one."""
    with pytest.raises(LLMInvalidRequestError, match="chooses a tool that is not offered") as caught:
        build_request("Hi", "m", options)
    assert told in caught.value.message


def test_a_vendor_s_own_tools_can_be_chosen() -> None:
    """They stand in `extra`, of which nobody here knows what is in them."""
    extra = {"tools": [{"type": "web_search"}]}
    assert build_request("Hi", "m", {"extra": extra, "tool_choice": "required"}).tool_choice == "required"
    for choice in ("auto", "none", "required", "clock"):
        build_request("Hi", "m", {"tools": [{"name": "clock"}], "tool_choice": choice})
