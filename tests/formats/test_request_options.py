"""Wishes in every wire format. If one fails, a service refuses what llmlab sends, or quietly does something else."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from ollama._types import ChatRequest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel, Field, TypeAdapter

from llmlab import Image, LLMInvalidRequestError, Message, Role, ToolCall
from llmlab.formats import (
    ANTHROPIC_MESSAGES,
    OLLAMA,
    OLLAMA_GENERATE,
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    Format,
)
from llmlab.types.request import build_request
from tests.core.trying import SHAPES, ask, provider
from tests.loopback import LoopbackServer

PNG = b"\x89PNG\r\n\x1a\n...."
DATA = base64.b64encode(PNG).decode()
URL = "https://example.test/cat.png"
SEEN: list[Any] = [{"role": "user", "content": "What is it?", "images": [PNG, Image(URL, detail="low")]}]
TOOL = {"name": "now", "description": "Tells the time."}


class City(BaseModel):
    name: str
    people: int = Field(ge=0)


NAME = {"title": "Name", "type": "string"}
PEOPLE = {"title": "People", "type": "integer"}
SCHEMA = {
    "title": "City",
    "type": "object",
    "properties": {"name": NAME, "people": {**PEOPLE, "minimum": 0}},
    "required": ["name", "people"],
}
STRICT = {**SCHEMA, "additionalProperties": False}
WORDS = {**STRICT, "properties": {"name": NAME, "people": {**PEOPLE, "description": "minimum: 0"}}}
ACCEPTS: dict[str, Any] = {
    "openai_responses": ResponseCreateParamsNonStreaming,
    "openai_chat": CompletionCreateParamsNonStreaming,
    "anthropic_messages": MessageCreateParamsNonStreaming,
    "ollama": ChatRequest,
}
"""What the vendors' own clients take as a body."""


def encoded(format: Format, prompt: Any = "Hi", **options: Any) -> dict[str, Any]:
    return format.encode(build_request(prompt, "m", options), False)


WISHES: dict[str, dict[str, Any]] = {
    "effort": {"reasoning": {"effort": "low"}},
    "no effort": {"reasoning": {"effort": "none"}},
    "summary": {"reasoning": {"effort": "high", "summary": "auto"}},
    "summary alone": {"reasoning": {"summary": "detailed"}},
    "budget": {"reasoning": {"budget_tokens": 2000}},
    "budget and limit": {"reasoning": {"budget_tokens": 2000, "summary": "auto"}, "max_tokens": 3000},
    "thinking": {"reasoning": {}},
    "verbosity": {"text": {"verbosity": "low"}},
    "form": {"response_format": City},
    "schema": {"response_format": SCHEMA},
    "open form": {"response_format": {"type": "object", "additionalProperties": {"type": "integer"}}},
    "all": {"reasoning": {"effort": "high"}, "text": {"verbosity": "high"}, "response_format": City},
    "search": {"file_search": {"vector_store_ids": ["vs_1"], "max_num_results": 3}},
}
_OPEN = {"type": "object", "additionalProperties": {"type": "integer"}}
_FORMAT = {"type": "json_schema", "name": "City", "schema": STRICT, "strict": True}
_CHAT_FORMAT = {"type": "json_schema", "json_schema": {"name": "City", "schema": STRICT, "strict": True}}
_WORDS_FORMAT = {"type": "json_schema", "schema": WORDS}
_THOUGHTS = {"type": "enabled", "budget_tokens": 2000}

BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "openai_responses": {
        "effort": {"reasoning": {"effort": "low"}},
        "no effort": {"reasoning": {"effort": "none"}},
        "summary": {"reasoning": {"effort": "high", "summary": "auto"}},
        "summary alone": {"reasoning": {"summary": "detailed"}},
        "thinking": {"reasoning": {}},
        "verbosity": {"text": {"verbosity": "low"}},
        "form": {"text": {"format": _FORMAT}},
        "schema": {"text": {"format": _FORMAT}},
        "open form": {"text": {"format": {"type": "json_schema", "name": "answer", "schema": _OPEN, "strict": False}}},
        "all": {"reasoning": {"effort": "high"}, "text": {"verbosity": "high", "format": _FORMAT}},
        "search": {
            "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 3}],
            "include": ["file_search_call.results"],
        },
    },
    "openai_chat": {
        "effort": {"reasoning_effort": "low"},
        "no effort": {"reasoning_effort": "none"},
        "thinking": {},
        "verbosity": {"verbosity": "low"},
        "form": {"response_format": _CHAT_FORMAT},
        "schema": {"response_format": _CHAT_FORMAT},
        "open form": {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": _OPEN, "strict": False},
            }
        },
        "all": {"reasoning_effort": "high", "verbosity": "high", "response_format": _CHAT_FORMAT},
    },
    "anthropic_messages": {
        "effort": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        "no effort": {"thinking": {"type": "disabled"}},
        "summary": {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        "budget": {"max_tokens": 6096, "thinking": _THOUGHTS},
        "budget and limit": {"max_tokens": 3000, "thinking": {**_THOUGHTS, "display": "summarized"}},
        "thinking": {"thinking": {"type": "adaptive"}},
        "form": {"output_config": {"format": _WORDS_FORMAT}},
        "schema": {"output_config": {"format": _WORDS_FORMAT}},
    },
    "ollama": {
        "effort": {"think": "low"},
        "no effort": {"think": False},
        "thinking": {},
        "form": {"format": SCHEMA},
        "schema": {"format": SCHEMA},
        "open form": {"format": _OPEN},
    },
}
REFUSED: dict[str, dict[str, str]] = {
    "openai_responses": {
        "budget": "OpenAI's Responses API has no reasoning.budget_tokens. Leave it out of ReasoningConfig.",
        "budget and limit": "has no reasoning.budget_tokens",
    },
    "openai_chat": {
        "summary": "Chat Completions has no reasoning.summary. Leave it out of ReasoningConfig.",
        "summary alone": "Chat Completions has no reasoning.summary",
        "budget": "Chat Completions has no reasoning.budget_tokens",
        "budget and limit": "Chat Completions has no reasoning.summary",
        "search": "Chat Completions has no file_search. OpenAI's Responses API has. With every other",
    },
    "anthropic_messages": {
        "summary alone": "Anthropic has no reasoning.summary 'detailed'; it has auto.",
        "verbosity": "Anthropic's Messages API has no text. Leave it out, or choose a provider that has it.",
        "all": "Anthropic's Messages API has no text.",
        "open form": "takes no schema with an object whose fields have no names, as answer has. Name every field",
        "search": "Anthropic's Messages API has no file_search. OpenAI's Responses API has.",
    },
    "ollama": {
        "summary": "Ollama has no reasoning.summary. Leave it out of ReasoningConfig.",
        "summary alone": "Ollama has no reasoning.summary.",
        "budget": "Ollama has no reasoning.budget_tokens.",
        "budget and limit": "Ollama has no reasoning.summary.",
        "verbosity": "Ollama has no text. Leave it out",
        "all": "Ollama has no text. Leave it out",
        "search": "Ollama has no file_search.",
    },
}
FORMATS = {one.name: one for one in (OPENAI_RESPONSES, OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA)}


def accepted(name: str, body: dict[str, Any]) -> None:
    """Hold a body to the types of the vendor's own client: each field has its place and its type there."""
    kind = ACCEPTS[name]
    if name == "ollama":
        assert kind(**body).model_dump(exclude_none=True).keys() == body.keys()
    else:
        # A field without a place would be missing then.
        assert read(TypeAdapter(kind).validate_python(body)) == body


def read(value: Any) -> Any:
    """Return a checked value with its lists read to their ends, by which they are checked."""
    if isinstance(value, dict):
        return {name: read(inner) for name, inner in value.items()}
    return [read(inner) for inner in value] if isinstance(value, Iterable) and not isinstance(value, str) else value


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_is_written_as_the_service_documents_it_or_refused(wish: str) -> None:
    """What a service has no field for must not be dropped in silence."""
    for name in FORMATS:
        check_wish(name, wish)


