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

SERVICE = """
from typing import Any

from llmlab.toolkit.interfaces.service import (
    BaseProvider, ConfigTransformer, LLMCallRequest, LLMCallResponse, LLMConfig, LLMModelSpec, ModelCapabilities,
    ModelSpec, ModelSpecRegistry, ParameterSpec, ProviderFactory, ReasoningConfig, TextConfig, TransformerFactory,
    execute_llm_call,
)


class AnthropicProvider(BaseProvider):
    def execute(self, request: LLMCallRequest) -> tuple[LLMCallResponse | None, str | None]:
        response = self.client.messages.create(**self.build_params(request))
        return LLMCallResponse(message=response.content[0].text), None


class AnthropicTransformer(ConfigTransformer):
    def transform(self, request: LLMCallRequest) -> dict[str, Any]:
        return {"model": request.llm.llm_model_spec.model, "max_tokens": request.llm.llm_model_spec.max_tokens or 1024}


def create_anthropic_specs() -> list[ModelSpec]:
    takes = [ParameterSpec(name="temperature", type="float", min_value=0.0, max_value=1.0)]
    can = ModelCapabilities(supports_streaming=True, supports_vision=True)
    return [ModelSpec(model_name="claude-3-opus", provider="anthropic", capabilities=can, parameters=takes)]


ProviderFactory.register_provider("anthropic", AnthropicProvider)
TransformerFactory.register_transformer("anthropic", AnthropicTransformer)
ModelSpecRegistry().register(*create_anthropic_specs())
spec = LLMModelSpec(
    model="o1", provider="openai", reasoning=ReasoningConfig(effort="high"), text=TextConfig(verbosity="medium")
)
request = LLMCallRequest(llm=LLMConfig(prompt="Hi", vector_store_id="vs_1", llm_model_spec=spec), max_num_results=10)
response, error = execute_llm_call(request)
if response:
    text: str = response.message + str(response.total_tokens + 1)
    scores: list[float] = [result["score"] for result in response.file_search_results]
words: str | None = error
"""


def test_mypy_sees_every_name(tmp_path: Path) -> None:
    """The snippets, strictly checked in one run, which takes some seconds."""
    files = []
    snippets = {"scripts": SCRIPTS, "service": SERVICE, "wrapper": WRAPPER, "models": MODELS, "assistant": ASSISTANT}
    for name, code in snippets.items():
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *files], cwd=CLONE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
