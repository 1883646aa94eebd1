"""The same faults through the official SDKs and through plain httpx: a lesson with raw code meets real exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
LIBRARIES = (httpx, httpx2)
PROMPT = "Tell me about café crème."
MESSAGES: Any = [{"role": "user", "content": PROMPT}]
Ask = Callable[[bool], str]


def ask_openai(stream: bool) -> str:
    with openai.OpenAI(max_retries=0) as client:
        if not stream:
            return client.responses.create(model=llmlab.MODELS["openai"], input=PROMPT).output_text
        with client.responses.create(model=llmlab.MODELS["openai"], input=PROMPT, stream=True) as events:
            return "".join(event.delta for event in events if event.type == "response.output_text.delta")


async def ask_openai_async(stream: bool) -> str:
    async with openai.AsyncOpenAI(max_retries=0) as client:
        options: Any = {"model": llmlab.MODELS["openai"], "messages": MESSAGES, "stream": stream}
        answer: Any = await client.chat.completions.create(**options)
        if not stream:
            return str(answer.choices[0].message.content)
        async with answer:
            return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])


CLAUDE: Any = {"model": llmlab.MODELS["anthropic"], "max_tokens": 200, "messages": MESSAGES}


def ask_anthropic(stream: bool) -> str:
    with anthropic.Anthropic(max_retries=0) as client:
        if stream:
            with client.messages.stream(**CLAUDE) as events:
                return "".join(events.text_stream)
        return str(client.messages.create(**CLAUDE).content[0].text)


async def ask_anthropic_async(stream: bool) -> str:
    async with anthropic.AsyncAnthropic(max_retries=0) as client:
        if stream:
            async with client.messages.stream(**CLAUDE) as events:
                return "".join([text async for text in events.text_stream])
        return str((await client.messages.create(**CLAUDE)).content[0].text)


def ask_ollama(stream: bool) -> str:
    client: Any = ollama.Client()
    answer = client.chat(model=llmlab.MODELS["ollama"], messages=MESSAGES, stream=stream)
    return "".join(part.message.content for part in answer) if stream else str(answer.message.content)


async def ask_ollama_async(stream: bool) -> str:
    client: Any = ollama.AsyncClient()
    answer = await client.chat(model=llmlab.MODELS["ollama"], messages=MESSAGES, stream=stream)
    return "".join([part.message.content async for part in answer]) if stream else str(answer.message.content)


def blocking(ask: Callable[[bool], Awaitable[str]]) -> Ask:
    async def run(stream: bool) -> str:
        return await ask(stream)

    return lambda stream: asyncio.run(run(stream))


CLIENTS: dict[str, tuple[Ask, Ask]] = {
    "openai": (ask_openai, blocking(ask_openai_async)),
    "anthropic": (ask_anthropic, blocking(ask_anthropic_async)),
    "ollama": (ask_ollama, blocking(ask_ollama_async)),
}
EVERY_CLIENT = [(sdk, ask) for sdk, clients in CLIENTS.items() for ask in clients]
EXPECTED: list[tuple[str, str, Any]] = [
    ("openai", "unauthorized", openai.AuthenticationError),
    ("openai", "forbidden", openai.PermissionDeniedError),
    ("openai", "not_found", openai.NotFoundError),
    ("openai", "rate_limit", openai.RateLimitError),
    ("openai", "quota", openai.RateLimitError),
    ("openai", "server_error", openai.InternalServerError),
    ("openai", "overloaded;after=0", openai.InternalServerError),
    ("openai", "timeout", openai.APITimeoutError),
    ("openai", "connect_refused", openai.APIConnectionError),
    ("openai", "dns", openai.APIConnectionError),
    ("anthropic", "unauthorized", anthropic.AuthenticationError),
    ("anthropic", "forbidden", anthropic.PermissionDeniedError),
    ("anthropic", "not_found", anthropic.NotFoundError),
    ("anthropic", "rate_limit", anthropic.RateLimitError),
    ("anthropic", "quota", anthropic.BadRequestError),
    ("anthropic", "server_error", anthropic.InternalServerError),
    ("anthropic", "overloaded;after=0", anthropic.InternalServerError),
    ("anthropic", "timeout", anthropic.APITimeoutError),
    ("anthropic", "connect_refused", anthropic.APIConnectionError),
    ("anthropic", "dns", anthropic.APIConnectionError),
    *(("ollama", fault, ollama.ResponseError) for fault in ("unauthorized", "not_found", "rate_limit", "server_error")),
    ("ollama", "overloaded", ollama.ResponseError),
    # Its SDK has its own words for a server that is not there, but only for whole answers.
    ("ollama", "connect_refused", (ConnectionError, httpx.ConnectError, httpx2.ConnectError)),
    ("ollama", "timeout", (httpx.ReadTimeout, httpx2.ReadTimeout)),
]


@pytest.mark.parametrize("number", range(len(EXPECTED)), ids=[f"{sdk} {fault}" for sdk, fault, _ in EXPECTED])
def test_an_sdk_raises_its_own_exception(number: int) -> None:
    sdk, fault, kind = EXPECTED[number]
    llmlab.start()
    for ask, stream in zip(CLIENTS[sdk], (number % 2 == 0, number % 2 == 1), strict=True):
        with llmlab.faults(fault), pytest.raises(kind) as caught:
            ask(stream)
        if sdk == "openai":
            assert type(caught.value) is kind


def test_an_overloaded_service_breaks_off_inside_a_stream() -> None:
    kinds = {"openai": openai.APIError, "anthropic": anthropic.APIStatusError, "ollama": ollama.ResponseError}
    llmlab.start()
    for sdk, ask in EVERY_CLIENT:
        with llmlab.faults("overloaded"), pytest.raises(kinds[sdk]):
            ask(True)
        assert llmlab.trace().last.status == 200, sdk


@pytest.mark.parametrize("fault", ["slow_first_token", "slow_chunks", "duplicate_usage", "split_utf8"])
def test_a_harmless_fault_changes_no_answer(fault: str) -> None:
    llmlab.start()
    for number, (sdk, ask) in enumerate(EVERY_CLIENT):
        stream = number in (0, 3, 4)  # sync and async, whole and streamed
        expected = ask(stream)
        with llmlab.faults(fault):
            assert ask(stream) == expected, sdk


def test_a_cut_stream_is_an_exception_and_no_short_answer() -> None:
    llmlab.start()
    for _, ask in EVERY_CLIENT:
        with llmlab.faults("cut_stream"), pytest.raises(Exception, match=r"incomplete chunked read|Connection error"):
            ask(True)


def test_retries_of_an_sdk_are_attempts_in_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson shows that the SDK retries, too; how long it waits is not known."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    llmlab.start()
    with openai.OpenAI() as client, llmlab.faults("rate_limit", times=2):
        client.responses.create(model=llmlab.MODELS["openai"], input="Hi")
    rows = llmlab.trace().attempts
    expected = [(1, 1, 429, None), (1, 2, 429, None), (1, 3, 200, None)]
    assert [(row.call, row.attempt, row.status, row.wait) for row in rows] == expected
    assert rows[0].why.endswith("tried again by the SDK, after a wait of its own")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("timeout", "ReadTimeout"),
        ("connect_refused", "ConnectError"),
        ("dns", "ConnectError"),
        ("cut_stream", "RemoteProtocolError"),
    ],
)
def test_a_library_gets_its_own_exceptions(fault: str, kind: str) -> None:
    """httpx and httpx2 both exist in one process; `except httpx.ConnectError` must not miss."""
    llmlab.start()

    async def ask(library: Any) -> None:
        async with library.AsyncClient() as client:
            await client.post(URL, json={"input": "Hi"})

    with llmlab.faults(fault):
        for library in LIBRARIES:
            with pytest.raises(getattr(library, kind)) as caught:
                library.post(URL, json={"input": "Hi"})
            assert str(caught.value.request.url) == URL
            with pytest.raises(getattr(library, kind)):
                asyncio.run(ask(library))


def test_a_faulty_answer_says_so_in_a_header() -> None:
    llmlab.start()
    for library in LIBRARIES:
        with llmlab.faults("rate_limit", retry_after=7):
            response = library.post(URL, json={"input": "Hi"})
        expected = {
            "retry-after": "7",
            "x-llmlab-fault": "rate_limit",
            "x-llmlab-source": "simulated",
            "x-ratelimit-remaining-requests": "0",
        }
        assert response.status_code == 429
        assert expected.items() <= dict(response.headers).items()
        assert response.json()["error"]["code"] == "rate_limit_exceeded"
