"""The Messages format of Anthropic: content in blocks, the system prompt beside the messages.

Source: Anthropic API reference, "Messages" and "Streaming messages".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, options, portable, refuse, refuse_effort
from llmlab.formats.base import StreamDecoder as BaseStreamDecoder
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.json_schema import strict_alone
from llmlab.formats.parsing import items, mapping, number, text
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role, ToolDefinition
from llmlab.types.options import ReasoningConfig
from llmlab.types.request import Request

_SERVICE = "Anthropic's Messages API"
DEFAULT_MAX_TOKENS = 4096
"""The limit of an answer without `max_tokens`, which this API demands. A thinking budget comes on top."""

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "unfinished",
}
_CHOICES = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /v1/messages`. System messages become the field `system`."""
    refuse_effort(request, _SERVICE, "none", "low", "medium", "high", "xhigh", "max")
    refuse(request, _SERVICE, "temperature", "top_p", "seed", "file_search", "text")
    system = "\n\n".join(message.content for message in request.messages if message.role is Role.SYSTEM)
    reasoning, form, choice = request.reasoning, request.response_format, request.tool_choice
    budget = (reasoning.budget_tokens or 0) if reasoning else 0
    output = options(
        effort=reasoning.effort if reasoning and reasoning.effort != "none" else None,
        format={"type": "json_schema", "schema": strict_alone(form, _SERVICE)} if form else None,
    )
    body = {
        "model": request.model,
        "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS + budget,
        "messages": _turns(portable(request)),
        **options(
            system=system or None,
            stop_sequences=list(request.stop),
            tools=[_tool(tool) for tool in request.tools],
            thinking=_thinking(request, reasoning) if reasoning else None,
            output_config=output or None,
            tool_choice=_CHOICES.get(choice, {"type": "tool", "name": choice}) if choice else None,
            stream=stream or None,
        ),
    }
    return body | dict(request.extra)


def _thinking(request: Request, reasoning: ReasoningConfig) -> dict[str, Any]:
    """Return whether to think and to show the thoughts. The effort stands in `output_config`."""
    if reasoning.effort == "none":
        return {"type": "disabled"}
    if request.tool_choice not in (None, "auto", "none"):
        raise LLMInvalidRequestError(
            f"Anthropic thinks only where the model may choose its tools; with tool_choice {request.tool_choice!r}, "
            'leave reasoning out, or use ReasoningConfig(effort="none")'
        )
    if reasoning.summary not in (None, "auto"):
        raise LLMInvalidRequestError(f"Anthropic has no reasoning.summary {reasoning.summary!r}; it has auto.")
    display = options(display="summarized" if reasoning.summary else None)
    budget = reasoning.budget_tokens
    if not budget:
        return {"type": "adaptive", **display}
    if request.max_tokens and request.max_tokens <= budget:
        raise LLMInvalidRequestError(
            f"budget_tokens {budget} leaves no room for an answer; max_tokens must be larger than that"
        )
    if request.tools:
        # With a budget the service wants the thoughts of a round of tools sent back, and a Message holds none.
        raise LLMInvalidRequestError(
            "Anthropic takes no budget_tokens beside tools here; use ReasoningConfig(effort=…)"
        )
    return {"type": "enabled", "budget_tokens": budget, **display}


def _turns(messages: Iterable[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    spoken = (message for message in messages if message.role is not Role.SYSTEM)
    for role, group in groupby(spoken, key=lambda message: message.role):
        if role is Role.TOOL:
            # All results of one round belong into one user turn.
            turns.append({"role": "user", "content": [_result(message) for message in group]})
        else:
            turns.extend({"role": str(role), "content": _content(message)} for message in group)
    return turns


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.tool_calls and not message.images:
        return message.content
    words = [{"type": "text", "text": message.content}] if message.content.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in message.tool_calls
    ]
    # Claude answers best when the images come before the words about them.
    return [*map(_image, message.images), *words, *calls]


def _image(image: Image) -> dict[str, Any]:
    if image.is_remote:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.base64}}


def _result(message: Message) -> dict[str, Any]:
    failed = {"is_error": True} if message.is_error else {}
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content, **failed}


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer."""
    decoder = StreamDecoder()
    decoder.read(body)
    return decoder._whole(body)


class StreamDecoder(BaseStreamDecoder):
    """The answer of one stream of content blocks."""

    def read(self, message: Mapping[str, Any]) -> None:
        """Take in a message: the whole answer, or the empty one at the start of a stream."""
        self._id, self._model = text(message.get("id")), text(message.get("model"))
        self._answered = self._answered or isinstance(message.get("content"), list)
        for index, block in enumerate(items(message.get("content"))):
            self._start(index, block)
        self._stop(message, message.get("usage"))

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(number(event.get("index")), mapping(event.get("delta")))
        if kind == "content_block_start":
            return self._start(number(event.get("index")), mapping(event.get("content_block")))
        if kind == "message_start":
            self.read(mapping(event.get("message")))
        elif kind == "message_delta":
            self._stop(mapping(event.get("delta")), event.get("usage"))
        elif kind in ("message_stop", "[DONE]"):
            self._end()
        elif problem := find_problem(event):
            raise stream_error(problem)
        return None

    def _start(self, index: int, block: Mapping[str, Any]) -> Chunk | None:
        kind = block.get("type")
        self._answered = True
        if kind == "tool_use":
            self._add_call(index, block.get("id"), block.get("name"), block.get("input"))
        elif kind in ("text", "thinking"):
            return self._add(text(block.get("text")), text(block.get("thinking")))
        return None

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Chunk | None:
        kind = delta.get("type")
        self._answered = True
        if kind == "text_delta":
            return self._add(text(delta.get("text")))
        if kind == "thinking_delta":
            return self._add("", text(delta.get("thinking")))
        if kind == "input_json_delta" and index in self._calls:
            self._add_call(index, "", "", delta.get("partial_json"))
        return None

    def _stop(self, message: Mapping[str, Any], counts: object) -> None:
        self._usage = usage(self._count(counts))
        if reason := message.get("stop_reason"):
            self.finished = True
            self._finish_reason = FINISH.get(text(reason))
            if reason == "refusal":
                details = mapping(message.get("stop_details"))
                self._refusal = text(details.get("explanation")) or "the model refused and gave no reason"


def usage(counts: Mapping[str, Any]) -> Usage:
    """Read the usage object. Its `input_tokens` leave out what the cache read or wrote; the total has all."""
    read, output = number(counts.get("input_tokens")), number(counts.get("output_tokens"))
    cached = number(counts.get("cache_read_input_tokens"))
    return Usage(
        read,
        output,
        read + cached + number(counts.get("cache_creation_input_tokens")) + output,
        cached,
        number(mapping(counts.get("output_tokens_details")).get("thinking_tokens")),
    )


ANTHROPIC_MESSAGES = Format("anthropic_messages", "/v1/messages", encode, decode, StreamDecoder, ServerSentEvents)
