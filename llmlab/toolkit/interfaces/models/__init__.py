"""`ChatCompletionClient` and `ProviderFactory`: OpenAI with Ollama as its fallback, or the other way round.

    client = ChatCompletionClient(Config(base_url="http://localhost:11434/v1", model="gpt-oss:20b"))
    print(client.complete([Message(role="user", content="Hello")], CompletionOptions(max_tokens=100)).content)

The interfaces of the document "LLM Models - MVP Tasks", which are in Go there.
"""

from __future__ import annotations

from llmlab.toolkit.interfaces.models.client import ChatCompletionClient
from llmlab.toolkit.interfaces.models.factory import ProviderFactory
from llmlab.toolkit.interfaces.models.types import CompletionOptions, Config, LLMProvider, TokenUsage
from llmlab.types.completion import Completion as CompletionResponse
from llmlab.types.messages import Message

__all__ = [
    "ChatCompletionClient",
    "CompletionOptions",
    "CompletionResponse",
    "Config",
    "LLMProvider",
    "Message",
    "ProviderFactory",
    "TokenUsage",
]