def check_wish(name: str, wish: str) -> None:
    assert (wish in BODIES[name]) != (wish in REFUSED[name])
    if wish in REFUSED[name]:
        with pytest.raises(LLMInvalidRequestError) as caught:
            encoded(FORMATS[name], **WISHES[wish])
        assert REFUSED[name][wish] in caught.value.message
        return
    body = encoded(FORMATS[name], **WISHES[wish])
    plain = encoded(FORMATS[name], **{key: value for key, value in WISHES[wish].items() if key == "max_tokens"})
    assert body == {**plain, **BODIES[name][wish]}
    accepted(name, body)


def test_pictures_are_written_as_each_service_documents_it() -> None:
    """A picture in the wrong place is not looked at; the model then invents one."""
    content: dict[str, list[dict[str, Any]]] = {
        "openai_responses": [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}", "detail": "auto"},
            {"type": "input_image", "image_url": URL, "detail": "low"},
        ],
        "openai_chat": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
            {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
        ],
        "anthropic_messages": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
            {"type": "image", "source": {"type": "url", "url": URL}},
            {"type": "text", "text": "What is it?"},
        ],
    }
    for name, parts in content.items():
        body = encoded(FORMATS[name], SEEN)
        assert body["input" if name == "openai_responses" else "messages"] == [{"role": "user", "content": parts}]
        accepted(name, body)
    body = encoded(OLLAMA, [{**SEEN[0], "images": [PNG]}])
    assert body["messages"] == [{"role": "user", "content": "What is it?", "images": [DATA]}]
    accepted("ollama", body)


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_alone_is_sent_without_empty_words(name: str) -> None:
    """Anthropic and OpenAI refuse an empty text beside a picture."""
    body = encoded(FORMATS[name], Message(Role.USER, images=(Image(PNG),)))
    (turn,) = body["input" if name == "openai_responses" else "messages"]
    if name == "ollama":
        assert turn == {"role": "user", "content": "", "images": [DATA]}
    else:
        assert len(turn["content"]) == 1


def test_ollama_is_sent_no_addresses() -> None:
    with pytest.raises(LLMInvalidRequestError, match="Ollama downloads no images"):
        encoded(OLLAMA, SEEN)


@pytest.mark.parametrize("format", [OLLAMA_GENERATE, OPENAI_COMPLETIONS], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"prompt": SEEN}, "carries no images. Use complete"),
        (WISHES["form"], "has no response_format"),
        (WISHES["search"], "has no file_search"),
        (WISHES["verbosity"], "has no text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_texts_that_go_on_take_no_wishes(format: Format, wish: dict[str, Any], told: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match=told):
        encoded(format, **wish)


def test_a_vendors_own_field_has_the_last_word() -> None:
    body = encoded(OPENAI_RESPONSES, text={"verbosity": "low"}, extra={"text": {"verbosity": "high"}})
    assert body["text"] == {"verbosity": "high"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"reasoning": {"effort": "minimal"}}, "has no effort 'minimal'; it has none, low, medium, high, xhigh, max"),
        ({"reasoning": {"budget_tokens": 2000}, "max_tokens": 2000}, "leaves no room for an answer; max_tokens must"),
        ({"reasoning": {"budget_tokens": 2000}, "tools": [TOOL]}, "takes no budget_tokens beside tools here; use"),
    ],
    ids=str,
)
def test_what_anthropic_would_refuse_is_refused_before(options: dict[str, Any], told: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match=told):
        encoded(ANTHROPIC_MESSAGES, **options)


def test_ollama_has_three_levels() -> None:
    with pytest.raises(LLMInvalidRequestError, match="Ollama has no effort 'max'; it has none, low, medium, high"):
        encoded(OLLAMA, reasoning={"effort": "max"})


