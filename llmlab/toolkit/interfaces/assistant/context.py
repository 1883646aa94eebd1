"""A conversation in which tool results may directly follow the user's message."""

from __future__ import annotations

from typing import Any

from llmlab.toolkit import conversation
from llmlab.toolkit.interfaces.assistant.result import with_calls
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Role, ToolCall


class ConversationContext(conversation.ConversationContext):
    """A conversation as in `llmlab.ConversationContext`, to which calls of tools need not be added."""

    def add_assistant_message(self, content: str | Completion) -> None:
        """Add an answer. An empty one is left out, because no service takes it back."""
        if not isinstance(content, str) or content.strip():
            super().add_assistant_message(content)

    def add_tool_result(
        self, tool_call_id: ToolCall | str, content: Any, name: str | None = None, *, is_error: bool = False
    ) -> None:
        """Add the result of a tool, and its call if the conversation has none.

        Args:
            tool_call_id: the id of the call, or the call.
            content: a text; anything else is written as JSON.
            name: the name of the tool.
            is_error: whether the tool failed.
        """
        call_id = tool_call_id.id if isinstance(tool_call_id, ToolCall) else tool_call_id
        result = Message(Role.TOOL, name=name, tool_call_id=call_id)
        for message in with_calls([*self, result])[len(self) : -1]:
            self.add(message)
        super().add_tool_result(call_id, content, is_error=is_error)
