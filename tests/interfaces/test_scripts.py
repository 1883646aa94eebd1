"""The interface of document 000. If one fails, a program written for that document breaks, or shows a key."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMAPIError, LLMTimeoutError, MissingAPIKeyError, ModelNotFoundError, UnsupportedProviderError
from llmlab.policies import from_settings
from llmlab.toolkit.interfaces import scripts
from llmlab.toolkit.interfaces.scripts import (
    CompletionResponse,
    Message,
    OpenRouterProvider,
    ProviderConfig,
    ProviderType,
    get_provider,
)
from tests.core import bodies
from tests.core.trying import KEY
from tests.loopback import LoopbackServer

HI = [Message(role="user", content="What is the capital of Italy?")]


def client(server: LoopbackServer, **options: Any) -> scripts.Provider:
    return get_provider(ProviderType.OPENROUTER, api_key=KEY, base_url=server.url, **options)


@pytest.mark.usefixtures("lab")
def test_the_snippet_of_the_document_runs() -> None:
    """Word for word, apart from its import."""
    from llmlab.toolkit.interfaces.scripts import (
        CompletionResponse,
        Message,
        OpenRouterProvider,
        ProviderConfig,
        ProviderType,
        get_provider,
    )

    # Factory function
    provider = get_provider(
        ProviderType.OPENROUTER,
        api_key="...",
        timeout=60.0,
        max_retries=3
    )  # fmt: skip
    made = provider

    # Direct instantiation
    config = ProviderConfig(api_key="...", default_model="openrouter/free")
    provider = OpenRouterProvider(config)

    assert isinstance(made, OpenRouterProvider)
    for each in (made, provider):
        with each:
            answer = each.complete([Message(role="user", content="What is the capital of Italy?")])
        assert isinstance(answer, CompletionResponse)
        assert "Rome" in answer.content
        assert answer.model.endswith(":free")  # which openrouter/free has chosen


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("kind", list(ProviderType))
def test_every_provider_answers_sync_async_and_as_a_stream(kind: ProviderType) -> None:
    with get_provider(kind) as provider:
        answer = provider.complete(HI)
        assert "Rome" in answer.content
        assert "".join(provider.complete_stream(HI)) == answer.content
        assert provider.list_models()

    async def ask() -> CompletionResponse:
        async with get_provider(kind) as provider:
            return await provider.complete_async(HI)

    assert asyncio.run(ask()).content == answer.content


def test_an_answer_has_the_fields_of_the_document(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    with client(server) as provider:
        answer = provider.complete(HI, temperature=0.5, max_tokens=9)
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert answer == CompletionResponse(
        content=bodies.TEXT,
        model="m-1",
        provider=ProviderType.OPENROUTER,
        finish_reason="stop",
        usage=usage,
        tool_calls=[],
        raw_response=bodies.CHAT,
    )
    sent = server.seen[0].body
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("openrouter/free", 0.5, 9)


def test_a_tool_call_goes_back_as_it_came(server: LoopbackServer) -> None:
    """A model that does not see its own call again, asks for it again."""
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"zone": "UTC"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.answer({**bodies.CHAT, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    with client(server) as provider:
        first = provider.complete(HI)
        result = Message(role="tool", content="12:00", name="now", tool_call_id="c1")
        provider.complete([*HI, Message(role="assistant", content="", tool_calls=first.tool_calls), result])
    assert (first.finish_reason, first.tool_calls) == ("tool_calls", [call])
    assert server.seen[1].body["messages"][1] == message
    assert server.seen[1].body["messages"][2]["tool_call_id"] == "c1"


def test_a_message_has_the_fields_and_defaults_of_the_document() -> None:
    message = Message(role="user", content="Hi", name=None, tool_calls=None, tool_call_id=None)
    assert message == Message("user", "Hi")
    for role in ("system", "user", "assistant"):
        assert Message(role=role, content="Hi").role == role
    with pytest.raises(llmlab.LLMInvalidRequestError, match="system, user, assistant, tool"):
        Message(role="robot", content="Hi")


@pytest.mark.parametrize("how", ["document", "environment", "settings"])
def test_openrouter_is_told_who_calls(how: str, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project is listed under its own name, and one without a name of its own under that of the document."""
    own = {"referer": "https://me.example", "title": "Mine"}
    if how == "environment":
        for name, value in own.items():
            monkeypatch.setenv(f"OPENROUTER_{name.upper()}", value)
    if how == "settings":
        Path("llmlab.yaml").write_text(json.dumps({"providers": {"openrouter": own}}), encoding="utf-8")
    server.answer(bodies.CHAT)
    with client(server) as provider:
        provider.complete(HI)
    headers = server.seen[0].headers
    own = {"referer": "https://github.com/codomyrmex", "title": "Codomyrmex"} if how == "document" else own
    assert (headers["http-referer"], headers["x-title"]) == (own["referer"], own["title"])
    assert headers["authorization"] == f"Bearer {KEY}"


