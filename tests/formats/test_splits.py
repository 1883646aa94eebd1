"""However the network cuts a stream, the answer is the same.

If one fails, an answer depends on how the network cuts it: a character lost here, a tool call there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.formats import ANTHROPIC_MESSAGES, OLLAMA, OPENAI_CHAT, OPENAI_RESPONSES, Format
from llmlab.lab.simulator import simulate
from llmlab.lab.wire.bodies import render_event
from llmlab.lab.wire.messages import TapeRequest
from llmlab.models import MODELS
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Role, ToolDefinition
from llmlab.types.request import Request

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolDefinition("get_weather", "Get the weather in a city.", CITY)
QUESTIONS = {
    "text": ("Translate “good morning” into Japanese, Arabic and Polish.", ()),
    "tools": ("What is the weather in Paris and in Tokyo?", (WEATHER,)),
}
SERVICES: dict[str, tuple[Format, str]] = {
    "openai": (OPENAI_RESPONSES, "/v1/responses"),
    "anthropic": (ANTHROPIC_MESSAGES, "/v1/messages"),
    "openrouter": (OPENAI_CHAT, "/api/v1/chat/completions"),
    "ollama": (OLLAMA, "/api/chat"),
    "local_gpt_oss": (OPENAI_CHAT, "/v1/chat/completions"),
}
HEADERS = {"authorization": "Bearer offline", "x-api-key": "offline", "anthropic-version": "2023-06-01"}


@cache
def streamed(service: str, kind: str) -> bytes:
    """The bytes of a simulated stream."""
    format, path = SERVICES[service]
    question, tools = QUESTIONS[kind]
    request = Request((Message(Role.USER, question),), MODELS[service], tools=tools)
    answer = simulate(TapeRequest("POST", service, path, HEADERS, format.encode(request, True)))
    assert answer.status == 200, answer.body
    assert answer.events
    return b"".join(render_event(event, answer.framing) for _, event in answer.events)


def decoded(format: Format, pieces: list[bytes]) -> Completion:
    framing, decoder = format.framing(), format.stream()
    for piece in pieces:
        for event in framing.feed(piece):
            decoder.feed(event)
    for event in framing.flush():
        decoder.feed(event)
    assert decoder.finished
    return decoder.completion()


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("service", SERVICES)
@given(data=st.data())
def test_any_split_gives_the_same_answer(service: str, kind: str, data: Any) -> None:
    format, body = SERVICES[service][0], streamed(service, kind)
    body = body.replace(b"\n", b"\r\n") if data.draw(st.booleans()) else body
    whole = decoded(format, [body])
    assert bool(whole.tool_calls) is (kind == "tools")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=30)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert decoded(format, pieces) == whole
