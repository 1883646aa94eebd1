"""One async provider for a voice assistant, created from a configuration, with a conversation beside it.

    provider = ProviderFactory.create_from_config({"llm": {"backend": "openai", "openai": {"model": "gpt-4o"}}})
    result = await provider.complete([Message(MessageRole.USER, "What is 2+2?")])
    print(result.content)
    await provider.close()

The names of the document "LLM Module - Flexible Multi-Provider AI Inference".
"""

from __future__ import annotations

from llmlab.errors import LLMError, LLMInvalidRequestError, LLMRateLimitError, LLMTimeoutError
from llmlab.toolkit.interfaces.assistant.context import ConversationContext
from llmlab.toolkit.interfaces.assistant.factory import ProviderFactory
from llmlab.toolkit.interfaces.assistant.provider import LLMConnectionError, LLMProvider
from llmlab.toolkit.interfaces.assistant.result import CompletionResult
from llmlab.types.messages import Message, ToolCall, ToolDefinition
from llmlab.types.messages import Role as MessageRole

__all__ = [
    "CompletionResult",
    "ConversationContext",
    "LLMConnectionError",
    "LLMError",
    "LLMInvalidRequestError",
    "LLMProvider",
    "LLMRateLimitError",
    "LLMTimeoutError",
    "Message",
    "MessageRole",
    "ProviderFactory",
    "ToolCall",
    "ToolDefinition",
]
