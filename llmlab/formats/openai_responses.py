"""The Responses format of OpenAI: items in, items out, and a named event for each step of a stream.

Source: OpenAI API reference, "Responses" and "Streaming events".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from llmlab.formats.base import Format, options, refuse, refuse_reasoning
from llmlab.formats.errors import Problem, find_problem, stream_error
from llmlab.formats.json_schema import strict_form
from llmlab.formats.parsing import cost, items, mapping, number, text, tool_call, written_arguments
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion, FileSearchResult, FinishReason, Usage
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.request import Request

_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_UNFINISHED = ("queued", "in_progress", "cancelled")


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /responses`. Leading system messages become `instructions`."""
    refuse(request, "OpenAI's Responses API", "stop", "seed")
    refuse_reasoning(request, "OpenAI's Responses API", "budget_tokens")
    leading = list(takewhile(lambda message: message.role is Role.SYSTEM, request.messages))
    rest = request.messages[len(leading) :]
    choice: Any = request.tool_choice
    if choice not in (None, "auto", "none", "required"):
        choice = {"type": "function", "name": choice}
    alone = len(rest) == 1 and rest[0].role is Role.USER and not rest[0].name and not rest[0].images
    thinking = request.reasoning
    body = {
        "model": request.model,
        "input": rest[0].content if alone else [item for message in rest for item in _items(message)],
        **options(
            instructions="\n\n".join(message.content for message in leading) or None,
            temperature=request.temperature,
            top_p=request.top_p,
            max_output_tokens=request.max_tokens,
            tools=[_tool(tool) for tool in request.tools] + _searching(request),
            tool_choice=choice,
            reasoning=options(effort=thinking.effort, summary=thinking.summary) if thinking else None,
            text=_text(request) or None,
            include=["file_search_call.results"] if request.file_search else None,
        ),
    }
    if stream:
        body["stream"] = True
    return body | dict(request.extra)


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer."""
    output = items(body.get("output"))
    parts = [part for item in output if item.get("type") == "message" for part in items(item.get("content"))]
    calls = tuple(
        tool_call(item.get("call_id"), item.get("name"), item.get("arguments"))
        for item in output
        if item.get("type") == "function_call"
    )
    return Completion(
        content="".join(text(part.get("text")) for part in parts if part.get("type") == "output_text")
        or text(body.get("output_text")),
        model=text(body.get("model")),
        finish_reason=_finish(body, calls),
        usage=usage(body.get("usage")),
        tool_calls=calls,
        reasoning="\n\n".join(thought for item in output if (thought := _thought(item))),
        refusal="".join(text(part.get("refusal")) for part in parts if part.get("type") == "refusal"),
        id=text(body.get("id")),
        file_search_results=tuple(_found(one) for item in output for one in items(item.get("results"))),
    )


class StreamDecoder:
    """Gathers the deltas of a stream. The last event repeats the whole answer and is taken as the truth."""

    def __init__(self) -> None:
        self.finished = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._answer: Mapping[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this event, if there is one. Unknown events are passed over."""
        kind = event.get("type")
        if kind == "response.output_text.delta":
            piece = text(event.get("delta"))
            self._text.append(piece)
            return Chunk(piece) if piece else None
        if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            thought = text(event.get("delta"))
            self._reasoning.append(thought)
            return Chunk("", thought) if thought else None
        if kind == "response.refusal.delta":
            self._refusal.append(text(event.get("delta")))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = mapping(event.get("item"))
            if item.get("type") == "function_call":
                self._calls[number(event.get("output_index"))] = dict(item)
        elif kind == "response.function_call_arguments.delta":
            call = self._calls.get(number(event.get("output_index")))
            if call is not None:
                call["arguments"] = text(call.get("arguments")) + text(event.get("delta"))
        elif kind == "error":
            # Its fields stand beside the type, or inside `error`.
            raise stream_error(find_problem(event if event.get("error") else {"error": dict(event)}) or _UNKNOWN)
        elif isinstance(event.get("response"), Mapping):
            self._response(str(kind), event["response"])
        elif problem := find_problem(event):
            raise stream_error(problem)
        return None

    def _response(self, kind: str, response: Mapping[str, Any]) -> None:
        self._answer = response
        if kind == "response.failed":
            raise stream_error(find_problem(response) or _UNKNOWN)
        self.finished = kind in ("response.completed", "response.incomplete", "response.cancelled")

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        whole = decode(self._answer)
        calls = tuple(
            tool_call(call.get("call_id"), call.get("name"), call.get("arguments")) for call in self._calls.values()
        )
        return replace(
            whole,
            content=whole.content or "".join(self._text),
            reasoning=whole.reasoning or "".join(self._reasoning),
            refusal=whole.refusal or "".join(self._refusal),
            tool_calls=whole.tool_calls or calls,
            finish_reason=whole.finish_reason if self.finished else None,
        )


def usage(value: object) -> Usage:
    """Read the usage object of the Responses API."""
    counts = mapping(value)
    read, written = number(counts.get("input_tokens")), number(counts.get("output_tokens"))
    return Usage(
        read,
        written,
        number(counts.get("total_tokens")) or read + written,
        number(mapping(counts.get("input_tokens_details")).get("cached_tokens")),
        number(mapping(counts.get("output_tokens_details")).get("reasoning_tokens")),
        cost(counts.get("cost")),
    )


def _text(request: Request) -> dict[str, Any]:
    form = request.response_format
    return options(
        verbosity=request.text.verbosity if request.text else None,
        format={"type": "json_schema", **strict_form(form)} if form else None,
    )


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    words = [{"type": "input_text", "text": message.content}] if message.content else []
    seen = [{"type": "input_image", "image_url": one.url, "detail": one.detail or "auto"} for one in message.images]
    return [*words, *seen]


def _items(message: Message) -> list[dict[str, Any]]:
    if message.role is Role.TOOL:
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}]
    words = [{"role": str(message.role), "content": _content(message)}] if message.content or message.images else []
    return words + [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": written_arguments(call)}
        for call in message.tool_calls
    ]


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    # Without `strict: false` this API accepts only schemas in which every property is required.
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }


def _searching(request: Request) -> list[dict[str, Any]]:
    search = request.file_search
    if search is None:
        return []
    ids = list(search.vector_store_ids)
    return [{"type": "file_search", "vector_store_ids": ids, **options(max_num_results=search.max_num_results)}]


def _found(result: Mapping[str, Any]) -> FileSearchResult:
    return FileSearchResult(
        text(result.get("text")),
        cost(result.get("score")) or 0.0,
        text(result.get("filename")),
        text(result.get("file_id")),
    )


def _thought(item: Mapping[str, Any]) -> str:
    if item.get("type") != "reasoning":
        return ""
    return text(item.get("summary")) or text(item.get("content"))


def _finish(body: Mapping[str, Any], calls: tuple[ToolCall, ...]) -> FinishReason | None:
    status = body.get("status")
    if status == "incomplete":
        return _INCOMPLETE.get(text(mapping(body.get("incomplete_details")).get("reason")), "unfinished")
    if status == "failed":
        return "error"
    if status in _UNFINISHED:
        return "unfinished"
    if status == "completed" or body.get("output") or body.get("output_text"):
        # This wire has no word of its own for an answer that ends in tool calls.
        return "tool_calls" if calls else "stop"
    return None


_UNKNOWN = Problem("the service gave no reason", "server_error")

OPENAI_RESPONSES = Format("openai_responses", "/responses", encode, decode, StreamDecoder, ServerSentEvents)
