"""`rosetta`: one request in every format. If one fails, a learner is shown something that would not be sent."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import llmlab
from llmlab.errors import ConfigurationError, LLMInvalidRequestError
from llmlab.formats import FORMATS, OPENAI_CHAT, register_format
from llmlab.formats import registry as format_registry
from llmlab.models import MODELS
from llmlab.providers import Provider, get_provider, provider_class, register_provider
from llmlab.providers import registry as provider_registry
from llmlab.toolkit.format_comparison import rosetta
from llmlab.toolkit.format_comparison.compare import SPEAKERS
from tests.core.installed import install
from tests.core.trying import KEY, NAMES

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
LOOP: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?"},
    {"role": "assistant", "tool_calls": [{"id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "4 °C, rain"},
]
CHATS = ("openai_responses", "openai_chat", "anthropic_messages", "ollama")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone afterwards."""
    monkeypatch.setattr(provider_registry._plugins, "_registered", {})
    monkeypatch.setattr(format_registry._plugins, "_registered", {})


def test_what_is_shown_is_what_would_be_sent() -> None:
    """Else a learner copies a body that the service refuses."""
    for name, stream in zip(NAMES, (False, True, False, True, False), strict=True):
        keyed = {"api_key": KEY} if provider_class(name).key_variable else {}
        provider = get_provider(name, **keyed)
        shown = rosetta(LOOP, tools=[WEATHER], max_tokens=9, only=name, stream=stream)
        sent = provider.encode(provider.request(LOOP, tools=[WEATHER], max_tokens=9), stream)
        assert shown.bodies[provider.format.name] == sent
        if text_format := provider.text_format:
            texts = rosetta("Once", only=text_format.name, model=provider.model).bodies
            assert texts[text_format.name] == text_format.encode(provider.request("Once"), False)


def test_every_format_is_shown_with_those_who_speak_it() -> None:
    sides = rosetta("Hi").sides
    assert [side.format for side in sides] == list(FORMATS)
    assert {side.format: side.speakers for side in sides} == SPEAKERS
    assert {name for side in sides for name in side.speakers} == set(NAMES)
    assert all(side.path == FORMATS[side.format].path for side in sides)


