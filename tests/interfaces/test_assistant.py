"""The document "LLM Module - Flexible Multi-Provider AI Inference": if one of these fails, a program written after it
does not run. Its snippets stand here unchanged, apart from the import and the function around `await`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import yaml

import llmlab
from llmlab.errors import (
    ConfigurationError,
    LLMAPIError,
    LLMAuthenticationError,
    MissingAPIKeyError,
    UnsupportedProviderError,
)
from llmlab.toolkit.interfaces.assistant import (
    CompletionResult,
    ConversationContext,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    LLMProvider,
    LLMRateLimitError,
    LLMTimeoutError,
    Message,
    MessageRole,
    ProviderFactory,
    ToolCall,
    ToolDefinition,
)
from tests.core import bodies
from tests.core.trying import KEY, NAMES
from tests.loopback import LoopbackServer

SEARCH = ToolDefinition(
    name="web_search",
    description="Search the web",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}},
)
HELLO = [Message(MessageRole.USER, "Hello")]


def config_for(backend: str, **settings: Any) -> dict[str, Any]:
    return {"llm": {"backend": backend, backend: settings}}


def at(server: LoopbackServer, **settings: Any) -> LLMProvider:
    """Return a provider that calls the server of a test."""
    return ProviderFactory.create("local_gpt_oss", {"base_url": server.url, **settings})


def run(work: Callable[[LLMProvider], Coroutine[Any, Any, Any]], provider: LLMProvider) -> Any:
    """Run a coroutine with a provider, and close it."""

    async def closing() -> Any:
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(closing())


# Quick start


@pytest.mark.usefixtures("lab")
def test_basic_usage_and_streaming(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        # Load configuration
        config = {
            "llm": {
                "backend": "local_gpt_oss",
                "local_gpt_oss": {
                    "base_url": "http://localhost:8080",
                    "model": "gpt-oss:120b",
                    "timeout": 120
                }
            }
        }  # fmt: skip

        # Create provider
        provider = ProviderFactory.create_from_config(config)

        # Create messages
        messages = [
            Message(role=MessageRole.SYSTEM, content="You are helpful."),
            Message(role=MessageRole.USER, content="What is 2+2?"),
        ]

        # Get completion
        result = await provider.complete(messages)
        print(result.content)  # "2+2 equals 4."
        assert (result.model, result.finish_reason, result.has_tool_calls) == ("gpt-oss:120b", "stop", False)
        assert result.tokens_used > 0

        async for chunk in provider.stream_complete(messages):
            print(chunk, end="", flush=True)

        # Clean up
        await provider.close()

    asyncio.run(main())
    assert capsys.readouterr().out == "2+2 = 4\n2+2 = 4"


@pytest.mark.usefixtures("lab")
def test_tool_calling(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(provider: LLMProvider) -> None:
        messages = [Message(MessageRole.USER, "Search the web for the tallest mountain")]
        # Define tools
        tools = [
            ToolDefinition(
                name="web_search",
                description="Search the web",
                parameters={
                    "type": "object",
                    "properties": {
                        "query": {"type": "string"}
                    }
                }
            )
        ]  # fmt: skip

        # Request with tools
        result = await provider.complete(messages, tools=tools)

        if result.has_tool_calls:
            for tool_call in result.tool_calls or ():
                print(f"Tool: {tool_call.name}")
                print(f"Args: {tool_call.arguments}")

    run(main, ProviderFactory.create("openai"))
    assert capsys.readouterr().out == "Tool: web_search\nArgs: {'query': 'Search the web for the tallest mountain'}\n"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("name", NAMES)
def test_conversation_context(name: str) -> None:
    async def main(provider: LLMProvider) -> None:
        # Create context
        context = ConversationContext(
            max_turns=10,
            system_message="You are a helpful assistant."
        )  # fmt: skip

        # Multi-turn conversation
        context.add_user_message("My name is Alice")
        result = await provider.complete(context.get_messages())
        context.add_assistant_message(result.content)

        context.add_user_message("What is my name?")
        result = await provider.complete(context.get_messages())
        context.add_assistant_message(result.content)
        # Response: "Your name is Alice."
        assert result.content == "Your name is Alice."

    run(main, ProviderFactory.create_from_config(config_for(name)))


# Interface for the orchestrator

# fmt: off


class VoiceAssistantOrchestrator:
    def __init__(self, config):
        # Create LLM provider from config
        self.llm = ProviderFactory.create_from_config(config)

        # Create conversation context
        system_prompt = config.get("conversation", {}).get("system_prompt", "")
        self.context = ConversationContext(
            max_turns=config.get("conversation", {}).get("max_history_turns", 10),
            system_message=system_prompt
        )

    async def process_user_input(self, user_text: str, tools=None):
        """Process user input through LLM pipeline."""
        try:
            # Add user message to context
            self.context.add_user_message(user_text)

            # Get LLM response
            result = await self.llm.complete(
                self.context.get_messages(),
                tools=tools,
                temperature=0.7
            )

            # Handle tool calls if present
            if result.has_tool_calls:
                # Execute tools (via MCP client)
                for tool_call in result.tool_calls:
                    tool_result = await self.execute_tool(
                        tool_call.name,
                        tool_call.arguments
                    )

                    # Add tool result to context
                    self.context.add_tool_result(
                        tool_call_id=tool_call.id,
                        content=str(tool_result),
                        name=tool_call.name
                    )

                # Get final response with tool results
                result = await self.llm.complete(
                    self.context.get_messages(),
                    tools=tools
                )

            # Add assistant response to context
            self.context.add_assistant_message(result.content)

            return result.content

        except LLMError as e:
            # Handle LLM errors
            return f"Error: {e}"

    async def execute_tool(self, name: str, arguments: dict):
        """Execute tool via MCP client."""
        # Implemented by MCP integration
        pass

    async def cleanup(self):
        """Clean up resources."""
        await self.llm.close()

    async def process_user_input_streaming(self, user_text: str):
        """Process user input with streaming response."""
        self.context.add_user_message(user_text)

        # Collect response
        response_chunks = []

        async for chunk in self.llm.stream_complete(
            self.context.get_messages()
        ):
            response_chunks.append(chunk)
            # Optionally: Stream to TTS here
            await self.tts.speak_partial(chunk)

        # Complete response
        full_response = "".join(response_chunks)
        self.context.add_assistant_message(full_response)

        return full_response


# fmt: on


class Speaker:
    """What speaks: a program's own part of the orchestrator."""

    def __init__(self) -> None:
        self.spoken: list[str] = []

    async def speak_partial(self, text: str) -> None:
        self.spoken.append(text)


