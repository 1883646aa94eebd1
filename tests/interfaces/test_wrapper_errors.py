"""What goes wrong at the interface of document 002. If one fails, a program waits too long, or learns not why."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMAuthenticationError, LLMInvalidRequestError, LLMRateLimitError, ModelNotFoundError
from llmlab.toolkit.interfaces.wrapper import LLM, LLMAPIError, LLMConfig, LLMConnectionError, LLMError, Message
from tests.core import bodies
from tests.core.trying import KEY
from tests.loopback import LoopbackServer

HI = [Message(role="user", content="Hello!")]


def wrapper(server: LoopbackServer, policies: Any = (), **config: Any) -> LLM:
    return LLM(LLMConfig(base_url=server.url, **config), policies=policies)


@pytest.mark.usefixtures("slept")
def test_the_example_of_errors_runs(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word; a wrong key first, then a server that is not there."""
    server.answer({"error": {"message": "no"}}, 401)
    messages = HI
    for llm in (wrapper(server), LLM(LLMConfig(base_url="http://127.0.0.1:9"))):
        try:
            llm.chat_completion(messages)
        except LLMConnectionError as e:
            # Handle connection failure
            print(f"Connection failed: {e}")
        except LLMAPIError as e:
            # Handle API error
            print(f"API error: {e}")
        llm.close()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("API error: openai_compatible answered 401: no")
    assert second.startswith("Connection failed: no answer from http://127.0.0.1:9/v1/chat/completions")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_these_statuses_are_tried_again_with_the_delays_of_the_document(
    status: int, server: LoopbackServer, slept: list[float]
) -> None:
    """Retry delays: 2s, 4s, 8s, 16s, 32s."""
    server.answer({"error": {"message": "busy"}}, status)
    config = LLMConfig(
        base_url=server.url,
        max_retries=5,        # Try up to 5 times
        retry_delay=2.0       # Start with 2s delay
    )  # fmt: skip
    with LLM(config) as llm, pytest.raises(LLMAPIError) as caught:
        llm.chat_completion(HI)
    assert slept == [2, 4, 8, 16, 32]
    assert (caught.value.status_code, llm.get_request_count(), len(server.seen)) == (status, 6, 6)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 501, 529])
def test_other_statuses_are_not_tried_again(status: int, server: LoopbackServer, slept: list[float]) -> None:
    server.answer({"error": {"message": "no"}}, status)
    with wrapper(server) as llm, pytest.raises(LLMAPIError):
        llm.completion("Once")
    assert slept == []


def test_a_retry_that_helps_is_not_seen_and_its_default_delay_is_a_second(
    server: LoopbackServer, slept: list[float]
) -> None:
    server.answer({"error": {"message": "busy"}}, 503)
    server.answer(bodies.CHAT)
    with wrapper(server) as llm:
        assert llm.chat_completion(HI).choices[0].message.content == bodies.TEXT
    assert slept == [1.0]


def test_a_connection_that_fails_is_an_error_of_its_own(slept: list[float]) -> None:
    with LLM(LLMConfig(base_url="http://127.0.0.1:9")) as llm, pytest.raises(LLMConnectionError) as caught:
        llm.list_models()
    assert not isinstance(caught.value, LLMAPIError)
    assert slept == []


def test_the_errors_are_a_tree_and_those_of_llmlab() -> None:
    """Who catches by the document, or by llmlab, catches the same."""
    assert issubclass(LLMConnectionError, LLMError)
    assert issubclass(LLMAPIError, LLMError)
    assert LLMConnectionError is llmlab.LLMConnectionError
    for kind in (
        LLMAuthenticationError,
        LLMInvalidRequestError,
        LLMRateLimitError,
        ModelNotFoundError,
        llmlab.LLMAPIError,
    ):
        assert issubclass(kind, LLMAPIError)


def test_what_happens_is_logged_at_the_levels_of_the_document(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "llmlab")
    server.answer(bodies.CHAT)
    server.answer({"error": {"message": f"bad {KEY}"}}, 400)
    with wrapper(server, api_key=KEY) as llm:
        llm.chat_completion(HI, temperature=0.3)
        with pytest.raises(LLMAPIError):
            llm.chat_completion(HI)
        llm.reset_session()
    lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records if record.name == "llmlab"]
    for begin, holds in (
        ("INFO LLM for", f"model='gpt-4', base_url='{server.url}'"),
        ("DEBUG request: ", "'temperature': 0.3"),
        ("INFO request to openai_compatible", "gpt-4, 1 messages"),
        ("INFO answer from openai_compatible", "5 + 3 tokens"),
        ("DEBUG response chat_1", "'total_tokens': 8"),
        ("ERROR openai_compatible failed", "LLMInvalidRequestError"),
        ("INFO session reset", ""),
        ("INFO session closed", ""),
    ):
        assert any(line.startswith(begin) and holds in line for line in lines), (begin, lines)
    assert KEY not in "\n".join(lines)
    assert "Hello" not in "\n".join(lines)


def test_a_connection_error_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with LLM(LLMConfig(base_url="http://127.0.0.1:9")) as llm, pytest.raises(LLMConnectionError):
        llm.chat_completion(HI)
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "LLMConnectionError" in line


def test_no_key_is_shown() -> None:
    with LLM(LLMConfig(api_key=KEY, base_url="http://me:geheim-0815@127.0.0.1:9")) as llm:
        assert KEY not in repr((llm, llm.config, llm.client, vars(llm)))


def test_unknown_keywords_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="LLMConfig has no 'temprature'; did you mean 'temperature'"):
        LLMConfig(temprature=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="LLM takes an LLMConfig, not dict"):
        LLM({"model": "gpt-4"})  # type: ignore[arg-type]
    with LLM() as llm:
        with pytest.raises(LLMAPIError, match=r"use llm\.client\.complete_stream"):
            llm.chat_completion(HI, stream=True)
        with pytest.raises(LLMAPIError, match="temperature must be a number from 0 to 2"):
            llm.chat_completion(HI, temperature=3)
