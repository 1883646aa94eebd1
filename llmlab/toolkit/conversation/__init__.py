"""Conversations: who said what, kept short enough, saved, forked and shown."""

from __future__ import annotations

from llmlab.toolkit.conversation.context import ConversationContext

__all__ = ["ConversationContext"]
