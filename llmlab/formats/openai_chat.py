"""The Chat Completions format of OpenAI, OpenRouter, Ollama's /v1 and most local servers.

Source: OpenAI API reference, "Chat"; OpenRouter documentation, "API Reference" and "Streaming".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmlab.formats.base import Format, options, portable, refuse
from llmlab.formats.base import StreamDecoder as BaseStreamDecoder
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.json_schema import strict_form
from llmlab.formats.parsing import cost, items, mapping, number, text
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import Request

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
"""The fields of a request for a stream; its last event then has the usage."""


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /chat/completions`."""
    refuse(request, "Chat Completions", "file_search", "reasoning.summary", "reasoning.budget_tokens")
    choice: Any = request.tool_choice
    if choice not in (None, "auto", "none", "required"):
        choice = {"type": "function", "function": {"name": choice}}
    form = request.response_format
    body = {
        "model": request.model,
        "messages": [_message(message) for message in portable(request)],
        **options(
            **sampling(request),
            tools=[function_tool(tool) for tool in request.tools],
            tool_choice=choice,
            reasoning_effort=request.reasoning.effort if request.reasoning else None,
            verbosity=request.text.verbosity if request.text else None,
            response_format={"type": "json_schema", "json_schema": strict_form(form)} if form else None,
        ),
    }
    return body | (STREAMED if stream else {}) | dict(request.extra)


def sampling(request: Request) -> dict[str, Any]:
    """Return the fields that both Completions formats of OpenAI share. Unset ones are None or empty."""
    return {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop),
        "seed": request.seed,
    }


def function_tool(tool: ToolDefinition) -> dict[str, Any]:
    """Return a tool as Chat Completions and Ollama write it."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def function_call(call: ToolCall) -> dict[str, Any]:
    """Return a tool call as Chat Completions writes it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_json(call)}}


def arguments_json(call: ToolCall) -> str:
    """Return a call's arguments as the JSON text that the OpenAI formats carry.

    Text that is no JSON object stays behind, since many servers refuse it; the result of the call says what it was.
    """
    return json.dumps(call.arguments, ensure_ascii=False)


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": str(message.role), "content": _content(message)}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [function_call(call) for call in message.tool_calls]
    if message.role is Role.TOOL:
        wire["tool_call_id"] = message.tool_call_id
    elif message.name:
        wire["name"] = message.name
    return wire


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    words = [{"type": "text", "text": message.content}] if message.content else []
    images = [{"type": "image_url", "image_url": options(url=one.url, detail=one.detail)} for one in message.images]
    return [*words, *images]


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer. Choice 0 is the answer; the others are its `alternatives`."""
    return StreamDecoder.whole(body)


class StreamDecoder(BaseStreamDecoder):
    """The answer of one stream. Its tool calls are told apart by their index, because they may interleave."""

    def __init__(self) -> None:
        super().__init__()
        self._others: dict[int, StreamDecoder] = {}

    @classmethod
    def whole(cls, body: Mapping[str, Any]) -> Completion:
        """Return the answer in a body that is not streamed. Errors in it are not looked for."""
        decoder = cls()
        choices = sorted(items(body.get("choices")), key=lambda choice: number(choice.get("index")))
        decoder._read_several(body, dict(enumerate(choices)))
        return decoder._whole(body)

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        if event.get("type") == "[DONE]":
            self._end()
            return None
        choices = event.get("choices")
        if isinstance(choices, list) and len(choices) == 1 and not (choice := mapping(choices[0])).get("index"):
            chunk = self._read(event, choice)  # as nearly always
        else:
            choice = {}
            chunk = self._read_several(event, {number(one.get("index")): one for one in items(choices)})
        # Only now, so that the text and the usage in the same event are not lost.
        if (event.get("error") or choice.get("error") or not choice) and (problem := find_problem(event)):
            raise stream_error(problem)
        return chunk

    def completion(self) -> Completion:
        answer = super().completion()
        if not self._others:
            return answer
        others = tuple(self._others[index].completion() for index in sorted(self._others))
        return replace(answer, alternatives=others)

    def _read_several(self, event: Mapping[str, Any], choices: Mapping[int, Mapping[str, Any]]) -> Chunk | None:
        """Take in choices by their index. Only choice 0 has chunks, and the usage is that of all."""
        for index, choice in choices.items():
            if index:
                self._others.setdefault(index, type(self)())._read({**event, "usage": None}, choice)
        return self._read(event, choices.get(0, {}))

    def _read(self, event: Mapping[str, Any], choice: Mapping[str, Any]) -> Chunk | None:
        if not self._id:
            self._id = text(event.get("id"))
        if not self._model:
            self._model = text(event.get("model"))
        if reported := event.get("usage"):
            self._usage = usage(self._count(reported))
        if reason := choice.get("finish_reason"):
            self._finish_reason = FINISH.get(text(reason))
            self.finished = True
        # A server that does not stream sends the whole message at once.
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if not isinstance(delta, dict):
            # A filter may leave nothing but its reason.
            self._answered = self._answered or "delta" in choice or self._finish_reason in ("content_filter", "length")
            return None
        self._answered = True
        if delta.get("tool_calls"):
            self._read_calls(delta["tool_calls"], whole=delta is choice.get("message"))
        elif delta.get("function_call"):
            self._read_calls([{"index": 0, "function": delta["function_call"]}], whole=False)
        if delta.get("refusal"):
            self._refusal += text(delta["refusal"])
        # OpenRouter and Ollama write `reasoning`, vLLM and llama.cpp `reasoning_content`.
        return self._add(text(delta.get("content")), text(delta.get("reasoning") or delta.get("reasoning_content")))

    def _read_calls(self, calls: object, *, whole: bool) -> None:
        for delta in items(calls):
            slot, function = delta.get("index"), mapping(delta.get("function"))
            if whole or not isinstance(slot, int):
                # Some servers leave the index out: then a name begins a call; the rest belongs to the last one.
                begins = whole or function.get("name") or not self._calls
                slot = len(self._calls) if begins else next(reversed(self._calls))
            self._add_call(slot, delta.get("id"), function.get("name"), function.get("arguments"))


def usage(value: object) -> Usage:
    """Read the usage object of Chat Completions."""
    counts = mapping(value)
    prompt, completion = number(counts.get("prompt_tokens")), number(counts.get("completion_tokens"))
    return Usage(
        prompt,
        completion,
        number(counts.get("total_tokens")) or prompt + completion,
        number(mapping(counts.get("prompt_tokens_details")).get("cached_tokens")),
        number(mapping(counts.get("completion_tokens_details")).get("reasoning_tokens")),
        cost(counts.get("cost")),
    )


OPENAI_CHAT = Format("openai_chat", "/chat/completions", encode, decode, StreamDecoder, ServerSentEvents)
