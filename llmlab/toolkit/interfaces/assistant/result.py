"""Answers, and the tool calls in them that a conversation leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from weakref import WeakValueDictionary

from llmlab.toolkit.conversation.turns import open_calls
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Prompt, Role, ToolCall, to_messages


@dataclass
class CompletionResult:
    """One answer.

    Args:
        content: its text.
        model: the model that answered.
        tokens_used: tokens of the prompt and the answer.
        finish_reason: why the answer ended: "stop", "length" or "tool_calls", for example.
        tool_calls: the tools that the model wants called; None if there are none.
        metadata: what else is known: provider, id, usage, latency (seconds), source, why, raw_response.
    """

    content: str
    model: str
    tokens_used: int = 0
    finish_reason: str = "stop"
    tool_calls: list[ToolCall] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.tool_calls or ():
            _results[call.id] = self

    @property
    def has_tool_calls(self) -> bool:
        """Whether the model wants tools called before it goes on."""
        return bool(self.tool_calls)

    @classmethod
    def of(cls, answer: Completion) -> Self:
        """Return an answer of llmlab in this form."""
        calls, reason = list(answer.tool_calls) or None, answer.finish_reason or ""
        metadata = {name: getattr(answer, name) for name in _METADATA}
        return cls(answer.content, answer.model, answer.usage.total_tokens, reason, calls, metadata)


_METADATA = ("provider", "id", "usage", "latency", "source", "why", "raw_response")

_results: WeakValueDictionary[str, CompletionResult] = WeakValueDictionary()
"""The answers that a program still holds, by the ids of their tool calls."""


def with_calls(messages: Prompt) -> list[Message]:
    """Return messages in which each tool result follows its call, as every service expects it.

    A call that was left out has its arguments while the program holds the answer with it; else it has none.
    """
    whole: list[Message] = []
    for message in to_messages(messages):
        if message.role is Role.TOOL and all(call.id != message.tool_call_id for call in open_calls(whole)):
            whole.append(Message(Role.ASSISTANT, tool_calls=(_call_of(message),)))
        whole.append(message)
    return whole


def _call_of(result: Message) -> ToolCall:
    call_id = result.tool_call_id or ""
    answer = _results.get(call_id)
    known: Sequence[ToolCall] = answer.tool_calls or () if answer else ()
    return next((call for call in known if call.id == call_id), ToolCall(call_id, result.name or "tool"))
