"""Conversations: messages in order, kept below a limit, saved, forked and shown."""

from __future__ import annotations

from llmlab.toolkit.conversation.context import ConversationContext

__all__ = ["ConversationContext"]
