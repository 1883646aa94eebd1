"""Options of a call. If one fails, a typing mistake is silently ignored, or is found out by the bill."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMInvalidRequestError
from llmlab.messages import ToolDefinition
from llmlab.request import build_request


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
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
    ],
)
def test_a_wrong_value_is_refused_and_the_right_one_named(name: str, value: Any) -> None:
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


def test_a_wrong_prompt_is_refused_too() -> None:
    with pytest.raises(LLMInvalidRequestError, match="is empty"):
        build_request("", "m", {})
