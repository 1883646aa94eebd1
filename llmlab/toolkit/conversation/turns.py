"""The order of messages in a conversation, and its turns. Pure functions.

A turn is a user message and everything up to the next one. Whole turns are removed, so a tool call keeps its result,
and the rest begins with a user message.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    """Return the indexes at which the turns begin."""
    return [index for index, message in enumerate(messages) if message.role is Role.USER]


def check_next(messages: Sequence[Message], message: Message) -> None:
    """Refuse a message that may not follow, and say what must come first."""
    if not isinstance(message, Message):
        raise LLMInvalidRequestError(
            f"a conversation takes a Message, not {type(message).__name__}; add a text with add_user_message"
        )
    waiting = open_calls(messages)
    names = ", ".join(f"{call.id} ({call.name})" for call in waiting)
    if message.role is Role.TOOL:
        if message.tool_call_id not in {call.id for call in waiting}:
            waits = f"{names} waits for one" if waiting else "no call waits for one"
            raise LLMInvalidRequestError(f"there is no call {message.tool_call_id!r} to give a result to; {waits}")
    elif waiting:
        raise LLMInvalidRequestError(f"{names} has no result yet; add it with add_tool_result, also if it failed")
    elif message.role is Role.SYSTEM:
        raise LLMInvalidRequestError("a conversation has one system message; set system_message")
    elif message.role is Role.USER:
        if not message.content.strip() and not message.images:
            raise LLMInvalidRequestError("the user message is empty; write something in it")
    elif not messages:
        raise LLMInvalidRequestError("a conversation begins with a user message; add that first")
    else:
        check_calls(message)


def check_calls(message: Message) -> None:
    """Refuse an assistant message that is empty, or whose calls have no names or no ids of their own."""
    if not message.tool_calls and not message.content.strip():
        raise LLMInvalidRequestError("the answer is empty, and a service refuses such a conversation; ask again")
    ids = [call.id for call in message.tool_calls]
    if "" in ids or len(set(ids)) < len(ids):
        raise LLMInvalidRequestError("each tool call needs an id of its own, so that its result finds it")
    if not all(call.name for call in message.tool_calls):
        raise LLMInvalidRequestError("a tool call needs the name of its tool")
