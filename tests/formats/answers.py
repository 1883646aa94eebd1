"""One answer, written as each service writes it: whole, and as the events of a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llmlab.formats import FORMATS, Format
from llmlab.types.completion import Completion


class Wire(NamedTuple):
    """A tool call on the wire: its id, the tool and the arguments, each in any form."""

    id: Any
    name: Any
    arguments: Any


def parts(text: str, size: int) -> list[str]:
    """Return a text in parts, which may divide a character; a text without a part is one empty part."""
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


def _chat(text: Any, calls: Sequence[Wire], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    wire = [
        {"index": index, "id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
        for index, call in enumerate(calls)
    ]
    end = "tool_calls" if calls else "stop"
    message = {"content": text, **({"tool_calls": wire} if calls else {})}
    events = [{"delta": {"content": part}} for part in parts(text or "", size)]
    for call in wire:
        written = call["function"]["arguments"]
        first, *rest = parts(written, size) if isinstance(written, str) else [written]
        events.append({"delta": {"tool_calls": [{**call, "function": {**call["function"], "arguments": first}}]}})
        for part in rest:
            events.append({"delta": {"tool_calls": [{"index": call["index"], "function": {"arguments": part}}]}})
    events.append({"delta": {}, "finish_reason": end})
    head = {"id": "a", "model": "m"}
    body = {**head, "choices": [{"message": message, "finish_reason": end}]}
    return body, [*({**head, "choices": [event]} for event in events), {"type": "[DONE]"}]


def _responses(text: Any, calls: Sequence[Wire], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    items: list[dict[str, Any]] = [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    items += [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments} for call in calls
    ]
    body = {"id": "a", "model": "m", "status": "completed", "output": items}
    events = [{"type": "response.output_text.delta", "delta": part} for part in parts(text or "", size)]
    return body, [*events, {"type": "response.completed", "response": body}]


def _anthropic(text: Any, calls: Sequence[Wire], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    tools = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]
    end = {"stop_reason": "tool_use" if calls else "end_turn"}
    head = {"id": "a", "model": "m"}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**head, "content": []}}]
    for part in parts(text or "", size):
        events.append({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}})
    events += [
        {"type": "content_block_start", "index": index, "content_block": tool} for index, tool in enumerate(tools, 1)
    ]
    events += [{"type": "message_delta", "delta": end}, {"type": "message_stop"}]
    return {**head, "content": [{"type": "text", "text": text}, *tools], **end}, events


def _ollama(text: Any, calls: Sequence[Wire], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    tools = [{"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    head, end = {"model": "m", "created_at": "now"}, {"done": True, "done_reason": "stop"}
    body = {**head, "message": {"content": text, "tool_calls": tools}, **end}
    events = [{**head, "message": {"content": part}} for part in parts(text or "", size)]
    return body, [*events, {**head, "message": {"content": "", "tool_calls": tools}, **end}]


WRITERS: dict[str, Callable[[Any, Sequence[Wire], int], tuple[dict[str, Any], list[dict[str, Any]]]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic_messages": _anthropic,
    "ollama": _ollama,
}
"""Writes a text and calls, whole and in parts of a size, by the name of the format."""


def read(format: Format, events: Sequence[dict[str, Any]]) -> Completion:
    """Return the answer in the events of a stream, which must be whole."""
    decoder = format.stream()
    shown = [chunk.text for event in events if (chunk := decoder.feed(event))]
    assert decoder.finished
    answer = decoder.completion()
    "".join(shown).encode()
    # The half of a character at the very end comes too late to be shown.
    assert answer.content.removesuffix("\ufffd") == "".join(shown).removesuffix("\ufffd")
    return answer


def both(name: str, text: Any, calls: Sequence[Wire] = (), size: int = 1) -> Completion:
    """Return the answer in a text and calls, after making sure that the whole one and the streamed one agree."""
    body, events = WRITERS[name](text, calls, size)
    whole, streamed = FORMATS[name].decode(body), read(FORMATS[name], events)
    assert (streamed.content, streamed.finish_reason) == (whole.content, whole.finish_reason)
    known = list(zip(whole.tool_calls, streamed.tool_calls, strict=True))
    assert all(one.name == other.name and one.arguments == other.arguments for one, other in known)
    assert all(one.unparsed == other.unparsed and bool(one.id) is bool(other.id) for one, other in known)
    return whole
