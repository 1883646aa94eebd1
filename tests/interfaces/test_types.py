"""Types of the interfaces. If one fails, an editor underlines a program that is right, or not one that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
SCRIPTS = """
from llmlab.toolkit.interfaces.scripts import (
    CompletionResponse, Message, OpenRouterProvider, ProviderConfig, ProviderType, get_provider,
)

provider = get_provider(ProviderType.OPENROUTER, api_key="...", timeout=60.0, max_retries=3)
config = ProviderConfig(api_key="...", default_model="openrouter/free")
provider = OpenRouterProvider(config)
answer: CompletionResponse = provider.complete([Message(role="user", content="Hi", tool_calls=None)])
text: str = answer.content + str(answer.usage["total_tokens"])
pieces: list[str] = list(provider.complete_stream([Message("user", "Hi")]))
"""
MODELS = """
from llmlab.toolkit.interfaces.models import (
    ChatCompletionClient, CompletionOptions, CompletionResponse, Config, LLMProvider, Message, ProviderFactory,
)

client = ChatCompletionClient(Config(base_url="http://localhost:11434/v1", model="gpt-oss:20b"))
provider: LLMProvider = client
answer: CompletionResponse = client.complete([Message(role="user", content="Hi")], CompletionOptions(max_tokens=9))
tokens: int = ProviderFactory({}).get_provider("ollama").count_tokens([{"role": "user", "content": "Hi"}])
total: int = client.usage.total.total_tokens + answer.usage.total_tokens
"""
ASSISTANT = """
from collections.abc import AsyncIterator
from typing import Any

from llmlab.toolkit.interfaces.assistant import (
    CompletionResult, ConversationContext, LLMProvider, Message, MessageRole, ProviderFactory, ToolDefinition,
)


class Own(LLMProvider):
    async def complete(self, messages: Any, **kwargs: Any) -> CompletionResult:
        return CompletionResult("Hi", "own")

    async def stream_complete(self, messages: Any, **kwargs: Any) -> AsyncIterator[str]:
        yield "Hi"


async def main() -> str:
    ProviderFactory.register_provider("own", Own)
    provider = ProviderFactory.create_from_config({"llm": {"backend": "own"}})
    context = ConversationContext(max_turns=10, system_message="Hi")
    context.add_tool_result(tool_call_id="1", content="x", name="web_search")
    tools = [ToolDefinition(name="web_search", description="Search", parameters={"type": "object"})]
    messages = [Message(role=MessageRole.USER, content="Hi"), *context.get_messages()]
    result = await provider.complete(messages, tools=tools, temperature=0.7)
    parts: list[str] = [chunk async for chunk in provider.stream_complete(messages)]
    await provider.close()
    return result.content + str(result.tokens_used) + "".join(parts)
"""

WRAPPER = """
from llmlab.toolkit.interfaces.wrapper import LLM, LLMAPIError, LLMConfig, LLMConnectionError, Message

config = LLMConfig(base_url="http://127.0.0.1:8000", model="gpt-4", temperature=0.7, timeout=30, max_retries=3)
messages = [Message(role="system", content="You are helpful."), Message(role="user", content="Hello!")]
with LLM(config) as llm:
    try:
        text: str | None = llm.chat_completion(messages, temperature=0.7).choices[0].message.content
        more: str = llm.completion(prompt=["Once", "Twice"], max_tokens=100).choices[0].text
        names: list[str] = [model.id for model in llm.list_models().data]
    except (LLMConnectionError, LLMAPIError) as error:
        print(error.status_code)
"""


def test_mypy_sees_every_name(tmp_path: Path) -> None:
    """The snippets, strictly checked in one run, which takes some seconds."""
    files = []
    for name, code in {"scripts": SCRIPTS, "wrapper": WRAPPER, "models": MODELS, "assistant": ASSISTANT}.items():
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *files], cwd=CLONE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