def test_nothing_is_sent_and_no_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a train, with an empty .env, it must work just the same."""

    def refuse(*args: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert len(rosetta(LOOP, tools=[WEATHER]).bodies) == len(CHATS)


def test_a_refusal_is_shown_instead_of_a_body() -> None:
    shown = rosetta("Hi", seed=7)
    assert set(shown.bodies) | set(shown.refusals) == set(FORMATS)
    assert shown.refusals["anthropic_messages"].startswith("Anthropic's Messages API has no seed.")
    assert "refused: Anthropic's Messages API has no seed." in repr(shown)
    assert "refused: Anthropic&#x27;s Messages API has no seed." in shown._repr_html_()
    assert shown.bodies["ollama"]["options"] == {"seed": 7}


def test_an_option_that_is_wrong_in_itself_is_one_error() -> None:
    """Six times the same refusal side by side would teach nothing."""
    with pytest.raises(LLMInvalidRequestError, match="did you mean 'temperature'"):
        rosetta("Hi", temprature=0)
    with pytest.raises(LLMInvalidRequestError, match="message 0"):
        rosetta([{"role": "robot", "content": "Hi"}])


def test_a_model_may_be_named_for_all() -> None:
    assert {body["model"] for body in rosetta("Hi", model="m").bodies.values()} == {"m"}
    assert rosetta("Hi", only="openai").bodies["openai_completions"]["model"] == MODELS["openai"]
    assert rosetta("Hi").bodies["openai_completions"]["model"] == MODELS["local_gpt_oss"]


def test_tools_pictures_and_other_options_are_shown_too() -> None:
    @llmlab.tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    prompt = {"role": "user", "content": "What is this?", "images": [b"\x89PNG\r\n\x1a\n"]}
    form = {"title": "thing", "type": "object", "properties": {"name": {"type": "string"}}}
    bodies = rosetta(prompt, reasoning={"effort": "low"}, response_format=form, tools=[add], only=CHATS).bodies
    assert set(bodies) == set(CHATS)
    assert bodies["ollama"]["think"] == "low"
    assert bodies["ollama"]["messages"][0]["images"] == ["iVBORw0KGgo="]
    assert bodies["anthropic_messages"]["output_config"]["effort"] == "low"
    assert bodies["anthropic_messages"]["tools"][0]["name"] == "add"
    assert bodies["openai_responses"]["text"]["format"]["name"] == "thing"


def test_only_takes_formats_and_providers_and_names_the_nearest() -> None:
    shown = rosetta("Hi", only=("anthropic", "openai_chat"))
    assert list(shown.bodies) == ["openai_chat", "anthropic_messages"]
    assert list(rosetta("Hi", only="ollama").bodies) == ["ollama"], "the format of that name"
    assert list(rosetta("Hi", only="openai").bodies) == ["openai_responses", "openai_completions"]
    with pytest.raises(ConfigurationError, match="did you mean 'openai_chat'"):
        rosetta("Hi", only="opnai_chat")


def marks(text: str) -> Iterator[tuple[str, str]]:
    """The mark and the rest of each line in a text of one column."""
    for line in text.splitlines():
        if found := re.match(r"([*~ ]) +(.*?),?$", line):
            yield found[1], found[2]


def test_marks_show_which_other_bodies_have_the_same() -> None:
    """The differences are what the picture is for."""
    shown = rosetta("Hi", max_tokens=5, only=CHATS, stream=True)
    found = set(marks(shown.text(60)))
    assert ("*", '"input": "Hi"') in found
    assert ("~", '"messages": [{"role": "user", "content": "Hi"}]') in found
    assert (" ", '"stream": true') in found
    assert {mark for mark, line in found if '"model"' in line} == {" "}, "the model is each vendor's own"
    assert "* stands in this body only, ~ stands in some of them, unmarked: in all of them" in repr(shown)
    tools = rosetta("Hi", tools=[WEATHER], only=("openai_responses", "openai_chat"))
    assert ("*", '"name": "get_weather"') in set(marks(tools.text(60))), "the same value at another path"
    alone = repr(rosetta("Hi", only="ollama"))
    assert "*" not in alone
    assert "unmarked" not in alone


def test_as_many_columns_stand_side_by_side_as_fit() -> None:
    shown = rosetta("Hi", only=CHATS)
    assert [shown.text(width).splitlines()[0].count("│") for width in (20, 60, 120, 400)] == [0, 0, 1, 3]
    assert max(map(len, repr(shown).splitlines())) <= 120


def test_long_texts_are_shortened_to_look_at_and_kept_as_data() -> None:
    """A picture in base64 would fill the screen."""
    shown = rosetta("x" * 5000, only=CHATS)
    assert all("x" * 200 not in shown_as for shown_as in (repr(shown), shown._repr_html_()))
    assert "4900 more characters" in shown._repr_html_()
    assert shown.bodies["ollama"]["messages"][0]["content"] == "x" * 5000


def test_html_in_a_prompt_is_shown_as_text() -> None:
    """A prompt with HTML in it must not become part of the page, nor a dollar sign a formula."""
    shown = rosetta("<script>alert(1)</script> $1$", only="ollama", model="<b>")._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.index("<pre") < shown.index("$1$") < shown.index("</pre>")


class Mine(Provider):
    """A provider that somebody wrote."""

    name = "mine"
    format = replace(OPENAI_CHAT, name="mine_chat", path="/talk")
    default_model = "mine-1"
    default_base_url = "http://localhost:1"


def test_a_registered_provider_or_format_appears() -> None:
    register_format(Mine.format)
    side = rosetta("Hi").sides[-1]
    assert (side.format, side.speakers, side.body and side.body["model"]) == ("mine_chat", (), "your-model")
    register_provider("mine", Mine)
    side = rosetta("Hi").sides[-1]
    assert (side.format, side.path, side.speakers) == ("mine_chat", "/talk", ("mine",))
    assert side.body == {"model": "mine-1", "messages": [{"role": "user", "content": "Hi"}]}
    assert rosetta("Hi", only="mine").sides == (side,)


def test_a_broken_package_shows_its_error_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad package on the machine must not take the whole picture away."""
    install("acme-llm", "llmlab.formats", monkeypatch, acme="no_such_module_of_acme:ACME")
    install("zenith", "llmlab.providers", monkeypatch, zenith="no_such_module_of_zenith:Zenith")
    shown = rosetta("Hi")
    assert set(shown.bodies) == set(FORMATS)
    assert "the package acme-llm 1.0 offers the format 'acme'" in shown.refusals["acme"]
    assert "the package zenith 1.0 offers the provider 'zenith'" in shown.refusals["zenith"]
    assert "cannot be used" in repr(shown)
