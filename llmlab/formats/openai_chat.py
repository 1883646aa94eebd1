"""The Chat Completions format of OpenAI, OpenRouter, Ollama's /v1 and most local servers.

Source: OpenAI API reference, "Chat"; OpenRouter documentation, "API Reference" and "Streaming".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.formats.base import Format, options, refuse, refuse_reasoning
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.json_schema import strict_form
from llmlab.formats.parsing import cost, items, made_up_id, mapping, number, text, tool_call, written_arguments
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


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /chat/completions`."""
    refuse(request, "Chat Completions", "file_search")
    refuse_reasoning(request, "Chat Completions", "summary", "budget_tokens")
    choice: Any = request.tool_choice
    form = request.response_format
    if choice not in (None, "auto", "none", "required"):
        choice = {"type": "function", "function": {"name": choice}}
    body = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        **options(
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
            stop=list(request.stop),
            seed=request.seed,
            tools=[_tool(tool) for tool in request.tools],
            tool_choice=choice,
            reasoning_effort=request.reasoning.effort if request.reasoning else None,
            verbosity=request.text.verbosity if request.text else None,
            response_format={"type": "json_schema", "json_schema": strict_form(form)} if form else None,
        ),
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body | dict(request.extra)


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer. Only the first choice is read."""
    choice = next(iter(items(body.get("choices"))), {})
    message = mapping(choice.get("message"))
    return Completion(
        content=text(message.get("content")),
        model=text(body.get("model")),
        finish_reason=FINISH.get(text(choice.get("finish_reason"))),
        usage=usage(body.get("usage")),
        tool_calls=tuple(
            _read_call(body.get("id"), place, call.get("id"), function.get("name"), function.get("arguments"))
            for place, call in enumerate(items(message.get("tool_calls")))
            if (function := mapping(call.get("function")))
        ),
        reasoning=_reasoning(message),
        refusal=text(message.get("refusal")),
        id=text(body.get("id")),
    )


class StreamDecoder:
    """Gathers the deltas of a stream. Tool calls are told apart by their index, since they may interleave."""

    def __init__(self) -> None:
        self.finished = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[object, dict[str, str]] = {}
        self._head: dict[str, str] = {}
        self._finish: FinishReason | None = None
        self._usage = Usage()

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this event, if there is one."""
        if event.get("type") == "[DONE]":
            self.finished = True
            return None
        if not self._head and event.get("id"):
            self._head = {"id": text(event.get("id")), "model": text(event.get("model"))}
        if reported := event.get("usage"):
            self._usage = usage(reported)
        chunk = None
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            chunk = self._choice(choices[0])
        if "error" in event and (problem := find_problem(event)):
            raise stream_error(problem)
        return chunk

    def _choice(self, choice: Mapping[str, Any]) -> Chunk | None:
        if choice.get("error") and (problem := find_problem(choice)):
            raise stream_error(problem)
        if reason := choice.get("finish_reason"):
            self._finish = FINISH.get(text(reason))
            self.finished = True
        # A server that does not stream sends the whole message at once.
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, Mapping):
            return None
        if delta.get("tool_calls"):
            self._call(delta["tool_calls"])
        if delta.get("refusal"):
            self._refusal.append(text(delta["refusal"]))
        reasoning = _reasoning(delta) if "reasoning" in delta or "reasoning_content" in delta else ""
        piece = text(delta.get("content"))
        if not piece and not reasoning:
            return None
        if piece:
            self._text.append(piece)
        if reasoning:
            self._reasoning.append(reasoning)
        return Chunk(piece, reasoning)

    def _call(self, deltas: object) -> None:
        for delta in items(deltas):
            index, identifier, function = delta.get("index"), text(delta.get("id")), mapping(delta.get("function"))
            # Some servers leave the index out: then an id or a name begins a call, all else belongs to the last one.
            last = len(self._calls) if function.get("name") else next(reversed(self._calls), 0)
            key = index if isinstance(index, int) else identifier or last
            call = self._calls.setdefault(key, {"id": "", "name": "", "arguments": ""})
            call["id"] = call["id"] or identifier
            call["name"] = call["name"] or text(function.get("name"))
            call["arguments"] += text(function.get("arguments"))

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        return Completion(
            content="".join(self._text),
            model=self._head.get("model", ""),
            finish_reason=self._finish,
            usage=self._usage,
            tool_calls=tuple(
                _read_call(self._head.get("id"), place, call["id"], call["name"], call["arguments"])
                for place, call in enumerate(self._calls.values())
            ),
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal),
            id=self._head.get("id", ""),
        )


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


def _read_call(answer: object, place: int, identifier: object, name: object, arguments: object) -> ToolCall:
    # Some local servers send no ids, and a result must say which call it answers.
    return tool_call(text(identifier) or made_up_id(answer, place, name, arguments), name, arguments)


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": str(message.role), "content": _content(message)}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": written_arguments(call)}}
            for call in message.tool_calls
        ]
    if message.role is Role.TOOL:
        wire["tool_call_id"] = message.tool_call_id
    elif message.name:
        wire["name"] = message.name
    return wire


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    words = [{"type": "text", "text": message.content}] if message.content else []
    seen = [{"type": "image_url", "image_url": options(url=one.url, detail=one.detail)} for one in message.images]
    return [*words, *seen]


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _reasoning(message: Mapping[str, Any]) -> str:
    # OpenRouter and Ollama say `reasoning`, vLLM and llama.cpp `reasoning_content`.
    return text(message.get("reasoning")) or text(message.get("reasoning_content"))


OPENAI_CHAT = Format("openai_chat", "/chat/completions", encode, decode, StreamDecoder, ServerSentEvents)
