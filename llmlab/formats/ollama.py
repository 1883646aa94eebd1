"""The native format of Ollama: one JSON line for each chunk, tool calls without ids, durations in nanoseconds.

Answers of `/api/generate` are read too; they differ from `/api/chat` only in where the text stands.
Source: Ollama documentation, "API".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, options, portable, refuse, refuse_effort
from llmlab.formats.base import StreamDecoder as BaseStreamDecoder
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.openai_chat import function_tool
from llmlab.formats.parsing import generated_id, items, mapping, number, text
from llmlab.formats.sse import JSONLines
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role
from llmlab.types.request import Request

FINISH: dict[str, FinishReason] = {"stop": "stop", "load": "stop", "unload": "stop", "length": "length"}

_ON_OFF_THINKERS = ("qwen3", "deepseek-r1", "deepseek-v3.1")
"""Families that think or do not. Older servers refuse a level for them, newer ones ignore it."""


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /api/chat`."""
    refuse(request, "Ollama", "file_search", "text", "reasoning.summary", "reasoning.budget_tokens")
    refuse_effort(request, "Ollama", "none", "low", "medium", "high")
    if request.tool_choice not in (None, "auto"):
        raise LLMInvalidRequestError(
            f"Ollama has no tool_choice {request.tool_choice!r}: the model chooses. Leave it out, or offer fewer tools."
        )
    form, messages = request.response_format, portable(request)
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    settings = options(
        temperature=request.temperature,
        top_p=request.top_p,
        num_predict=request.max_tokens,
        stop=list(request.stop),
        seed=request.seed,
    )
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, names) for message in messages],
        # Ollama streams unless `stream` is false.
        "stream": stream,
        **options(tools=[function_tool(tool) for tool in request.tools], options=settings or None),
        **options(think=_think(request), format=dict(form.schema) if form else None),
    }
    return body | dict(request.extra)


def _think(request: Request) -> bool | str | None:
    effort = request.reasoning.effort if request.reasoning else None
    if effort == "none":
        return False
    family = request.model.rpartition("/")[2].partition(":")[0]
    return True if effort and family in _ON_OFF_THINKERS else effort


def _message(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": str(message.role), "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.images:
        wire["images"] = [_image(image) for image in message.images]
    if message.role is Role.TOOL:
        # A result names its tool, not its call.
        wire |= options(tool_name=message.name or names.get(message.tool_call_id or ""))
    return wire


def _image(image: Image) -> str:
    if image.is_remote:
        raise LLMInvalidRequestError(
            "Ollama downloads no images. Download it first and send its bytes: Image(httpx.get(url).content)"
        )
    return image.base64


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer: a stream of one line. Errors in it are not looked for."""
    decoder = StreamDecoder()
    decoder.read(body)
    return decoder._whole(body)


class StreamDecoder(BaseStreamDecoder):
    """The answer of one stream of lines."""

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        chunk = self.read(event)
        if (chunk is None or "error" in event) and (problem := find_problem(event)):
            raise stream_error(problem)
        if event.get("done"):
            self._end()
        return chunk

    def read(self, event: Mapping[str, Any]) -> Chunk | None:
        """Take in one line."""
        message = event.get("message")
        if not isinstance(message, dict):
            message = {"content": event.get("response"), "thinking": event.get("thinking")}
        self._answered = self._answered or message is event.get("message") or isinstance(message["content"], str)
        if not self._model:
            self._model = text(event.get("model"))
        for call in items(message.get("tool_calls")):
            function, index = mapping(call.get("function")), len(self._calls)
            # The time makes the ids of two rounds differ; the same answer gives the same id.
            identifier = text(call.get("id")) or generated_id(event.get("created_at"), index, function)
            self._add_call(index, identifier, function.get("name"), function.get("arguments"))
        if event.get("done"):
            self._finish_reason = FINISH.get(text(event.get("done_reason")))
            if self._calls and self._finish_reason == "stop":
                # This format has no word of its own for an answer that ends in tool calls.
                self._finish_reason = "tool_calls"
            prompt, answer = number(event.get("prompt_eval_count")), number(event.get("eval_count"))
            self._usage = Usage(prompt, answer, prompt + answer)
        return self._add(text(message.get("content")), text(message.get("thinking")))


OLLAMA = Format("ollama", "/api/chat", encode, decode, StreamDecoder, JSONLines)
