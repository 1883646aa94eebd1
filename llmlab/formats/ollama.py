"""The native format of Ollama: one JSON line a piece, tool calls without ids, durations in nanoseconds.

Answers of `/api/generate` are read too, since they differ from `/api/chat` only in where the text stands.
Source: Ollama documentation, "API".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, options, refuse, refuse_reasoning
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.parsing import items, made_up_id, mapping, number, text, tool_call
from llmlab.formats.sse import JSONLines
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import Request

FINISH: dict[str, FinishReason] = {"stop": "stop", "load": "stop", "unload": "stop", "length": "length"}

_SWITCHED = ("qwen3", "deepseek-r1", "deepseek-v3.1")
"""Families that think or do not. They know no levels, which older servers refuse them and newer ones pass over."""


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /api/chat`."""
    refuse(request, "Ollama", "file_search", "text")
    refuse_reasoning(request, "Ollama", "summary", "budget_tokens", efforts=("none", "low", "medium", "high"))
    form = request.response_format
    if request.tool_choice not in (None, "auto"):
        raise LLMInvalidRequestError(
            f"Ollama has no tool_choice {request.tool_choice!r}: the model chooses. Leave it out, or offer fewer tools."
        )
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    settings = options(
        temperature=request.temperature,
        top_p=request.top_p,
        num_predict=request.max_tokens,
        stop=list(request.stop),
        seed=request.seed,
    )
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, names) for message in request.messages],
        # Ollama streams unless it is told not to.
        "stream": stream,
        **options(tools=[_tool(tool) for tool in request.tools], options=settings or None),
        **options(think=_think(request), format=dict(form.schema) if form else None),
    }
    return body | dict(request.extra)


def _think(request: Request) -> bool | str | None:
    effort = request.reasoning.effort if request.reasoning else None
    if effort == "none":
        return False
    family = request.model.rpartition("/")[2].partition(":")[0]
    return True if effort and family in _SWITCHED else effort


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer."""
    decoder = StreamDecoder()
    decoder.take(body)
    return decoder.completion()


class StreamDecoder:
    """Gathers the lines of a stream; a whole answer is a stream of one line."""

    def __init__(self) -> None:
        self.finished = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._model = ""
        self._last: Mapping[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this line, if there is one."""
        if "error" in event and (problem := find_problem(event)):
            raise stream_error(problem)
        return self.take(event)

    def take(self, event: Mapping[str, Any]) -> Chunk | None:
        """Read one line that is known to be no error."""
        message = event.get("message")
        if not isinstance(message, Mapping):
            message = {"content": event.get("response"), "thinking": event.get("thinking")}
        if not self._model:
            self._model = text(event.get("model"))
        if event.get("done"):
            self.finished = True
            self._last = event
        for call in items(message.get("tool_calls")):
            self._call(event, call)
        piece, thought = text(message.get("content")), text(message.get("thinking"))
        if not piece and not thought:
            return None
        if piece:
            self._text.append(piece)
        if thought:
            self._reasoning.append(thought)
        return Chunk(piece, thought)

    def _call(self, event: Mapping[str, Any], call: Mapping[str, Any]) -> None:
        function = mapping(call.get("function"))
        # Made from the call's place and content: the same answer gives the same id, two rounds do not share one.
        identifier = text(call.get("id")) or made_up_id(event.get("created_at"), len(self._calls), function)
        self._calls.append(tool_call(identifier, function.get("name"), function.get("arguments")))

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        reason = FINISH.get(text(self._last.get("done_reason")))
        if self._calls and reason == "stop":
            # This wire has no word of its own for an answer that ends in tool calls.
            reason = "tool_calls"
        read, written = number(self._last.get("prompt_eval_count")), number(self._last.get("eval_count"))
        return Completion(
            content="".join(self._text),
            model=self._model,
            finish_reason=reason,
            usage=Usage(read, written, read + written),
            tool_calls=tuple(self._calls),
            reasoning="".join(self._reasoning),
        )


def _message(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": str(message.role), "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.images:
        wire["images"] = [_picture(image) for image in message.images]
    if message.role is Role.TOOL:
        # A result names its tool, not its call.
        wire |= options(tool_name=message.name or names.get(message.tool_call_id or ""))
    return wire


def _picture(image: Image) -> str:
    if image.is_remote:
        raise LLMInvalidRequestError(
            "Ollama fetches no pictures. Get it yourself and send its bytes: Image(httpx.get(address).content)"
        )
    return image.base64


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


OLLAMA = Format("ollama", "/api/chat", encode, decode, StreamDecoder, JSONLines)
