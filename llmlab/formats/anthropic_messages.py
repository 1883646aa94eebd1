"""The Messages format of Anthropic: content in blocks, the system prompt outside the messages.

Source: Anthropic API reference, "Messages" and "Streaming messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, options, refuse, refuse_reasoning
from llmlab.formats.errors import find_problem, stream_error
from llmlab.formats.json_schema import strict_alone
from llmlab.formats.parsing import items, mapping, number, text, tool_call
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.images import Image
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import Request

_SERVICE = "Anthropic's Messages API"
DEFAULT_MAX_TOKENS = 4096
"""The wire demands a limit. This is ours where the caller sets none; what is thought within a budget is on top."""

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
    """Translate a request into the body of `POST /v1/messages`. System messages are lifted out of the conversation."""
    efforts = ("none", "low", "medium", "high", "xhigh", "max")
    refuse_reasoning(request, _SERVICE, efforts=efforts)
    refuse(request, _SERVICE, "temperature", "top_p", "seed", "file_search", "text")
    turns = [message for message in request.messages if message.role is not Role.SYSTEM]
    system = "\n\n".join(message.content for message in request.messages if message.role is Role.SYSTEM)
    choice = request.tool_choice
    body = {
        "model": request.model,
        "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS + _budget(request),
        "messages": _turns(turns),
        **options(
            system=system or None,
            stop_sequences=list(request.stop),
            tools=[_tool(tool) for tool in request.tools],
            thinking=_thinking(request),
            output_config=_output(request) or None,
            tool_choice=_CHOICES.get(choice, {"type": "tool", "name": choice}) if choice else None,
        ),
    }
    if stream:
        body["stream"] = True
    return body | dict(request.extra)


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer."""
    blocks = items(body.get("content"))
    return Completion(
        content="".join(text(block.get("text")) for block in blocks if block.get("type") == "text"),
        model=text(body.get("model")),
        finish_reason=FINISH.get(text(body.get("stop_reason"))),
        usage=usage(mapping(body.get("usage"))),
        tool_calls=tuple(
            tool_call(block.get("id"), block.get("name"), block.get("input"))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        reasoning="".join(text(block.get("thinking")) for block in blocks if block.get("type") == "thinking"),
        refusal=_refusal(body),
        id=text(body.get("id")),
    )


class StreamDecoder:
    """Gathers the blocks of a stream."""

    def __init__(self) -> None:
        self.finished = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._head: dict[str, str] = {}
        self._finish: FinishReason | None = None
        self._refusal = ""
        self._usage: dict[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this event, if there is one. Unknown events are passed over."""
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event)
        if kind == "content_block_start":
            return self._start(event)
        if kind == "message_start":
            message = mapping(event.get("message"))
            self._head = {"id": text(message.get("id")), "model": text(message.get("model"))}
            self._usage.update(mapping(message.get("usage")))
        elif kind == "message_delta":
            self._usage.update(mapping(event.get("usage")))
            delta = mapping(event.get("delta"))
            if reason := delta.get("stop_reason"):
                self._finish = FINISH.get(text(reason))
                self._refusal = _refusal(delta)
                self.finished = True
        elif kind == "message_stop":
            self.finished = True
        elif problem := find_problem(event):
            raise stream_error(problem)
        return None

    def _delta(self, event: Mapping[str, Any]) -> Chunk | None:
        delta = mapping(event.get("delta"))
        kind = delta.get("type")
        if kind == "text_delta":
            piece = text(delta.get("text"))
            self._text.append(piece)
            return Chunk(piece) if piece else None
        if kind == "thinking_delta":
            thought = text(delta.get("thinking"))
            self._reasoning.append(thought)
            return Chunk("", thought) if thought else None
        if kind == "input_json_delta" and (call := self._calls.get(number(event.get("index")))):
            call["json"] += text(delta.get("partial_json"))
        return None

    def _start(self, event: Mapping[str, Any]) -> Chunk | None:
        block = mapping(event.get("content_block"))
        if block.get("type") == "tool_use":
            self._calls[number(event.get("index"))] = {**block, "json": ""}
        elif block.get("type") == "text" and (piece := text(block.get("text"))):
            self._text.append(piece)
            return Chunk(piece)
        return None

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        return Completion(
            content="".join(self._text),
            model=self._head.get("model", ""),
            finish_reason=self._finish,
            usage=usage(self._usage),
            tool_calls=tuple(
                tool_call(call.get("id"), call.get("name"), call["json"] or call.get("input"))
                for call in self._calls.values()
            ),
            reasoning="".join(self._reasoning),
            refusal=self._refusal,
            id=self._head.get("id", ""),
        )


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


def _turns(messages: list[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for role, group in groupby(messages, key=lambda message: message.role):
        if role is Role.TOOL:
            # All results of one round belong into one user turn.
            turns.append({"role": "user", "content": [_result(message) for message in group]})
        else:
            turns.extend({"role": str(role), "content": _content(message)} for message in group)
    return turns


def _thinking(request: Request) -> dict[str, Any] | None:
    """Whether to think, and whether the thoughts are shown. How much is said in `output_config`."""
    wanted = request.reasoning
    if wanted is None:
        return None
    if wanted.effort == "none":
        return {"type": "disabled"}
    if request.tool_choice not in (None, "auto", "none"):
        raise LLMInvalidRequestError(
            f"Anthropic thinks only where the model may choose its tools; with tool_choice {request.tool_choice!r}, "
            'leave reasoning out, or say ReasoningConfig(effort="none")'
        )
    if wanted.summary not in (None, "auto"):
        raise LLMInvalidRequestError(f"Anthropic has no reasoning.summary {wanted.summary!r}; it has auto.")
    shown = options(display="summarized" if wanted.summary else None)
    if not wanted.budget_tokens:
        return {"type": "adaptive", **shown}
    if request.max_tokens and request.max_tokens <= wanted.budget_tokens:
        raise LLMInvalidRequestError(
            f"budget_tokens {wanted.budget_tokens} leaves no room for an answer; max_tokens must be larger than that"
        )
    if request.tools:
        # With a budget the service wants the thoughts of a round of tools sent back, and a Message holds none.
        raise LLMInvalidRequestError(
            "Anthropic takes no budget_tokens beside tools here; say ReasoningConfig(effort=…)"
        )
    return {"type": "enabled", "budget_tokens": wanted.budget_tokens, **shown}


def _budget(request: Request) -> int:
    return (request.reasoning.budget_tokens or 0) if request.reasoning else 0


def _output(request: Request) -> dict[str, Any]:
    effort = request.reasoning.effort if request.reasoning else None
    form = request.response_format
    return options(
        effort=None if effort == "none" else effort,
        format={"type": "json_schema", "schema": strict_alone(form, _SERVICE)} if form else None,
    )


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.tool_calls and not message.images:
        return message.content
    words = [{"type": "text", "text": message.content}] if message.content else []
    # Claude answers best when the pictures come before the words about them.
    return [*(_picture(image) for image in message.images), *words, *(_call(call) for call in message.tool_calls)]


def _picture(image: Image) -> dict[str, Any]:
    if image.is_remote:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.base64}}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}


def _result(message: Message) -> dict[str, Any]:
    failed = {"is_error": True} if message.is_error else {}
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content, **failed}


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _refusal(body: Mapping[str, Any]) -> str:
    if body.get("stop_reason") != "refusal":
        return ""
    return text(mapping(body.get("stop_details")).get("explanation")) or "the model refused and gave no reason"


ANTHROPIC_MESSAGES = Format("anthropic_messages", "/v1/messages", encode, decode, StreamDecoder, ServerSentEvents)
