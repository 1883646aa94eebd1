"""The document "LLM Models - MVP Tasks": if one of these fails, a program written after it does not run.

Its Go code stands here as Python.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.config.environment import Settings
from llmlab.errors import (
    AllProvidersFailedError,
    ConfigurationError,
    LLMConnectionError,
    LLMInvalidRequestError,
    MissingAPIKeyError,
    UnsupportedProviderError,
)
from llmlab.toolkit.interfaces.models import (
    ChatCompletionClient,
    CompletionOptions,
    CompletionResponse,
    Config,
    LLMProvider,
    Message,
    ProviderFactory,
    TokenUsage,
)
from llmlab.types.completion import Usage
from tests.core import bodies
from tests.core.trying import KEY
from tests.loopback import LoopbackServer

YAML = """\
llm:
  openai:
    api_key: "${OPENAI_API_KEY}"
    base_url: "https://api.openai.com/v1"
    model: "gpt-4"
  ollama:
    base_url: "http://localhost:11434/v1"
    model: "gpt-oss:20b"
    fallback: true
"""
QUESTION = [Message(role="user", content="What is the capital of Italy?")]


@pytest.fixture
def second() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def pair(first: LoopbackServer, second: LoopbackServer, **options: Any) -> ChatCompletionClient:
    """Return a client of two servers of a test, without retries."""
    config = Config(base_url=first.url, api_key=KEY, fallback_url=second.url, max_retries=0, **options)
    return ChatCompletionClient(config)


def section(server: LoopbackServer, **settings: Any) -> dict[str, Any]:
    return {"base_url": server.url, "max_retries": 0, **settings}


@pytest.mark.usefixtures("lab")
def test_ollama_integration() -> None:
    client = ChatCompletionClient(Config(
        base_url="http://localhost:11434/v1",
        model="gpt-oss:20b",
    ))  # fmt: skip

    resp = client.complete([
        Message(role="user", content="Hello, test message"),
    ], CompletionOptions())  # fmt: skip

    assert resp.content != ""
    assert (resp.provider, resp.model) == ("ollama", "gpt-oss:20b")
    client.close()


@pytest.mark.usefixtures("lab")
def test_openai_answers_first() -> None:
    with ChatCompletionClient() as client:
        resp = client.complete(QUESTION)
    assert (resp.provider, resp.why) == ("openai", "")
    assert "Rome" in resp.content


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("fault", ["connect_refused", "unauthorized", "not_found", "server_error"])
def test_ollama_answers_after_any_error_of_openai(fault: str) -> None:
    with ChatCompletionClient(Config(max_retries=0)) as client, llmlab.faults(fault, times=1):
        resp = client.complete(QUESTION)
    assert (resp.provider, resp.model) == ("ollama", "gpt-oss:20b")
    assert resp.why.startswith("openai failed (")
    assert "Rome" in resp.content


def test_the_fallback_speaks_chat_completions_without_a_key(server: LoopbackServer, second: LoopbackServer) -> None:
    server.answer({"error": {"message": "down"}}, 503)
    second.answer(bodies.CHAT)
    with pair(server, second, model="gpt-4", fallback_model="gpt-oss:20b") as client:
        assert client.complete([Message("user", "Hi")], CompletionOptions(temperature=0.5)).content == bodies.TEXT
    assert [seen.path for seen in (*server.seen, *second.seen)] == ["/v1/chat/completions"] * 2
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in second.seen[0].headers
    assert [seen.body["model"] for seen in (*server.seen, *second.seen)] == ["gpt-4", "gpt-oss:20b"]
    assert second.seen[0].body["messages"] == [{"role": "user", "content": "Hi"}]


def test_openai_answers_when_ollama_is_down(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round, as the document's success criteria want it."""
    server.answer(bodies.CHAT)
    with LoopbackServer() as stopped:
        pass
    ollama = {"base_url": stopped.url, "max_retries": 0, "fallback": True}
    monkeypatch.setenv("MY_KEY", KEY)
    sections = {"openai": section(server, api_key="${MY_KEY}"), "ollama": ollama}
    with ProviderFactory({"llm": sections}) as factory:
        answer = factory.get_provider("ollama").complete([Message("user", "Hi")])
    assert (answer.provider, answer.content) == ("openai", bodies.TEXT)
    assert answer.why == "ollama failed (LLMConnectionError); so openai answered"
    assert server.seen[0].path == "/v1/chat/completions"


def test_errors_of_all_services_are_told(server: LoopbackServer, second: LoopbackServer) -> None:
    server.answer({"error": {"message": "no such key"}}, 401)
    second.answer({"error": {"message": "down"}}, 500)
    with pair(server, second) as client, pytest.raises(AllProvidersFailedError) as caught:
        client.complete(QUESTION)
    assert [type(error).__name__ for error in caught.value.errors] == ["LLMAuthenticationError", "LLMAPIError"]


