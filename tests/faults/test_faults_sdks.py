"""The same faults through the official SDKs and through plain httpx: a lesson with raw code meets real exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest

import llmlab

pytestmark = pytest.mark.usefixtures("no_socket", "no_sleep")
URL = "https://api.openai.com/v1/responses"
LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
SAY = [{"role": "user", "content": "Tell me about café crème."}]


def ask_openai(stream: bool) -> str:
    with openai.OpenAI(max_retries=0) as client:
        if not stream:
            return client.responses.create(model=llmlab.MODELS["openai"], input=SAY).output_text  # type: ignore[arg-type]
        with client.responses.create(model=llmlab.MODELS["openai"], input=SAY, stream=True) as events:  # type: ignore[call-overload]
            return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def ask_openai_async(stream: bool) -> str:
    async def ask() -> str:
        async with openai.AsyncOpenAI(max_retries=0) as client:
            answer: Any = await client.chat.completions.create(
                model=llmlab.MODELS["openai"],
                messages=SAY,  # type: ignore[arg-type]
                stream=stream,  # type: ignore[call-overload]
            )
            if not stream:
                return str(answer.choices[0].message.content)
            async with answer:
                return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])

    return asyncio.run(ask())


def ask_anthropic(stream: bool) -> str:
    with anthropic.Anthropic(max_retries=0) as client:
        options: Any = {"model": llmlab.MODELS["anthropic"], "max_tokens": 200, "messages": SAY}
        if stream:
            with client.messages.stream(**options) as events:
                return "".join(events.text_stream)
        return str(client.messages.create(**options).content[0].text)


def ask_anthropic_async(stream: bool) -> str:
    async def ask() -> str:
        async with anthropic.AsyncAnthropic(max_retries=0) as client:
            options: Any = {"model": llmlab.MODELS["anthropic"], "max_tokens": 200, "messages": SAY}
            if stream:
                async with client.messages.stream(**options) as events:
                    return "".join([text async for text in events.text_stream])
            return str((await client.messages.create(**options)).content[0].text)

    return asyncio.run(ask())


def ask_ollama(stream: bool) -> str:
    client: Any = ollama.Client()
    answer = client.chat(model=llmlab.MODELS["ollama"], messages=SAY, stream=stream)
    return "".join(part.message.content for part in answer) if stream else str(answer.message.content)


def ask_ollama_async(stream: bool) -> str:
    async def ask() -> str:
        client: Any = ollama.AsyncClient()
        answer = await client.chat(model=llmlab.MODELS["ollama"], messages=SAY, stream=stream)
        return "".join([part.message.content async for part in answer]) if stream else str(answer.message.content)

    return asyncio.run(ask())


OPENAI = (ask_openai, ask_openai_async)
ANTHROPIC = (ask_anthropic, ask_anthropic_async)
OLLAMA = (ask_ollama, ask_ollama_async)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@STREAM
@pytest.mark.parametrize("ask", OPENAI)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unauthorized", openai.AuthenticationError),
        ("forbidden", openai.PermissionDeniedError),
        ("not_found", openai.NotFoundError),
        ("rate_limit", openai.RateLimitError),
        ("quota", openai.RateLimitError),
        ("server_error", openai.InternalServerError),
        ("overloaded;after=0", openai.InternalServerError),
        ("timeout", openai.APITimeoutError),
        ("connect_refused", openai.APIConnectionError),
        ("dns", openai.APIConnectionError),
    ],
)
def test_openai_raises_what_it_would(fault: str, kind: type[Exception], ask: Callable[..., str], stream: bool) -> None:
    llmlab.start()
    with llmlab.faults(fault), pytest.raises(kind) as caught:
        ask(stream)
    assert type(caught.value) is kind


@STREAM
@pytest.mark.parametrize("ask", ANTHROPIC)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unauthorized", anthropic.AuthenticationError),
        ("forbidden", anthropic.PermissionDeniedError),
        ("not_found", anthropic.NotFoundError),
        ("rate_limit", anthropic.RateLimitError),
        ("quota", anthropic.BadRequestError),
        ("server_error", anthropic.InternalServerError),
        ("overloaded;after=0", anthropic.InternalServerError),
        ("timeout", anthropic.APITimeoutError),
        ("connect_refused", anthropic.APIConnectionError),
        ("dns", anthropic.APIConnectionError),
    ],
)
def test_anthropic_raises_what_it_would(
    fault: str, kind: type[Exception], ask: Callable[..., str], stream: bool
) -> None:
    llmlab.start()
    with llmlab.faults(fault), pytest.raises(kind):
        ask(stream)


@STREAM
@pytest.mark.parametrize("ask", OLLAMA)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("unauthorized", ollama.ResponseError),
        ("not_found", ollama.ResponseError),
        ("rate_limit", ollama.ResponseError),
        ("server_error", ollama.ResponseError),
        ("overloaded", ollama.ResponseError),
        # Its SDK has words of its own for a server that is not there, but only for whole answers.
        ("connect_refused", (ConnectionError, httpx.ConnectError, httpx2.ConnectError)),
        ("timeout", (httpx.ReadTimeout, httpx2.ReadTimeout)),
    ],
)
def test_ollama_raises_what_it_would(fault: str, kind: Any, ask: Callable[..., str], stream: bool) -> None:
    llmlab.start()
    with llmlab.faults(fault), pytest.raises(kind):
        ask(stream)


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        *((ask, openai.APIError) for ask in OPENAI),
        *((ask, anthropic.APIStatusError) for ask in ANTHROPIC),
        *((ask, ollama.ResponseError) for ask in OLLAMA),
    ],
)
def test_an_overloaded_service_breaks_off_inside_a_stream(ask: Callable[..., str], kind: type[Exception]) -> None:
    llmlab.start()
    with llmlab.faults("overloaded"), pytest.raises(kind):
        ask(True)
    assert llmlab.trace().last.status == 200


@STREAM
@pytest.mark.parametrize("ask", [*OPENAI, *ANTHROPIC, *OLLAMA])
@pytest.mark.parametrize("fault", ["slow_first_token", "slow_chunks", "duplicate_usage", "split_utf8"])
def test_what_is_only_odd_changes_no_answer(fault: str, ask: Callable[..., str], stream: bool) -> None:
    llmlab.start()
    expected = ask(stream)
    with llmlab.faults(fault):
        assert ask(stream) == expected


@pytest.mark.parametrize("ask", [*OPENAI, *ANTHROPIC, *OLLAMA])
def test_a_cut_stream_is_an_exception_and_no_short_answer(ask: Callable[..., str]) -> None:
    llmlab.start()
    with llmlab.faults("cut_stream"), pytest.raises(Exception, match=r"incomplete chunked read|Connection error"):
        ask(True)


def test_openais_retries_are_told_apart_in_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson shows that the SDK retries, too; how long it waits is its own affair."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    llmlab.start()
    with openai.OpenAI() as client, llmlab.faults("rate_limit", times=2):
        client.responses.create(model=llmlab.MODELS["openai"], input="Hi")
    rows = llmlab.trace().attempts
    assert [(row.call, row.attempt, row.status, row.wait) for row in rows] == [
        (1, 1, 429, None),
        (1, 2, 429, None),
        (1, 3, 200, None),
    ]
    assert rows[0].why.endswith("tried again by the SDK, after a wait of its own")


@LIBRARIES
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("timeout", "ReadTimeout"),
        ("connect_refused", "ConnectError"),
        ("dns", "ConnectError"),
        ("cut_stream", "RemoteProtocolError"),
    ],
)
def test_a_library_gets_its_own_exceptions(library: Any, fault: str, kind: str) -> None:
    """httpx and httpx2 both exist in one process; `except httpx.ConnectError` must not miss."""
    llmlab.start()

    async def ask() -> None:
        async with library.AsyncClient() as client:
            await client.post(URL, json={"input": "Hi"})

    with llmlab.faults(fault):
        with pytest.raises(getattr(library, kind)) as caught:
            library.post(URL, json={"input": "Hi"})
        assert str(caught.value.request.url) == URL
        with pytest.raises(getattr(library, kind)):
            asyncio.run(ask())


@LIBRARIES
def test_a_faulty_answer_says_so_in_a_header(library: Any) -> None:
    llmlab.start()
    with llmlab.faults("rate_limit", retry_after=7):
        response = library.post(URL, json={"input": "Hi"})
    assert response.status_code == 429
    assert response.headers["retry-after"] == "7"
    assert response.headers["x-llmlab-fault"] == "rate_limit"
    assert response.headers["x-llmlab-source"] == "simulated"
    assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