class Assistant(VoiceAssistantOrchestrator):
    """The orchestrator of the document, with the parts that it leaves to the program."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.tts = Speaker()
        self.ran: list[tuple[str, dict[str, Any]]] = []

    async def execute_tool(self, name: str, arguments: dict[str, Any]) -> str:
        self.ran.append((name, arguments))
        return "Mount Everest, 8849 m"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("name", NAMES)
def test_the_orchestrator_runs_with_every_provider(name: str) -> None:
    async def main() -> None:
        config = config_for(name, temperature=0.7, max_tokens=1024, timeout=60)
        assistant = Assistant({**config, "conversation": {"system_prompt": "You are kind.", "max_history_turns": 5}})
        answer = await assistant.process_user_input("Search the web for the tallest mountain", [SEARCH])
        assert assistant.ran == [("web_search", {"query": "Search the web for the tallest mountain"})]
        assert "8849" in answer
        assert await assistant.process_user_input("What is 2+2?") == "2+2 = 4"
        assert await assistant.process_user_input_streaming("What is the capital of Italy?") == "".join(
            assistant.tts.spoken
        )
        assert "Rome" in "".join(assistant.tts.spoken)
        assert [message.role for message in assistant.context] == [
            *("system", "user", "assistant", "tool", "assistant", "user", "assistant", "user", "assistant")
        ]
        await assistant.cleanup()

    asyncio.run(main())


@pytest.mark.usefixtures("lab")
def test_the_orchestrator_turns_errors_into_text_and_goes_on() -> None:
    async def main() -> None:
        assistant = Assistant(config_for("openai", max_retries=0))
        with llmlab.faults("server_error", times=1):
            assert (await assistant.process_user_input("Hi")).startswith("Error: openai answered 500")
        assert await assistant.process_user_input("What is 2+2?") == "2+2 = 4"
        await assistant.cleanup()

    asyncio.run(main())


# Valid requests


def call_answer(*calls: tuple[str, str]) -> dict[str, Any]:
    """Return an answer in the Chat Completions format that calls tools."""
    asked = [
        {"id": id, "type": "function", "function": {"name": "web_search", "arguments": arguments}}
        for id, arguments in calls
    ]
    message = {"role": "assistant", "content": None, "tool_calls": asked}
    return {**bodies.CHAT, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def test_each_result_follows_its_call_with_its_arguments(server: LoopbackServer) -> None:
    """A service refuses a result without its call, and a model needs to see what it asked."""
    server.answer(call_answer(("call_a", '{"query": "peaks"}'), ("call_b", '{"query": "seas"}')))
    server.answer(bodies.CHAT)

    async def main() -> None:
        assistant = Assistant(config_for("local_gpt_oss", base_url=server.url))
        assert await assistant.process_user_input("Find out", [SEARCH]) == bodies.TEXT
        await assistant.cleanup()

    asyncio.run(main())
    user, first, one, second, other = server.seen[1].body["messages"]
    assert user == {"role": "user", "content": "Find out"}
    for call, result, id, arguments in (
        (first, one, "call_a", '{"query": "peaks"}'),
        (second, other, "call_b", '{"query": "seas"}'),
    ):
        assert [(made["id"], made["function"]["arguments"]) for made in call["tool_calls"]] == [(id, arguments)]
        assert (result["role"], result["tool_call_id"], result["content"]) == ("tool", id, "Mount Everest, 8849 m")


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("name", NAMES)
def test_a_list_of_messages_may_leave_the_call_out(name: str) -> None:
    """Its arguments are lost where the program no longer holds the answer; the request is valid all the same."""

    async def main(provider: LLMProvider) -> None:
        messages = [
            Message(MessageRole.USER, "How high is the tallest mountain?"),
            Message(MessageRole.TOOL, "8849 m", name="web_search", tool_call_id="call_of_long_ago"),
        ]
        assert "8849" in (await provider.complete(messages, tools=[SEARCH])).content
        assert "8849" in "".join([chunk async for chunk in provider.stream_complete(messages)])

    run(main, ProviderFactory.create(name))


def test_a_whole_conversation_stays_as_it_is(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    calls = (ToolCall("a", "web_search", {"query": "x"}), ToolCall("b", "web_search"))
    messages = [
        *HELLO,
        Message(MessageRole.ASSISTANT, "Wait.", tool_calls=calls),
        Message(MessageRole.TOOL, "1", tool_call_id="a"),
        Message(MessageRole.TOOL, "2", tool_call_id="b"),
    ]
    run(lambda provider: provider.complete(messages), at(server))
    assert [message["role"] for message in server.seen[0].body["messages"]] == ["user", "assistant", "tool", "tool"]


def test_a_conversation_takes_an_empty_answer_and_saves_its_calls(tmp_path: Path) -> None:
    """A model that only calls tools says nothing, and no service takes an empty message back."""
    context = ConversationContext(max_turns=2)
    context.add_user_message("Find out")
    answer = CompletionResult("", "m", tool_calls=[ToolCall("call_1", "web_search", {"query": "x"})])
    context.add_tool_result(tool_call_id="call_1", content={"height": 8849}, name="web_search")
    context.add_assistant_message("")
    assert context.get_messages()[1].tool_calls == tuple(answer.tool_calls or ())
    assert context.get_messages()[2].content == '{"height": 8849}'
    context.save(tmp_path / "talk.json")
    assert list(ConversationContext.load(tmp_path / "talk.json")) == list(context)
    del answer
    gc.collect()
    context.add_tool_result("call_1", "once more", "web_search")
    assert context.get_messages()[3].tool_calls == (ToolCall("call_1", "web_search"),)


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_temperature_that_a_model_does_not_take_is_left_out(name: str, server: LoopbackServer) -> None:
    """The orchestrator sends one to every model."""
    server.answer(bodies.ANTHROPIC if name == "anthropic" else bodies.RESPONSES)
    config = {"base_url": server.url, "api_key_env": "MY_KEY", "temperature": 0.7}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MY_KEY", KEY)
        provider = ProviderFactory.create(name, config)
    run(lambda provider: provider.complete(HELLO, temperature=0.2), provider)
    assert "temperature" not in server.seen[0].body


def test_other_options_are_sent_or_refused_by_name(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)

    async def main(provider: LLMProvider) -> None:
        await provider.complete(HELLO, temperature=0.2, top_p=0.5)
        with pytest.raises(LLMInvalidRequestError, match="'max_token': did you mean 'max_tokens'"):
            await provider.complete(HELLO, max_token=5)
        with pytest.raises(LLMInvalidRequestError, match="temperature must be a number from 0 to 2"):
            await provider.complete(HELLO, temperature=7)

    run(main, at(server, temperature=0.9, max_tokens=99))
    (sent,) = server.seen
    assert (sent.body["temperature"], sent.body["top_p"], sent.body["max_tokens"]) == (0.2, 0.5, 99)


# Data models


def test_what_a_result_holds(server: LoopbackServer) -> None:
    server.answer(call_answer(("call_a", '{"query": "peaks"}')))
    server.answer(bodies.CHAT)

    async def main(provider: LLMProvider) -> None:
        result = await provider.complete(HELLO, tools=[SEARCH])
        assert (result.content, result.finish_reason, result.has_tool_calls) == ("", "tool_calls", True)
        assert result.tool_calls == [ToolCall(id="call_a", name="web_search", arguments={"query": "peaks"})]
        result = await provider.complete(HELLO)
        assert result == CompletionResult(
            bodies.TEXT, "m-1", tokens_used=8, finish_reason="stop", tool_calls=None, metadata=result.metadata
        )
        assert not result.has_tool_calls
        assert (result.metadata["provider"], result.metadata["id"]) == ("local_gpt_oss", "chat_1")
        assert result.metadata["raw_response"] == bodies.CHAT

    run(main, at(server))
    assert [role.name for role in MessageRole] == ["SYSTEM", "USER", "ASSISTANT", "TOOL"]
    message = Message(role=MessageRole.TOOL, content="8849 m", name="web_search", tool_call_id="call_a")
    assert (message.name, message.tool_call_id, Message(MessageRole.USER, "Hi").name) == ("web_search", "call_a", None)


# Supported providers

SECTIONS = """\
llm:
  backend: {backend}
  local_gpt_oss:
    base_url: http://localhost:8080
    model: gpt-oss:120b
    timeout: 120
    max_tokens: 1024
    temperature: 0.7
  openai:
    api_key_env: OPENAI_API_KEY
    model: gpt-4o
    timeout: 60
    max_tokens: 1024
    temperature: 0.7
  anthropic:
    api_key_env: ANTHROPIC_API_KEY
    model: claude-sonnet-4-20250514
    timeout: 60
    max_tokens: 1024
    temperature: 0.7
  openrouter:
    api_key_env: OPENROUTER_API_KEY
    base_url: https://openrouter.ai/api/v1
    model: openai/gpt-4o
    timeout: 60
