"""What may follow what in a conversation, and where its turns begin. Pure functions over messages.

A turn is a user message and everything up to the next one. It is the smallest part that can be left out: a call stays
with its result, and what is left begins with a user message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.messages import Message, Role, ToolCall


def open_calls(messages: Sequence[Message]) -> list[ToolCall]:
    """Return the tool calls at the end of a conversation that have no result yet."""
    answered: set[str] = set()
    for message in reversed(messages):
        if message.role is not Role.TOOL:
            return [call for call in message.tool_calls if call.id not in answered]
        answered.add(message.tool_call_id or "")
    return []


def turn_starts(messages: Sequence[Message]) -> list[int]:
    """Return the positions at which the turns begin."""
    return [position for position, message in enumerate(messages) if message.role is Role.USER]


def check_next(messages: Sequence[Message], message: Message) -> None:
    """Refuse a message that may not follow.

    Raises:
        LLMInvalidRequestError: says what must come first.
    """
    if not isinstance(message, Message):
        raise LLMInvalidRequestError(
            f"a conversation takes a Message, not {type(message).__name__}; for a text there is add_user_message"
        )
    waiting = open_calls(messages)
    names = ", ".join(f"{call.id} ({call.name})" for call in waiting)
    if message.role is Role.TOOL:
        if message.tool_call_id not in {call.id for call in waiting}:
            waits = f"{names} waits for one" if waiting else "no call waits for one"
            raise LLMInvalidRequestError(f"there is no call {message.tool_call_id!r} to give a result to; {waits}")
        return
    if waiting:
        raise LLMInvalidRequestError(f"{names} has no result yet; add it with add_tool_result, also if it failed")
    if message.role is Role.SYSTEM:
        raise LLMInvalidRequestError("a conversation has one system message; set system_message")
    if message.role is Role.USER and not message.content.strip() and not message.images:
        raise LLMInvalidRequestError("the user message is empty; write something in it")
    if message.role is Role.ASSISTANT:
        if not messages:
            raise LLMInvalidRequestError("a conversation begins with a user message; add that first")
        check_calls(message)


def check_calls(message: Message) -> None:
    """Refuse an assistant message that says nothing, or whose calls cannot be told apart."""
    if not message.tool_calls and not message.content.strip():
        raise LLMInvalidRequestError("the answer is empty, which the next call would be refused for; ask again")
    ids = [call.id for call in message.tool_calls]
    if "" in ids or len(set(ids)) < len(ids):
        raise LLMInvalidRequestError("each tool call needs an id of its own, so that its result finds it")
    if not all(call.name for call in message.tool_calls):
        raise LLMInvalidRequestError("a tool call needs the name of its tool")


def as_text(content: Any) -> str:
    """Return a tool's result as the text that a model reads: texts as they are, everything else as JSON."""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
