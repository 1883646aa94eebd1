"""Responses of each service in its format, with a value for each field. The tables are read from them.

Source: the vendors' API references. All values differ, so that a decoded value shows which field it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from llmlab.formats.anthropic_messages import FINISH as ANTHROPIC_FINISH
from llmlab.formats.ollama import FINISH as OLLAMA_FINISH
from llmlab.formats.openai_chat import FINISH as CHAT_FINISH


@dataclass(frozen=True, slots=True)
class Sample:
    """Responses in one format.

    Args:
        answer: an answer with text, reasoning, a tool call and usage.
        refusal: an answer in which the model refuses; None where the format has no field for it.
        ends: an answer for each way to end, by the vendor's word.
        stream: the events of a stream.
        error: the body of an error with status 429.
        broken: the event of an error inside a stream.
    """

    answer: dict[str, Any]
    refusal: dict[str, Any] | None
    ends: dict[str, dict[str, Any]]
    stream: tuple[dict[str, Any], ...]
    error: dict[str, Any]
    broken: dict[str, Any]


def _responses(status: str, reason: str | None = None, *output: dict[str, Any]) -> dict[str, Any]:
    return {"status": status, "incomplete_details": reason and {"reason": reason}, "output": list(output)}


_CALL = {"type": "function_call", "call_id": "CALL", "name": "TOOL", "arguments": '{"a": 1}'}
_RESPONSE = {
    "id": "ID",
    "model": "MODEL",
    **_responses(
        "completed",
        None,
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "THOUGHT"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "TEXT"}]},
        _CALL,
    ),
    "usage": {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    },
}
_CHAT_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 3},
    "cost": 0.25,
}
_FUNCTION = {"id": "CALL", "type": "function", "function": {"name": "TOOL", "arguments": '{"a": 1}'}}
_CHAT = {"id": "ID", "model": "MODEL", "usage": _CHAT_USAGE}
_DONE = {"type": "[DONE]"}
_OPENAI_ERROR = {"error": {"message": "…", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
_OPENAI_BROKEN = {"error": {"message": "…", "code": 502}, "choices": []}
_ANTHROPIC_USAGE = {
    "input_tokens": 11,
    "cache_read_input_tokens": 5,
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 3},
}
_ANTHROPIC_ERROR = {"type": "error", "error": {"type": "rate_limit_error", "message": "…"}}
_OLLAMA = {"model": "MODEL", "done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}
_OLLAMA_CALL = {"function": {"name": "TOOL", "arguments": {"a": 1}}}


def _choice(**choice: Any) -> dict[str, Any]:
    return {**_CHAT, "choices": [choice]}


def _piece(**choice: Any) -> dict[str, Any]:
    return {"id": "ID", "model": "MODEL", "choices": [choice]}


def _block(index: int, kind: str, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


SAMPLES: Final[dict[str, Sample]] = {
    "openai_responses": Sample(
        answer=_RESPONSE,
        refusal=_responses("completed", None, {"type": "message", "content": [{"type": "refusal", "refusal": "NO"}]}),
        ends={
            "completed": _responses("completed", None, {"type": "message", "content": []}),
            "completed, with function_call": _responses("completed", None, _CALL),
            "incomplete, max_output_tokens": _responses("incomplete", "max_output_tokens"),
            "incomplete, content_filter": _responses("incomplete", "content_filter"),
            "failed": _responses("failed"),
            "in_progress": _responses("in_progress"),
            "cancelled": _responses("cancelled"),
        },
        stream=(
            {"type": "response.created", "response": {"id": "ID", "model": "MODEL", "status": "in_progress"}},
            {"type": "response.reasoning_summary_text.delta", "delta": "THOUGHT"},
            {"type": "response.output_text.delta", "delta": "TEXT"},
            {"type": "response.completed", "response": _RESPONSE},
        ),
        error=_OPENAI_ERROR,
        broken={"type": "response.failed", "response": {"error": {"code": "server_error", "message": "…"}}},
    ),
    "openai_chat": Sample(
        answer=_choice(message={"content": "TEXT", "reasoning": "THOUGHT", "tool_calls": [_FUNCTION]}),
        refusal=_choice(message={"content": None, "refusal": "NO"}, finish_reason="stop"),
        ends={word: _choice(message={}, finish_reason=word) for word in CHAT_FINISH},
        stream=(
            _piece(delta={"reasoning": "THOUGHT"}),
            _piece(delta={"content": "TEXT"}),
            _piece(delta={}, finish_reason="stop"),
            {**_CHAT, "choices": []},
            _DONE,
        ),
        error=_OPENAI_ERROR,
        broken=_OPENAI_BROKEN,
    ),
    "openai_completions": Sample(
        answer=_choice(text="TEXT"),
        refusal=None,
        ends={word: _choice(text="", finish_reason=word) for word in ("stop", "length", "content_filter")},
        stream=(_piece(text="TEXT"), _piece(text="", finish_reason="stop"), {**_CHAT, "choices": []}, _DONE),
        error=_OPENAI_ERROR,
        broken=_OPENAI_BROKEN,
    ),
    "anthropic_messages": Sample(
        answer={
            "id": "ID",
            "model": "MODEL",
            "content": [
                {"type": "thinking", "thinking": "THOUGHT"},
                {"type": "text", "text": "TEXT"},
                {"type": "tool_use", "id": "CALL", "name": "TOOL", "input": {"a": 1}},
            ],
            "usage": _ANTHROPIC_USAGE,
        },
        refusal={"content": [], "stop_reason": "refusal", "stop_details": {"explanation": "NO"}},
        ends={word: {"content": [], "stop_reason": word} for word in ANTHROPIC_FINISH},
        stream=(
            {"type": "message_start", "message": {"id": "ID", "model": "MODEL", "usage": {}}},
            _block(0, "thinking_delta", thinking="THOUGHT"),
            _block(1, "text_delta", text="TEXT"),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _ANTHROPIC_USAGE},
            {"type": "message_stop"},
        ),
        error=_ANTHROPIC_ERROR,
        broken={"type": "error", "error": {"type": "overloaded_error", "message": "…"}},
    ),
    "ollama": Sample(
        answer={**_OLLAMA, "message": {"content": "TEXT", "thinking": "THOUGHT", "tool_calls": [_OLLAMA_CALL]}},
        refusal=None,
        ends={
            **{word: {"done": True, "done_reason": word, "message": {}} for word in OLLAMA_FINISH},
            "stop, with tool_calls": {**_OLLAMA, "message": {"tool_calls": [_OLLAMA_CALL]}},
        },
        stream=(
            {"model": "MODEL", "message": {"thinking": "THOUGHT"}, "done": False},
            {"model": "MODEL", "message": {"content": "TEXT"}, "done": False},
            {**_OLLAMA, "message": {"content": ""}},
        ),
        error={"error": "…"},
        broken={"error": "…"},
    ),
    "ollama_generate": Sample(
        answer={**_OLLAMA, "response": "TEXT", "thinking": "THOUGHT"},
        refusal=None,
        ends={word: {"done": True, "done_reason": word, "response": ""} for word in OLLAMA_FINISH},
        stream=({"model": "MODEL", "response": "TEXT", "done": False}, {**_OLLAMA, "response": ""}),
        error={"error": "…"},
        broken={"error": "…"},
    ),
}