"""


@pytest.mark.parametrize(
    ("backend", "answer", "path", "sent"),
    [
        (
            "local_gpt_oss",
            bodies.CHAT,
            "/v1/chat/completions",
            {"model": "gpt-oss:120b", "max_tokens": 1024, "temperature": 0.7},
        ),
        (
            "openai",
            bodies.RESPONSES,
            "/v1/responses",
            {"model": "gpt-4o", "max_output_tokens": 1024, "temperature": 0.7},
        ),
        ("anthropic", bodies.ANTHROPIC, "/v1/messages", {"model": "claude-sonnet-4-20250514", "max_tokens": 1024}),
        ("openrouter", bodies.CHAT, "/api/v1/chat/completions", {"model": "openai/gpt-4o"}),
    ],
)
def test_the_settings_of_each_provider(
    backend: str,
    answer: Any,
    path: str,
    sent: dict[str, Any],
    server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The services shut some of these models down, so a server of the test stands in for them."""
    server.answer(answer)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, f"{name}-{KEY}")
    config = yaml.safe_load(SECTIONS.replace("{backend}", backend))
    config["llm"][backend]["base_url"] = server.url
    result = run(lambda provider: provider.complete(HELLO), ProviderFactory.create_from_config(config))
    assert result.content == bodies.TEXT
    (seen,) = server.seen
    assert seen.path == path
    assert {name: value for name, value in seen.body.items() if name in {**sent, "temperature": 0}} == sent
    key = seen.headers.get("authorization", seen.headers.get("x-api-key", ""))
    assert key.removeprefix("Bearer ") == ("" if backend == "local_gpt_oss" else f"{backend.upper()}_API_KEY-{KEY}")


