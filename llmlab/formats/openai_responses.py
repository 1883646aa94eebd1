"""The Responses format of OpenAI: items in, items out, and a named event for each step of a stream.

Source: OpenAI API reference, "Responses" and "Streaming events".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from llmlab.formats.base import Format, options, portable, refuse
from llmlab.formats.base import StreamDecoder as BaseStreamDecoder
from llmlab.formats.errors import Problem, find_problem, no_answer, stream_error
from llmlab.formats.json_schema import strict_form
from llmlab.formats.openai_chat import arguments_json, function_tool
from llmlab.formats.parsing import (
    cost,
    generated_id,
    items,
    mapping,
    number,
    text,
    tool_call,
    whole_characters,
)
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion, FileSearchResult, FinishReason, Usage
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition
from llmlab.types.options import FileSearch
from llmlab.types.request import Request

_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_UNKNOWN = Problem("the service gave no reason", "server_error")


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /responses`. Leading system messages become `instructions`."""
    refuse(request, "OpenAI's Responses API", "stop", "seed", "reasoning.budget_tokens")
    messages = portable(request)
    leading = list(takewhile(lambda message: message.role is Role.SYSTEM, messages))
    rest = messages[len(leading) :]
    only_text = len(rest) == 1 and rest[0].role is Role.USER and not rest[0].name and not rest[0].images
    choice: Any = request.tool_choice
    if choice not in (None, "auto", "none", "required"):
        choice = {"type": "function", "name": choice}
    reasoning, form, search = request.reasoning, request.response_format, request.file_search
    text_options = options(
        verbosity=request.text.verbosity if request.text else None,
        format={"type": "json_schema", **strict_form(form)} if form else None,
    )
    body = {
        "model": request.model,
        "input": rest[0].content if only_text else [item for message in rest for item in _items(message)],
        **options(
            instructions="\n\n".join(message.content for message in leading) or None,
            temperature=request.temperature,
            top_p=request.top_p,
            max_output_tokens=request.max_tokens,
            tools=[_tool(tool) for tool in request.tools] + ([_file_search(search)] if search else []),
            tool_choice=choice,
            reasoning=options(effort=reasoning.effort, summary=reasoning.summary) if reasoning else None,
            text=text_options or None,
            include=["file_search_call.results"] if search else None,
            stream=stream or None,
        ),
    }
    return body | dict(request.extra)


def _items(message: Message) -> list[dict[str, Any]]:
    if message.role is Role.TOOL:
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}]
    words = [{"role": str(message.role), "content": _content(message)}] if message.content or message.images else []
    return words + [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments_json(call)}
        for call in message.tool_calls
    ]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    words = [{"type": "input_text", "text": message.content}] if message.content else []
    images = [{"type": "input_image", "image_url": one.url, "detail": one.detail or "auto"} for one in message.images]
    return [*words, *images]


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    # Without `strict: false` this API accepts only schemas in which every property is required.
    return {"type": "function", **function_tool(tool)["function"], "strict": False}


