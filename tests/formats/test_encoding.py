"""From a request to wire JSON. If one fails, a service refuses what llmlab sends, or quietly does something else."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats import (
    ANTHROPIC_MESSAGES,
    FORMATS,
    OLLAMA,
    OLLAMA_GENERATE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    Format,
)
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import Request, build_request

ALL = list(FORMATS.values())
TALKING = [format for format in ALL if format not in (OPENAI_COMPLETIONS, OLLAMA_GENERATE)]
CONVERSATION = (
    Message(Role.SYSTEM, "Be brief."),
    Message(Role.SYSTEM, "Be kind."),
    Message(Role.USER, "Hi", name="Ann"),
    Message(Role.ASSISTANT, "Hello"),
    Message(Role.USER, "Bye"),
)
ROUND = (
    Message(Role.USER, "Weather in Rome and Oslo?"),
    Message(
        Role.ASSISTANT,
        "Let me look.",
        tool_calls=(ToolCall("c1", "weather", {"city": "Rome"}), ToolCall("c2", "weather", {"city": "Östersund"})),
    ),
    Message(Role.TOOL, "sunny", tool_call_id="c1"),
    Message(Role.TOOL, "cold", tool_call_id="c2", name="weather"),
)
TOOL = ToolDefinition("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


def encoded(format: Format, prompt: Any = "Hi", stream: bool = False, **options: Any) -> dict[str, Any]:
    return format.encode(build_request(prompt, "m", options), stream)


def test_a_plain_question_is_written_as_each_service_documents_it() -> None:
    user = {"role": "user", "content": "Hi"}
    assert encoded(OPENAI_RESPONSES) == {"model": "m", "input": "Hi"}
    assert encoded(OPENAI_CHAT) == {"model": "m", "messages": [user]}
    assert encoded(OPENAI_COMPLETIONS) == {"model": "m", "prompt": "Hi"}
    assert encoded(ANTHROPIC_MESSAGES) == {"model": "m", "max_tokens": 4096, "messages": [user]}
    assert encoded(OLLAMA) == {"model": "m", "messages": [user], "stream": False}


def test_a_stream_is_asked_for_with_its_usage() -> None:
    """Without include_usage, a streamed answer of Chat Completions costs an unknown amount."""
    for format in ALL:
        assert encoded(format, stream=True)["stream"] is True
        assert encoded(format, stream=False).get("stream", False) is False
    for format in (OPENAI_CHAT, OPENAI_COMPLETIONS):
        assert encoded(format, stream=True)["stream_options"] == {"include_usage": True}


def test_system_messages_stand_where_each_service_wants_them() -> None:
    rest = [("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]
    everything = [("system", "Be brief."), ("system", "Be kind."), *rest]

    def said(turns: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(turn["role"], turn["content"]) for turn in turns]

    for format in (OPENAI_CHAT, OLLAMA):
        assert said(encoded(format, CONVERSATION)["messages"]) == everything
    lifted = encoded(ANTHROPIC_MESSAGES, CONVERSATION)
    assert (lifted["system"], said(lifted["messages"])) == ("Be brief.\n\nBe kind.", rest)
    responses = encoded(OPENAI_RESPONSES, CONVERSATION)
    assert (responses["instructions"], said(responses["input"])) == ("Be brief.\n\nBe kind.", rest)


def test_a_system_message_in_the_middle_is_not_lost() -> None:
    prompt = [Message(Role.USER, "Hi"), Message(Role.SYSTEM, "Be brief.")]
    assert encoded(OPENAI_RESPONSES, prompt)["input"][1] == {"role": "system", "content": "Be brief."}
    assert encoded(ANTHROPIC_MESSAGES, prompt)["system"] == "Be brief."


def test_a_speakers_name_goes_where_the_wire_has_a_field_for_it() -> None:
    assert encoded(OPENAI_CHAT, CONVERSATION)["messages"][2]["name"] == "Ann"
    assert "name" not in encoded(ANTHROPIC_MESSAGES, CONVERSATION)["messages"][0]


def test_a_round_of_tool_calls_keeps_every_call_tied_to_its_result() -> None:
    chat = encoded(OPENAI_CHAT, ROUND)["messages"]
    assert chat[1]["content"] == "Let me look."
    assert chat[1]["tool_calls"][1] == {
        "id": "c2",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Östersund"}'},
    }
    assert [(turn["tool_call_id"], turn["content"]) for turn in chat[2:]] == [("c1", "sunny"), ("c2", "cold")]

    items = encoded(OPENAI_RESPONSES, ROUND)["input"]
    assert [item.get("type") for item in items] == [None, None, *["function_call"] * 2, *["function_call_output"] * 2]
    assert items[2] == {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'}
    assert items[5] == {"type": "function_call_output", "call_id": "c2", "output": "cold"}

    turns = encoded(ANTHROPIC_MESSAGES, ROUND)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert turns[1]["content"][1] == {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}}
    assert turns[2]["content"][1] == {"type": "tool_result", "tool_use_id": "c2", "content": "cold"}

    native = encoded(OLLAMA, ROUND)["messages"]
    assert native[1]["tool_calls"][0] == {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
    assert [turn["tool_name"] for turn in native[2:]] == ["weather", "weather"]


def test_a_turn_of_tool_calls_alone_sends_no_empty_text() -> None:
    """Anthropic refuses an empty text block."""
    prompt = [ROUND[0], Message(Role.ASSISTANT, "", tool_calls=ROUND[1].tool_calls), *ROUND[2:]]
    assert encoded(OPENAI_CHAT, prompt)["messages"][1]["content"] is None
    assert len(encoded(OPENAI_RESPONSES, prompt)["input"]) == 5
    assert [block["type"] for block in encoded(ANTHROPIC_MESSAGES, prompt)["messages"][1]["content"]] == [
        "tool_use"
    ] * 2


def test_arguments_that_were_no_json_are_sent_back_as_none() -> None:
    """vLLM and llama.cpp refuse a conversation that holds them; the result of the call tells the model."""
    prompt = [ROUND[0], Message(Role.ASSISTANT, "", tool_calls=(ToolCall("c1", "weather", unparsed="{oops"),))]
    assert encoded(OPENAI_CHAT, prompt)["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert encoded(OPENAI_RESPONSES, prompt)["input"][1]["arguments"] == "{}"


def test_options_have_each_services_own_names() -> None:
    given = {"temperature": 0, "top_p": 0.5, "max_tokens": 9}
    chat = encoded(OPENAI_CHAT, stop="END", seed=0, **given)
    assert {name: chat[name] for name in (*given, "stop", "seed")} == {**given, "stop": ["END"], "seed": 0}
    responses = encoded(OPENAI_RESPONSES, **given)
    assert (responses["temperature"], responses["top_p"], responses["max_output_tokens"]) == (0, 0.5, 9)
    anthropic = encoded(ANTHROPIC_MESSAGES, max_tokens=9, stop=["a", "b"])
    assert (anthropic["max_tokens"], anthropic["stop_sequences"]) == (9, ["a", "b"])
    native = encoded(OLLAMA, stop="END", seed=0, **given)
    assert native["options"] == {"temperature": 0, "top_p": 0.5, "num_predict": 9, "stop": ["END"], "seed": 0}
    legacy = encoded(OPENAI_COMPLETIONS, stop="END", seed=0, **given)
    assert (legacy["max_tokens"], legacy["stop"], legacy["seed"]) == (9, ["END"], 0)


def test_tools_and_choices_have_each_services_own_shape() -> None:
    described = {"name": "weather", "description": "Tells the weather."}
    function = {**described, "parameters": TOOL.parameters}
    assert encoded(OPENAI_CHAT, tools=[TOOL])["tools"] == [{"type": "function", "function": function}]
    assert encoded(OLLAMA, tools=[TOOL])["tools"] == [{"type": "function", "function": function}]
    assert encoded(OPENAI_RESPONSES, tools=[TOOL])["tools"] == [{"type": "function", "strict": False, **function}]
    assert encoded(ANTHROPIC_MESSAGES, tools=[TOOL])["tools"] == [{**described, "input_schema": TOOL.parameters}]

    def choice(format: Format, name: str) -> Any:
        return encoded(format, tools=[TOOL], tool_choice=name)["tool_choice"]

    for word in ("auto", "none", "required"):
        assert choice(OPENAI_CHAT, word) == choice(OPENAI_RESPONSES, word) == word
    assert choice(OPENAI_CHAT, "weather") == {"type": "function", "function": {"name": "weather"}}
    assert choice(OPENAI_RESPONSES, "weather") == {"type": "function", "name": "weather"}
    assert [choice(ANTHROPIC_MESSAGES, word) for word in ("auto", "none", "required", "weather")] == [
        {"type": "auto"},
        {"type": "none"},
        {"type": "any"},
        {"type": "tool", "name": "weather"},
    ]


@pytest.mark.parametrize("format", ALL, ids=lambda format: format.name)
def test_a_vendors_own_field_is_sent_as_it_is(format: Format) -> None:
    body = encoded(format, stream=True, extra={"think": True, "model": "forced"})
    assert (body["think"], body["model"], body["stream"]) == (True, "forced", True)


@pytest.mark.parametrize(
    ("format", "options", "says"),
    [
        (OPENAI_RESPONSES, {"stop": "END"}, "OpenAI's Responses API has no stop."),
        (OPENAI_RESPONSES, {"seed": 1}, "OpenAI's Responses API has no seed."),
        (ANTHROPIC_MESSAGES, {"seed": 1}, "Anthropic's Messages API has no seed."),
        (ANTHROPIC_MESSAGES, {"temperature": 1}, "Anthropic's Messages API has no temperature."),
        (ANTHROPIC_MESSAGES, {"top_p": 1}, "Anthropic's Messages API has no top_p."),
        (OPENAI_COMPLETIONS, {"tools": [TOOL]}, "has no tools"),
        (OLLAMA, {"tools": [TOOL], "tool_choice": "required"}, "Ollama has no tool_choice 'required'"),
    ],
)
def test_what_a_wire_has_no_field_for_is_refused_before_it_is_sent(
    format: Format, options: dict[str, Any], says: str
) -> None:
    """An option that is dropped in silence is worse than one that is refused."""
    with pytest.raises(LLMInvalidRequestError) as caught:
        encoded(format, **options)
    assert says in caught.value.message
    assert "Leave it out" in caught.value.message


@pytest.mark.parametrize("prompt", [CONVERSATION, Message(Role.ASSISTANT, "Hi")], ids=["talk", "assistant"])
@pytest.mark.parametrize("format", [OPENAI_COMPLETIONS, OLLAMA_GENERATE], ids=lambda format: format.name)
def test_the_legacy_formats_take_one_text(format: Format, prompt: Any) -> None:
    with pytest.raises(LLMInvalidRequestError, match="send a single user message"):
        encoded(format, prompt)


@pytest.mark.parametrize("format", TALKING, ids=lambda format: format.name)
def test_encoding_changes_nothing_that_it_was_given(format: Format) -> None:
    request = Request(ROUND, "m", tools=(TOOL,), extra={"metadata": {"a": 1}})
    before = repr(request)
    assert format.encode(request, True) == format.encode(request, True)
    assert repr(request) == before