@pytest.mark.usefixtures("lab")
def test_offline_a_key_of_another_name_is_not_needed() -> None:
    provider = ProviderFactory.create_from_config(config_for("openai", api_key_env="TEAM_KEY"))
    assert run(lambda provider: provider.complete([Message("user", "What is 2+2?")]), provider).content == "2+2 = 4"


def test_the_timeout_of_the_settings_holds(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT, piece=1, pause=5.0)
    with pytest.raises(LLMTimeoutError):
        run(lambda provider: provider.complete(HELLO), at(server, timeout=0.2, max_retries=0))


def test_wrong_configurations_are_refused_by_name() -> None:
    for config, kind, says in (
        ({}, ConfigurationError, "names no backend"),
        ({"llm": {"openai": {}}}, ConfigurationError, "names no backend"),
        (config_for("opnai"), UnsupportedProviderError, "Did you mean 'openai'"),
        (config_for("openai"), MissingAPIKeyError, "OPENAI_API_KEY"),
        ({"llm": {"backend": "ollama", "olama": {}}}, UnsupportedProviderError, "Did you mean 'ollama'"),
        ({"llm": {"backend": "ollama", "ollama": 5}}, ConfigurationError, "configuration of ollama: expected names"),
        ("ollama", ConfigurationError, "names no backend"),
        (config_for("ollama", tiemout=3), ConfigurationError, "unknown setting 'tiemout'; did you mean 'timeout'"),
        (config_for("ollama", temperature="hot"), ConfigurationError, "temperature must be a number from 0 to 2"),
    ):
        with pytest.raises(kind) as caught:
            ProviderFactory.create_from_config(config)
        assert says in str(caught.value)