@pytest.mark.parametrize("stream", [False, True])
def test_openrouter_has_a_field_of_its_own_for_reasoning(stream: bool) -> None:
    """It maps effort and budget to what the model behind it has."""
    with provider("openrouter", "http://127.0.0.1:9") as made:
        for given, sent in (
            ({"effort": "high"}, {"effort": "high"}),
            ({"effort": "none"}, {"effort": "none"}),
            ({"budget_tokens": 2000}, {"max_tokens": 2000}),
        ):
            body = made.encode(made.request("Hi", reasoning=given), stream)
            assert body["reasoning"] == sent
            assert "reasoning_effort" not in body
        with pytest.raises(LLMInvalidRequestError, match=r"OpenRouter has no reasoning\.summary"):
            made.encode(made.request("Hi", reasoning={"summary": "auto"}), stream)


def test_a_failed_tool_is_marked_where_there_is_a_mark() -> None:
    """Without it Claude may take an error text for the result; the others read the text."""
    talk = [
        Message(Role.USER, "What time is it?"),
        Message(Role.ASSISTANT, tool_calls=(ToolCall("c1", "now"), ToolCall("c2", "now"))),
        Message(Role.TOOL, "Error: no clock", tool_call_id="c1", is_error=True),
        Message(Role.TOOL, "noon", tool_call_id="c2"),
    ]
    body = encoded(ANTHROPIC_MESSAGES, talk)
    failed = {"type": "tool_result", "tool_use_id": "c1", "content": "Error: no clock", "is_error": True}
    assert body["messages"][2]["content"] == [
        failed,
        {"type": "tool_result", "tool_use_id": "c2", "content": "noon"},
    ]
    accepted("anthropic_messages", body)
    for format in (OPENAI_RESPONSES, OPENAI_CHAT, OLLAMA):
        assert "is_error" not in str(encoded(format, talk))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("openai", {"reasoning": {"budget_tokens": 2000}}, "budget_tokens"),
        ("anthropic", {"text": {"verbosity": "low"}}, "verbosity|text"),
        ("ollama", {"file_search": {"vector_store_ids": ["vs_1"]}}, "file_search"),
        ("openrouter", {"reasoning": {"summary": "auto"}}, "summary"),
        ("local_gpt_oss", {"reasoning": {"budget_tokens": 2000}}, "budget_tokens"),
    ],
    ids=lambda value: str(value),
)
def test_nothing_is_sent_of_a_wish_that_is_refused(
    name: str, options: dict[str, Any], told: str, server: LoopbackServer
) -> None:
    for shape in SHAPES:
        with pytest.raises(LLMInvalidRequestError, match=told):
            ask(provider(name, server.url), shape, **options)
    assert server.seen == []


@pytest.mark.parametrize("model", ["qwen3:8b", "qwen3", "deepseek-r1:8b", "somebody/qwen3:4b"])
def test_a_model_that_only_thinks_or_not_is_switched(model: str) -> None:
    """Ollama refuses a level to such a model, or passes it over, and gpt-oss refuses to be switched."""
    for effort, sent in (("none", False), ("low", True), ("high", True)):
        request = build_request("Hi", model, {"reasoning": {"effort": effort}})
        assert OLLAMA.encode(request, False)["think"] is sent
    levels = build_request("Hi", "gpt-oss:20b", {"reasoning": {"effort": "low"}})
    assert OLLAMA.encode(levels, False)["think"] == "low"


@pytest.mark.parametrize("choice", ["required", "now"])
def test_claude_does_not_think_where_a_tool_is_forced(choice: str) -> None:
    """The service answers 400 to it, after a learner has waited."""
    options = {"tools": [TOOL], "tool_choice": choice, "reasoning": {"effort": "low"}}
    with pytest.raises(LLMInvalidRequestError, match=r'ReasoningConfig\(effort="none"\)'):
        ANTHROPIC_MESSAGES.encode(build_request("Hi", "m", options), False)
    quiet = build_request("Hi", "m", {**options, "reasoning": {"effort": "none"}})
    assert ANTHROPIC_MESSAGES.encode(quiet, False)["thinking"] == {"type": "disabled"}