def _file_search(search: FileSearch) -> dict[str, Any]:
    ids = list(search.vector_store_ids)
    return {"type": "file_search", "vector_store_ids": ids, **options(max_num_results=search.max_num_results)}


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer."""
    answer = _read(body)
    if answer.finish_reason is None:
        raise no_answer(body)
    return answer


def _read(body: Mapping[str, Any]) -> Completion:
    output = items(body.get("output"))
    parts = [part for item in output if item.get("type") == "message" for part in items(item.get("content"))]
    content = "".join([text(part.get("text")) for part in parts if part.get("type") == "output_text"])
    refusal = "".join([text(part.get("refusal")) for part in parts if part.get("type") == "refusal"])
    reasoning = "\n\n".join(
        [text(item.get("summary")) or text(item.get("content")) for item in output if item.get("type") == "reasoning"]
    ).strip("\n")
    content, model, identifier = content or text(body.get("output_text")), text(body.get("model")), text(body.get("id"))
    texts = (content, refusal, reasoning, model, identifier)
    if not "".join(texts).isascii():
        content, refusal, reasoning, model, identifier = map(whole_characters, texts)
    calls = [_call(body, index, item) for index, item in enumerate(output) if item.get("type") == "function_call"]
    return Completion(
        content=content,
        model=model,
        finish_reason=_finish_reason(body, bool(calls), bool(output)),
        usage=usage(body.get("usage")),
        tool_calls=tuple(calls),
        reasoning=reasoning,
        refusal=refusal,
        id=identifier,
        file_search_results=tuple([_result(result) for item in output for result in items(item.get("results"))]),
    )


def _call(body: Mapping[str, Any], index: int, item: Mapping[str, Any]) -> ToolCall:
    name = item.get("name")
    identifier = text(item.get("call_id")) or text(item.get("id")) or generated_id(body.get("id"), index, name)
    return tool_call(identifier, name, item.get("arguments"))


def _result(result: Mapping[str, Any]) -> FileSearchResult:
    found, name = text(result.get("text")), text(result.get("filename"))
    return FileSearchResult(found, cost(result.get("score")) or 0.0, name, text(result.get("file_id")))


def _finish_reason(body: Mapping[str, Any], has_calls: bool, has_output: bool) -> FinishReason | None:
    """Return why an answer ended. One that is not finished may be empty; None stands for no answer."""
    status = body.get("status")
    if status == "incomplete":
        return _INCOMPLETE.get(text(mapping(body.get("incomplete_details")).get("reason")), "unfinished")
    if status == "failed":
        return "error"
    if status in ("queued", "in_progress", "cancelled"):
        return "unfinished"
    if has_output or text(body.get("output_text")):
        # This format has no word of its own for an answer that ends in tool calls.
        return "tool_calls" if has_calls else "stop"
    return None


class StreamDecoder(BaseStreamDecoder):
    """The answer of one stream. Its last event repeats the whole answer, which then counts."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: Mapping[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        kind = event.get("type")
        if kind == "response.output_text.delta":
            return self._add(text(event.get("delta")))
        if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            return self._add("", text(event.get("delta")))
        if kind == "response.refusal.delta":
            self._refusal += text(event.get("delta"))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item, slot = mapping(event.get("item")), number(event.get("output_index"))
            if item.get("type") == "function_call":
                whole = kind == "response.output_item.done"
                self._add_call(slot, item.get("call_id"), item.get("name"), item.get("arguments"), whole=whole)
        elif kind == "response.function_call_arguments.delta":
            if (slot := number(event.get("output_index"))) in self._slots:
                self._add_call(slot, "", "", event.get("delta"))
        elif kind == "error":
            # Its fields stand beside the type, or inside `error`.
            raise stream_error(find_problem(event if event.get("error") else {"error": dict(event)}) or _UNKNOWN)
        elif isinstance(event.get("response"), dict):
            self._answer = event["response"]
            if kind == "response.failed":
                raise stream_error(find_problem(self._answer) or _UNKNOWN)
            if kind in ("response.completed", "response.incomplete", "response.cancelled"):
                self._end()
        elif kind == "[DONE]":
            self._end()
        elif problem := find_problem(event):
            raise stream_error(problem)
        return None

    def completion(self) -> Completion:
        whole, collected = _read(self._answer), super().completion()
        calls = whole.tool_calls or collected.tool_calls
        reason = _finish_reason(self._answer, bool(calls), True)
        return replace(
            whole,
            content=whole.content or collected.content,
            reasoning=whole.reasoning or collected.reasoning,
            refusal=whole.refusal or collected.refusal,
            tool_calls=calls,
            finish_reason=reason if self.finished else None,
        )

    def _end(self) -> None:
        # Some gateways send the answer in its events alone, and an empty list at the end.
        collected = self._text or self._refusal or self._calls
        self._answered = bool(collected) or _read(self._answer).finish_reason is not None
        super()._end()


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


OPENAI_RESPONSES = Format("openai_responses", "/responses", encode, decode, StreamDecoder, ServerSentEvents)