@pytest.mark.usefixtures("lab", "own_policies")
def test_policies_ledger_and_tape_are_those_of_the_client() -> None:
    before = llmlab.ledger().total().calls

    async def main(provider: LLMProvider) -> None:
        assert (await provider.complete(HELLO)).metadata["source"] == "simulated"
        with pytest.raises(llmlab.BudgetExceededError):
            await provider.complete(HELLO)

    run(main, ProviderFactory.create("ollama", {"budget": {"max_calls": 1}}))
    assert llmlab.ledger().total().calls == before + 2


# Errors


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("connect_refused", "connection"),
        ("timeout", "timeout"),
        ("rate_limit", "rate limit"),
        ("unauthorized", "error"),
        ("server_error", "error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_error_types(fault: str, expected: str, stream: bool) -> None:
    async def main(provider: LLMProvider) -> str:
        messages, branch = HELLO, ""
        try:
            result = await provider.complete(messages)
        except LLMConnectionError:
            # Retry or fallback to cloud API
            branch = "connection"
        except LLMTimeoutError:
            # Reduce max_tokens or increase timeout
            branch = "timeout"
        except LLMRateLimitError:
            # Wait and retry or switch provider
            branch = "rate limit"
        except LLMError as e:
            # Generic error handling
            branch = "error"
        return branch

    async def streaming(provider: LLMProvider) -> str:
        try:
            return "".join([chunk async for chunk in provider.stream_complete(HELLO)])
        except LLMError as error:
            return {LLMConnectionError: "connection", LLMTimeoutError: "timeout", LLMRateLimitError: "rate limit"}.get(
                type(error), "error"
            )

    with llmlab.faults(fault):
        found = run(streaming if stream else main, ProviderFactory.create("openai", {"max_retries": 0}))
    assert found == expected


def test_the_classes_are_those_of_the_client_or_under_them() -> None:
    """A program may catch either."""
    for kind in (LLMError, LLMConnectionError, LLMTimeoutError, LLMRateLimitError, LLMInvalidRequestError):
        assert issubclass(kind, getattr(llmlab, kind.__name__))
    assert not issubclass(LLMTimeoutError, LLMConnectionError)


@pytest.mark.parametrize(("settings", "waits"), [({}, [2, 4]), ({"max_retries": 3}, [2, 4, 8])])
@pytest.mark.usefixtures("slept")
def test_three_attempts_with_exponential_backoff(
    settings: dict[str, Any], waits: list[float], server: LoopbackServer, slept: list[float]
) -> None:
    server.answer({"error": {"message": "down"}}, 503)
    with pytest.raises(LLMAPIError):
        run(lambda provider: provider.complete(HELLO), at(server, **settings))
    assert (slept, len(server.seen)) == (waits, len(waits) + 1)


def test_a_provider_without_a_section_is_tried_as_often(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    server.answer({"error": {"message": "down"}}, 503)
    monkeypatch.setenv("LOCAL_GPT_OSS_URL", server.url)
    for config in (None, {}, {"llm": {"backend": "openai", "openai": {}}}):
        with pytest.raises(LLMAPIError):
            run(lambda provider: provider.complete(HELLO), ProviderFactory.create("local_gpt_oss", config))
    assert slept == [2, 4] * 3


@pytest.mark.parametrize("status", [400, 401])
def test_only_transient_errors_are_retried(status: int, server: LoopbackServer) -> None:
    server.answer({"error": {"message": "no"}}, status)
    with pytest.raises((LLMInvalidRequestError, LLMAuthenticationError)):
        run(lambda provider: provider.complete(HELLO), at(server))
    assert len(server.seen) == 1


# Advanced usage


def test_custom_provider() -> None:
    class CustomProvider(LLMProvider):
        async def complete(self, messages, **kwargs):
            # Your implementation
            pass

        async def stream_complete(self, messages, **kwargs):
            # Your implementation
            pass

    # Register custom provider
    ProviderFactory.register_provider("custom", CustomProvider)

    # Use it
    config = {
        "llm": {
            "backend": "custom",
            "custom": {"model": "my-model"}
        }
    }  # fmt: skip
    provider = ProviderFactory.create_from_config(config)
    assert isinstance(provider, CustomProvider)
    assert provider.config == {"model": "my-model"}
    asyncio.run(provider.close())


def test_what_can_be_registered() -> None:
    with pytest.raises(ConfigurationError, match="not a subclass of LLMProvider"):
        ProviderFactory.register_provider("mine", dict)  # type: ignore[arg-type]

    class Parrot(LLMProvider):
        async def complete(self, messages: Any, **options: Any) -> CompletionResult:
            return CompletionResult(messages[-1].content, self.config["model"])

        async def stream_complete(self, messages: Any, **options: Any) -> AsyncIterator[str]:
            yield messages[-1].content

    with pytest.raises(ConfigurationError, match="'openai' is a provider of llmlab"):
        ProviderFactory.register_provider("openai", Parrot)
    ProviderFactory.register_provider("parrot", Parrot)

    async def main(provider: LLMProvider) -> None:
        assert (await provider.complete(HELLO)).model == "grey"
        assert [chunk async for chunk in provider.stream_complete(HELLO)] == ["Hello"]

    run(main, ProviderFactory.create("parrot", config_for("openai") | {"llm": {"parrot": {"model": "grey"}}}))


class AdaptiveOrchestrator:
    """Switch between local and cloud based on availability."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    async def get_provider(self):
        test_message = Message(MessageRole.USER, "Are you there?")
        try:
            # Try local first
            provider = ProviderFactory.create("local_gpt_oss", self.config)
            await provider.complete([test_message])
            return provider
        except LLMConnectionError:
            # Fallback to cloud
            return ProviderFactory.create("anthropic", self.config)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("fault", "expected"), [(None, "local_gpt_oss"), ("connect_refused", "anthropic")])
def test_dynamic_provider_switching(fault: str | None, expected: str) -> None:
    async def main() -> str:
        orchestrator = AdaptiveOrchestrator({"llm": {"local_gpt_oss": {"max_retries": 0}, "anthropic": {}}})
        if fault is None:
            provider = await orchestrator.get_provider()
        else:
            with llmlab.faults(fault, times=1):
                provider = await orchestrator.get_provider()
        result = await provider.complete(HELLO)
        await provider.close()
        return str(result.metadata["provider"])

    assert asyncio.run(main()) == expected