def test_without_a_fallback_the_error_itself_comes(server: LoopbackServer) -> None:
    with LoopbackServer() as stopped:
        pass
    config = Config(base_url=stopped.url, fallback_url=None, max_retries=0)
    with ChatCompletionClient(config) as client, pytest.raises(LLMConnectionError):
        client.complete(QUESTION)


def test_a_key_is_needed_only_where_no_other_service_answers(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    with ChatCompletionClient(Config(fallback_url=server.url)) as client:
        answer = client.complete(QUESTION)
    assert (answer.content, answer.why) == (bodies.TEXT, "openai has no key; so local_gpt_oss answered")
    with pytest.raises(MissingAPIKeyError, match="OPENAI_API_KEY"):
        ChatCompletionClient(Config(fallback_url=None))
    assert KEY not in repr(Config(api_key=KEY))


def test_the_environment_says_where_ollama_is(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer(bodies.OLLAMA)
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    with ChatCompletionClient() as client:
        assert client.complete(QUESTION).why == "openai has no key; so ollama answered"


def test_temporary_errors_are_retried(server: LoopbackServer) -> None:
    server.answer({}, 503)
    server.answer(bodies.CHAT)
    with (
        llmlab.start("live", pace=0),
        ChatCompletionClient(Config(base_url=server.url, fallback_url=None)) as client,
    ):
        assert client.complete(QUESTION).content == bodies.TEXT
    assert len(server.seen) == 2


@pytest.mark.usefixtures("lab")
def test_the_documents_yaml(tmp_path: Path) -> None:
    """gpt-4 is shut down by now, and Ollama answers in its place."""
    file = tmp_path / "config.yaml"
    file.write_text(YAML)
    with ProviderFactory(file) as factory:
        resp = factory.get_provider("openai").complete(QUESTION)
        assert (resp.provider, resp.model) == ("ollama", "gpt-oss:20b")
        assert resp.why == "openai failed (ModelNotFoundError); so ollama answered"
        resp = factory.get_provider("ollama").complete(QUESTION)
        assert (resp.provider, resp.why) == ("ollama", "")


def test_the_yaml_names_the_variable_of_the_key(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer(bodies.CHAT)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    file = tmp_path / "config.yaml"
    file.write_text(YAML.replace("https://api.openai.com/v1", f"{server.url}/v1"))
    with ProviderFactory(file) as factory:
        factory.get_provider("openai").complete(QUESTION)
    seen = server.seen[0]
    assert (seen.path, seen.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert seen.body["model"] == "gpt-4"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"    model: \"gpt-4\"": "    modle: gpt-4"}, "config.yaml:5: unknown setting 'modle'; did you mean 'model'?"),
        ({"http://localhost": "localhost"}, "config.yaml:7: base_url must be a URL"),
        ({"true": "5"}, "config.yaml:9: fallback must be true, false or a provider's name"),
        ({"${OPENAI_API_KEY}": "sk-abc123def456ghi789jkl012"}, "config.yaml:3: keys do not belong in this file"),
    ],
)  # fmt: skip
def test_the_yaml_is_checked(wrong: Mapping[str, str], says: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = YAML
    for old, new in wrong.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        ProviderFactory(file)
    assert says in str(caught.value)
    assert "abc123" not in str(caught.value)


def test_without_fallback_true_nobody_stands_in(server: LoopbackServer, second: LoopbackServer) -> None:
    """A prompt for the model at home must not go to a cloud unasked."""
    server.answer({}, 500)
    sections = {"ollama": section(server), "local_gpt_oss": section(second)}
    with ProviderFactory({"llm": sections}) as factory, pytest.raises(llmlab.LLMAPIError):
        factory.get_provider("ollama").complete(QUESTION)
    assert second.seen == []


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedProviderError, match=r"'olama'.*Did you mean 'ollama'"):
        ProviderFactory(Settings()).get_provider("olama")


def test_an_unknown_option_is_refused_by_name(server: LoopbackServer) -> None:
    with pytest.raises(TypeError, match="'base_ur'; did you mean 'base_url'"):
        Config(base_ur=server.url)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'temprature'; did you mean 'temperature'"):
        CompletionOptions(temprature=1)  # type: ignore[call-arg]
    client = ChatCompletionClient(Config(base_url=server.url, fallback_url=None))
    with client, pytest.raises(LLMInvalidRequestError, match="temperature must be a number from 0 to 2"):
        client.complete(QUESTION, CompletionOptions(temperature=9))
    assert server.seen == []


