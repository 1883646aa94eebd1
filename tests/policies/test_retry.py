"""One retry policy for all. If one fails, a passing fault ends a lesson, or a wrong request is paid for four times."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import Any

import pytest

from llmlab.errors import (
    LLMAPIError,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    LLMTimeoutError,
)
from llmlab.formats.waits import retry_after
from llmlab.policies import RetryPolicy
from tests.core import bodies
from tests.core.trying import SHAPES, ask, provider, spread
from tests.loopback import LoopbackServer

PASSING = (408, 409, 429, 500, 502, 503, 504, 529)
FINAL = (400, 401, 402, 403, 404, 405, 413, 422, 501)
STEADY = RetryPolicy(jitter=0)


def failing(status: int, **details: Any) -> LLMError:
    return LLMAPIError("no", status_code=status, **details)


def chat(server: LoopbackServer, shape: str, **options: Any) -> Any:
    return ask(provider("openrouter", server.url, **options), shape)


def answered(server: LoopbackServer, shape: str) -> None:
    server.answer(bodies.STREAM["openrouter"] if "stream" in shape else bodies.CHAT)


def test_a_fault_that_passes_is_retried() -> None:
    lost = [LLMConnectionError("x"), LLMTimeoutError("x"), LLMStreamError("cut")]
    for error in (*map(failing, PASSING), *lost):
        assert STEADY.wait_before(1, error) == 2.0, repr(error)


def test_what_would_fail_again_is_not_retried() -> None:
    final = [
        LLMRateLimitError("x", status_code=429, code="insufficient_quota"),
        LLMStreamError("x", status_code=429, code="insufficient_quota"),
        LLMStreamError("x", code="some_refusal"),
        LLMStreamError("x", status_code=400),
        LLMInvalidRequestError("refused before it was sent"),
    ]
    for error in (*map(failing, FINAL), *final):
        assert STEADY.wait_before(1, error) is None, repr(error)


def test_each_wait_is_twice_the_one_before_and_the_tries_end() -> None:
    assert [STEADY.wait_before(n, failing(500)) for n in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, None]
    assert [RetryPolicy(5, 0.5, 0).wait_before(n, failing(500)) for n in (1, 2, 5, 6)] == [0.5, 1.0, 8.0, None]
    assert RetryPolicy(0).wait_before(1, failing(500)) is None
    assert RetryPolicy(9, 100, 0).wait_before(9, failing(500)) == 120.0


def test_jitter_only_adds_and_keeps_to_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn, wait in ((0.0, 2.0), (1.0, 2.5)):
        monkeypatch.setattr("llmlab._utils.clock.random.random", lambda drawn=drawn: drawn)
        assert RetryPolicy().wait_before(1, failing(500)) == wait


def test_a_service_that_says_how_long_is_believed_up_to_a_limit() -> None:
    assert STEADY.wait_before(1, failing(429, retry_after=0.0)) == 0.0
    assert STEADY.wait_before(3, failing(429, retry_after=33.0)) == 33.0
    assert STEADY.wait_before(1, failing(429, retry_after=121.0)) is None
    assert STEADY.wait_before(1, failing(400, retry_after=1.0)) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": formatdate(1_000_010, usegmt=True)}, 10.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_every_form_of_retry_after_is_read(
    headers: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_that_passes_is_not_seen_by_the_caller(shape: str, server: LoopbackServer, slept: list[float]) -> None:
    server.answer({"error": {"message": "busy"}}, 503)
    server.answer({"error": {"message": "slow"}}, 429, headers={"retry-after": "7"})
    answered(server, shape)
    assert chat(server, shape).content == bodies.TEXT
    assert len(server.seen) == 3
    assert server.seen[0].body == server.seen[2].body
    assert 2.0 <= slept[0] <= 2.5
    assert slept[1:] == [7.0]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_that_stays_is_reported_after_the_last_try(
    shape: str, server: LoopbackServer, slept: list[float]
) -> None:
    server.answer({"error": {"message": "busy"}}, 500)
    with pytest.raises(LLMAPIError, match="busy"):
        chat(server, shape, max_retries=2, retry_delay=0.5)
    assert len(server.seen) == 3
    assert [0.5 <= slept[0] <= 0.625, 1.0 <= slept[1] <= 1.25, len(slept)] == [True, True, 2]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_used_up_quota_is_not_tried_again(shape: str, server: LoopbackServer, slept: list[float]) -> None:
    server.answer({"error": {"message": "pay", "code": "insufficient_quota"}}, 429)
    with pytest.raises(LLMRateLimitError):
        chat(server, shape)
    assert (len(server.seen), slept) == (1, [])


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_inside_a_200_is_retried_like_any_other(
    shape: str, server: LoopbackServer, slept: list[float]
) -> None:
    server.answer({"error": {"message": "busy", "code": 502}})
    answered(server, shape)
    assert chat(server, shape).content == bodies.TEXT
    assert len(slept) == 1


STREAMS = [shape for shape in SHAPES if "stream" in shape]
OVERLOADED = {"error": {"message": "overloaded", "code": 529}}


@pytest.mark.parametrize(
    ("broken", "shape"),
    spread(
        [bodies.sse([OVERLOADED]), bodies.sse([bodies.chat_piece(""), OVERLOADED]), "", "data: {oops}\n\n"], STREAMS
    ),
)
def test_a_stream_that_breaks_before_its_first_piece_is_tried_again(
    shape: str, broken: str, server: LoopbackServer, slept: list[float]
) -> None:
    server.answer(broken)
    answered(server, shape)
    assert chat(server, shape).content == bodies.TEXT
    assert (len(server.seen), len(slept)) == (2, 1)


@pytest.mark.parametrize(
    ("rest", "piece", "shape"), spread([bodies.sse([OVERLOADED]), "data: {oops}\n\n", ""], [0, 7], STREAMS)
)
def test_a_stream_is_never_tried_again_after_its_first_piece(
    shape: str, rest: str, piece: int, server: LoopbackServer, slept: list[float]
) -> None:
    """Not even when the error came in the same packet as the first piece: what was shown is never taken back."""
    server.answer(bodies.sse([bodies.chat_piece("Hel"), bodies.chat_piece("lo")]) + rest, piece=piece)
    with pytest.raises(LLMStreamError) as caught:
        chat(server, shape)
    assert caught.value.partial == "Hello"
    assert (len(server.seen), slept) == (1, [])


def test_each_retry_is_logged_with_its_reason(
    server: LoopbackServer, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer({"error": {"message": "busy"}}, 503)
    server.answer(bodies.CHAT)
    with caplog.at_level(logging.WARNING, "llmlab"):
        chat(server, "complete")
    (record,) = caplog.records
    assert record.message.startswith("retry 1 of 3 in 2.")
    assert "LLMAPIError: openrouter answered 503: busy." in record.message
