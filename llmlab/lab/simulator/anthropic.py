"""Anthropic's Messages API: reads a request, and writes the answer, plain or streamed; and counts tokens.

Format: Anthropic's API reference and real traffic. Left out: server tools, citations, caching, documents.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.anthropic_read import Thinking, read
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.question import Reply
from llmlab.lab.simulator.reply import think
from llmlab.lab.simulator.timing import Pace
from llmlab.lab.simulator.usage import input_tokens
from llmlab.lab.wire.messages import Event, TapeAnswer

_FINISH = {"stop": "end_turn", "stop_text": "stop_sequence", "length": "max_tokens", "tool": "tool_use"}
_TOOLS_COST = 346  # tokens of the hidden system prompt that tools bring along
_GROUP = 3


def messages(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/messages`."""
    question, model, thinks = read(ask, needs_limit=True)
    reply = think(question)
    given = input_tokens(question) + (_TOOLS_COST if question.tools else 0)
    written = reply.tokens + reply.reasoning_tokens
    pace = ask.pace(model, 0 if thinks == "shown" else reply.reasoning_tokens)
    body = _message(ask, model, _blocks(ask, reply, thinks), given, max(1, written))
    if thinks:
        body["usage"]["output_tokens_details"] = {"thinking_tokens": reply.reasoning_tokens}
    body["stop_reason"] = _FINISH[reply.finish]
    body["stop_sequence"] = reply.stopped_at
    if ask.body.get("stream") is not True:
        return ask.plain(body, pace.after(written), tokens=given)
    events = _events(body)
    timed: list[tuple[float, Event]] = list(zip(_moments(events, pace), events, strict=True))
    return ask.stream(timed, "named_sse", given)


def count_tokens(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/messages/count_tokens`."""
    question, _, _ = read(ask, needs_limit=False)
    return ask.plain({"input_tokens": input_tokens(question) + (_TOOLS_COST if question.tools else 0)})


def _message(ask: Ask, model: Model, content: list[dict[str, Any]], given: int, written: int) -> dict[str, Any]:
    return {
        "model": model.served,
        "id": "msg_011C" + ask.seed.letters("msg", 20),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": given,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": written,
            "service_tier": "standard",
            "inference_geo": "not_available",
        },
    }


def _blocks(ask: Ask, reply: Reply, thinks: Thinking) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if thinks and reply.reasoning:
        thought, signature = reply.reasoning if thinks == "shown" else "", ask.seed.letters("signature", 200)
        blocks.append({"type": "thinking", "thinking": thought, "signature": signature})
    for at, call in enumerate(reply.calls):
        block = {"type": "tool_use", "id": "toolu_01" + ask.seed.letters(f"call{at}", 22), "name": call.name}
        blocks.append(block | {"input": call.arguments, "caller": {"type": "direct"}})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    return blocks


def _events(message: dict[str, Any]) -> list[dict[str, Any]]:
    usage = message["usage"]
    begun = message | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage | {"output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(message["content"]):
        events.append({"type": "content_block_start", "index": index, "content_block": _empty(block)})
        if index == 0:
            events.append({"type": "ping"})
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block))
        events.append({"type": "content_block_stop", "index": index})
    if not message["content"]:
        events.append({"type": "ping"})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"], "stop_details": None}
    left_out = ("cache_creation", "service_tier", "inference_geo")
    counted = {name: value for name, value in usage.items() if name not in left_out}
    events.append({"type": "message_delta", "delta": ending, "usage": counted})
    events.append({"type": "message_stop"})
    return events


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "tool_use":
        return block | {"input": {}}
    if block["type"] == "thinking":
        return block | {"thinking": "", "signature": ""}
    return block | {"text": ""}


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "tool_use":
        text = json.dumps(block["input"], ensure_ascii=False, default=str) if block["input"] else ""
        parts = ["", *_grouped(text)]
        return [{"type": "input_json_delta", "partial_json": part} for part in parts]
    if block["type"] == "thinking":
        # Of thoughts that are not shown, only the signature comes.
        deltas = [{"type": "thinking_delta", "thinking": part} for part in _grouped(block["thinking"])]
        return [*deltas, {"type": "signature_delta", "signature": block["signature"]}]
    return [{"type": "text_delta", "text": part} for part in _grouped(block["text"])]


def _grouped(text: str) -> list[str]:
    """Split a text as the service does: the first piece alone, then a few together."""
    pieces = tokens.split(text)
    rest = pieces[1:]
    return pieces[:1] + ["".join(rest[at : at + _GROUP]) for at in range(0, len(rest), _GROUP)]


def _moments(events: list[dict[str, Any]], pace: Pace) -> list[float]:
    """Time the events: a delta takes as long as its tokens; everything before the first delta comes at once."""
    sizes = [tokens.count(_said(event)) for event in events]
    steps = pace.moments(range(sum(sizes) + 1))
    return [steps[before] for before in (0, *itertools.accumulate(sizes[:-1]))]


def _said(event: dict[str, Any]) -> str:
    delta = event.get("delta", {})
    return str(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")