def test_tokens_are_counted_across_providers(
    server: LoopbackServer, second: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer(bodies.CHAT)
    second.answer(bodies.CHAT)
    sections = {"openrouter": section(server, api_key_env="MY_KEY"), "local_gpt_oss": section(second)}
    monkeypatch.setenv("MY_KEY", KEY)
    with ProviderFactory({"llm": sections}) as factory:
        first = factory.get_provider("openrouter")
        assert factory.get_provider("openrouter") is first
        first.complete(QUESTION)
        factory.get_provider("local_gpt_oss").complete(QUESTION)
        first.complete(QUESTION)
    assert factory.usage.by_provider == {"openrouter": Usage(10, 6, 16), "local_gpt_oss": Usage(5, 3, 8)}
    assert factory.usage.total == Usage(15, 9, 24)


def test_providers_answer_side_by_side(server: LoopbackServer, second: LoopbackServer) -> None:
    server.answer(bodies.OLLAMA)
    second.answer(bodies.CHAT)
    sections = {"ollama": section(server), "local_gpt_oss": section(second)}
    names = ["ollama", "local_gpt_oss"] * 20
    with ProviderFactory({"llm": sections}) as factory, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: factory.get_provider(name).complete(QUESTION), names))
    assert [answer.provider for answer in answers] == names
    assert factory.usage.total.total_tokens == 40 * 8


@pytest.mark.usefixtures("lab")
def test_a_provider_streams_and_counts_its_tokens() -> None:
    with ChatCompletionClient() as client:
        chunks = list(client.complete_stream(QUESTION))
        assert "Rome" in "".join(map(str, chunks))
        assert client.usage.total.output_tokens > 0


@pytest.mark.usefixtures("lab")
def test_the_async_twins() -> None:
    async def all_of_them() -> None:
        async with ChatCompletionClient() as client:
            assert "Rome" in (await client.complete_async(QUESTION, CompletionOptions(max_tokens=100))).content
            text = "".join([str(chunk) async for chunk in client.complete_stream_async(QUESTION)])
            assert "Rome" in text
            assert await client.count_tokens_async(QUESTION) == client.count_tokens(QUESTION)
            assert await client.health_async()
            assert client.usage.by_provider.keys() == {"openai"}

    asyncio.run(all_of_them())


@pytest.mark.usefixtures("lab")
def test_tokens_of_messages_are_counted_before_a_call() -> None:
    with ChatCompletionClient() as client:
        one, two = client.count_tokens(QUESTION), client.count_tokens(QUESTION * 2)
    assert 0 < one < two


@pytest.mark.usefixtures("lab")
def test_health_of_one_client_and_of_all_providers() -> None:
    with ChatCompletionClient() as client:
        assert client.health().ok
    factory = ProviderFactory({"llm": {"openai": {}, "ollama": {}}})
    with llmlab.faults("connect_refused", times=1):
        report = factory.health()
    assert [health.provider for health in report] == ["openai", "ollama"]
    assert sorted(health.ok for health in report) == [False, True]
    assert asyncio.run(factory.health_async()).ok


def test_a_provider_of_ones_own() -> None:
    class Parrot:
        def complete(self, messages: Any, options: CompletionOptions | None = None) -> CompletionResponse:
            return CompletionResponse(messages[-1].content, model="parrot")

        def count_tokens(self, messages: Any) -> int:
            return len(messages)

    factory = ProviderFactory(Settings())
    factory.providers["parrot"] = Parrot()
    assert factory.get_provider("parrot").complete([Message("user", "Hello")]).content == "Hello"
    assert isinstance(Parrot(), LLMProvider)
    assert isinstance(factory.get_provider("ollama"), LLMProvider)


def test_every_method_has_its_async_twin() -> None:
    methods = {name: inspect.signature(one) for name, one in vars(ChatCompletionClient).items() if callable(one)}
    for name in ("complete", "complete_stream", "count_tokens", "health"):
        assert methods[name].parameters.keys() == methods[f"{name}_async"].parameters.keys()
    assert repr(TokenUsage()) == "TokenUsage()"


@pytest.mark.usefixtures("lab", "own_policies")
def test_policies_ledger_and_tape_are_those_of_the_client() -> None:
    before = llmlab.ledger().total().calls
    settings = {"budget": {"max_calls": 1}}
    with ProviderFactory({"llm": {"ollama": settings}}) as factory:
        ollama = factory.get_provider("ollama")
        assert ollama.complete(QUESTION).source == "simulated"
        with pytest.raises(llmlab.BudgetExceededError):
            ollama.complete(QUESTION)
    assert llmlab.ledger().total().calls == before + 2