def test_the_defaults_are_those_of_the_document() -> None:
    with OpenRouterProvider(ProviderConfig(api_key=KEY)) as provider:
        made: Any = provider.client
        assert made.base_url == "https://openrouter.ai/api/v1"
        assert (made.model, made.timeout, made.retry.max_retries) == ("openrouter/free", 60.0, 3)
    with get_provider(ProviderType.OLLAMA) as provider:
        made = provider.client
        assert (made.base_url, made.format.path) == ("http://localhost:11434", "/api/chat")
    with get_provider(ProviderType.OLLAMA, base_url="http://elsewhere:1234") as provider:
        made = provider.client
        assert made.base_url == "http://elsewhere:1234"


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingAPIKeyError, match=r"OPENROUTER_API_KEY=<your key> into a file named \.env"):
        OpenRouterProvider()
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    config = ProviderConfig(api_key=KEY)
    with OpenRouterProvider() as provider:
        assert KEY not in repr((config, provider, vars(provider), provider.client))


def test_an_unknown_keyword_is_refused_with_the_nearest() -> None:
    with pytest.raises(TypeError, match="ProviderConfig has no 'default_modle'; did you mean 'default_model'"):
        get_provider(ProviderType.OLLAMA, default_modle="m")
    with pytest.raises(TypeError, match="has no 'zzz'; it has api_key, base_url"):
        ProviderConfig(zzz=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes a ProviderConfig, not dict"):
        OpenRouterProvider({"api_key": KEY})  # type: ignore[arg-type]
    with pytest.raises(UnsupportedProviderError, match="Did you mean 'openrouter'"):
        get_provider("openruter")


def test_a_timeout_and_a_rate_limit_are_tried_again_ever_later(server: LoopbackServer, slept: list[float]) -> None:
    for status in (429, 503, 503):
        server.answer({"error": {"message": "slow down"}}, status)
    server.answer(bodies.CHAT)
    with client(server) as provider:
        assert provider.complete(HI).content == bodies.TEXT
    assert len(slept) == 3
    assert slept[0] < slept[1] < slept[2]


@pytest.mark.usefixtures("lab", "slept")
def test_a_network_timeout_is_tried_again() -> None:
    with get_provider(ProviderType.OLLAMA) as provider:
        with llmlab.faults("timeout", times=2):
            assert "Rome" in provider.complete(HI).content
        with llmlab.faults("timeout"), pytest.raises(LLMTimeoutError):
            provider.complete(HI)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("kind", list(ProviderType))
def test_an_unknown_model_names_the_models_there_are(kind: ProviderType) -> None:
    with get_provider(kind) as provider, pytest.raises(ModelNotFoundError) as caught:
        provider.complete(HI, model="no-such-model")
    assert set(provider.list_models()) <= set(caught.value.available)
    assert caught.value.available[0] in str(caught.value)


def test_an_api_error_is_logged_and_raised_with_its_context(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer({"error": {"message": f"broken {KEY}", "code": "oops"}}, 500)
    with client(server, max_retries=0) as provider, pytest.raises(LLMAPIError) as caught:
        provider.complete(HI)
    assert (caught.value.provider, caught.value.status_code, caught.value.code) == ("openrouter", 500, "oops")
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "openrouter failed: LLMAPIError" in line
    assert KEY not in line + str(caught.value)


def test_a_stream_that_is_left_is_closed(server: LoopbackServer) -> None:
    server.answer(bodies.sse([bodies.chat_piece(text) for text in bodies.PIECES], done=True))
    with client(server) as provider:
        pieces: Any = provider.complete_stream(HI)
        assert next(pieces) == bodies.PIECES[0]
        pieces.close()
        assert "".join(provider.complete_stream(HI)) == bodies.TEXT


def test_an_answer_of_another_provider_keeps_its_name() -> None:
    answer = llmlab.Completion("Hi", "m", "mine", "stop")
    assert CompletionResponse.of(answer).provider == "mine"


@pytest.mark.usefixtures("lab")
def test_policies_ledger_and_tape_are_those_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs, limits and caches count what comes through an interface, too."""
    monkeypatch.setattr(from_settings, "_shared", {})  # the budgets of this process
    Path("llmlab.yaml").write_text("providers: {ollama: {budget: {max_calls: 2}}}", encoding="utf-8")
    before = llmlab.ledger().total().calls
    with get_provider(ProviderType.OLLAMA) as provider:
        provider.complete(HI)
        list(provider.complete_stream(HI))
        with pytest.raises(llmlab.BudgetExceededError):
            provider.complete(HI)
    assert llmlab.ledger().total().calls == before + 3
    assert [exchange.path for exchange in llmlab.trace()] == ["/api/chat"] * 2
