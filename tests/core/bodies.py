"""Answers in every wire format, whole and streamed, all saying "Hello there." and using 5 + 3 tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

TEXT = "Hello there."
PIECES = ("Hello", " there", ".")


def sse(events: Iterable[Any], *, done: bool = False) -> str:
    """Return events as server-sent events."""
    lines = [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
    return "".join(lines) + ("data: [DONE]\n\n" if done else "")


def ndjson(events: Iterable[Any]) -> str:
    """Return events as JSON lines."""
    return "".join(json.dumps(event) + "\n" for event in events)


RESPONSES = {
    "id": "resp_1",
    "model": "m-1",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": TEXT}]}],
    "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
}
CHAT = {
    "id": "chat_1",
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "model": "m-1",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 3},
}
OLLAMA = {
    "model": "m-1",
    "message": {"role": "assistant", "content": TEXT},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 5,
    "eval_count": 3,
}


def chat_piece(text: str, finish: str | None = None) -> dict[str, Any]:
    """Return one event of a Chat Completions stream."""
    return {"id": "chat_1", "model": "m-1", "choices": [{"delta": {"content": text}, "finish_reason": finish}]}


RESPONSES_EVENTS = [
    *({"type": "response.output_text.delta", "delta": piece} for piece in PIECES),
    {"type": "response.completed", "response": RESPONSES},
]
CHAT_EVENTS = [
    *(chat_piece(piece) for piece in PIECES),
    chat_piece("", "stop"),
    {"id": "chat_1", "model": "m-1", "choices": [], "usage": CHAT["usage"]},
]
ANTHROPIC_EVENTS = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 5}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in PIECES),
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
OLLAMA_EVENTS = [
    *({"model": "m-1", "message": {"content": piece}, "done": False} for piece in PIECES),
    {**OLLAMA, "message": {"content": ""}},
]

WHOLE: dict[str, dict[str, Any]] = {
    "openai": RESPONSES,
    "anthropic": ANTHROPIC,
    "openrouter": CHAT,
    "ollama": OLLAMA,
    "local_gpt_oss": CHAT,
}
"""A whole answer, by provider."""

STREAM: dict[str, str] = {
    "openai": sse(RESPONSES_EVENTS),
    "anthropic": sse(ANTHROPIC_EVENTS),
    "openrouter": sse(CHAT_EVENTS, done=True),
    "ollama": ndjson(OLLAMA_EVENTS),
    "local_gpt_oss": sse(CHAT_EVENTS, done=True),
}
"""A streamed answer, by provider."""

MODELS: dict[str, dict[str, Any]] = {
    name: {"models": [{"name": "m-2"}, {"name": "m-1"}]}
    if name == "ollama"
    else {"data": [{"id": "m-2"}, {"id": "m-1"}]}
    for name in WHOLE
}
"""A list of models, by provider."""
