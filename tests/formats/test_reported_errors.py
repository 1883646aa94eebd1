"""Errors in the shapes that people met. If one fails, the reason is lost, or a call that cannot succeed is retried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from llmlab.errors import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    ModelNotFoundError,
)
from llmlab.formats import FORMATS
from llmlab.formats.errors import find_problem, to_error
from llmlab.policies.retry import is_passing
from tests.core import bodies

DATE = {"date": "Sat, 28 Nov 2026 10:00:00 GMT"}
SHAPES: list[tuple[Any, str, Any]] = [
    ({"error": {"message": "no", "type": "t", "code": "c"}}, "no", "c"),
    ({"error": {"message": "no \ud83d", "code": 429}}, "no \ufffd", 429),
    ({"error": {"message": "no", "code": "429"}}, "no", "429"),
    ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "no", 400),
    ({"message": "no", "type": "t", "param": None, "code": "c"}, "no", "c"),
    ({"code": 401, "msg": "no", "data": None, "success": False}, "no", 401),
    ({"statusCode": 404, "message": "no"}, "no", 404),
    ([{"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}], "no", 503),
    ({"error": [{"message": "no"}, "never"]}, "no; never", None),
    ({"errors": [{"code": 10000, "message": "no"}], "success": False}, "no", None),
    ({"detail": [{"loc": ["body"], "msg": "no"}]}, "no", None),
    ({"detail": {"error": {"message": "no"}}}, "no", None),
    ({"title": "Bad", "detail": "no", "status": 400}, "no", None),
    ({"error": "no", "code": "c"}, "no", "c"),
    ({"error": "Not Found", "status": 404, "message": "no"}, "Not Found: no", None),
    ({"error": True, "message": "no"}, "no", None),
    ({"error": '{"error": {"message": "no"}}'}, "no", None),
    ({"error": {"error": {"message": "no"}}}, "no", None),
    ({"choices": [{"index": 0}, {"error": {"message": "no", "code": 502}}]}, "no", 502),
    ({"error": {"message": "no", "code": 400, "metadata": {"raw": "why"}}}, "no: why", 400),
    ({"error": {"message": "no", "metadata": {"raw": {"message": "why", "code": 1}}}}, "no: why", None),
    ({"error": {"message": "no", "metadata": {"raw": '{"error": {"message": "why"}}'}}}, "no: why", None),
    ({"error": {"message": "no", "metadata": {"raw": "{oops"}}}, "no: {oops", None),
]


def test_an_error_is_found_in_every_shape(subtests: pytest.Subtests) -> None:
    for body, message, code in SHAPES:
        with subtests.test(body=body):
            problem = find_problem(body)
            assert problem
            assert (problem.message, problem.code) == (message, code)


NOTHING: list[Any] = [
    *({"choices": [{"message": {"content": "Hi"}}], "error": empty} for empty in (None, {}, "", [], False)),
    {"choices": [{}], "error": {"message": "", "type": "", "param": "", "code": None}},
    {"choices": [{"error": None}], "message": "made by a gateway"},
    {"output": [{}], "error": {"code": None, "details": {}}, "message": "fine"},
    {"message": {"role": "assistant", "content": "error"}, "done": True},
    {"id": "batch_1", "object": "batch", "errors": {"object": "list", "data": [{"message": "line 1"}]}},
    *bodies.WHOLE.values(),
    "error",
    None,
    7,
    [],
]


def test_no_error_is_found_in_a_good_answer(subtests: pytest.Subtests) -> None:
    for body in NOTHING:
        with subtests.test(body=body):
            assert find_problem(body) is None


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_in_a_stream_is_one_in_every_shape(name: str, subtests: pytest.Subtests) -> None:
    for body, message, _ in SHAPES:
        if isinstance(body, dict) and "choices" not in body:
            with subtests.test(body=body), pytest.raises(LLMError, match=message.replace("{", r"\{")):
                FORMATS[name].stream().feed(body)


def error(status: int, body: Any, headers: Mapping[str, str] = {}, model: str = "m") -> LLMError:
    return to_error(status, headers, body, provider="p", model=model)


def said(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


KINDS: list[tuple[int, Any, type[LLMError], str]] = [
    (
        404,
        said("No endpoints found matching your data policy (Free model training)."),
        LLMInvalidRequestError,
        "policy",
    ),
    (404, said("No allowed providers are available for the selected model."), LLMInvalidRequestError, "providers"),
    (404, said("No endpoints found that support tool use with this model"), LLMInvalidRequestError, "tool use"),
    (404, said("No endpoints found for a/b, a model"), ModelNotFoundError, "a/b"),
    (404, said("The model `x` does not exist or you do not have access to it."), ModelNotFoundError, "access"),
    (
        400,
        said("Your credit balance is too low to access the Anthropic API."),
        LLMRateLimitError,
        "billing of the account",
    ),
    (403, said("Insufficient balance"), LLMRateLimitError, "billing of the account"),
    (400, said("Billing hard limit has been reached"), LLMRateLimitError, "billing of the account"),
    (
        401,
        {"error": "unauthorized", "signin_url": "https://o.example/connect?name=h"},
        LLMAuthenticationError,
        "connect.name=h",
    ),
    (
        401,
        {"error": "unauthorized", "signin_url": "https://o.example/connect"},
        LLMAuthenticationError,
        "ollama signin",
    ),
    (520, "<html><head><title>520: unknown</title></head><style>p{}</style></html>", LLMAPIError, "title 520: unknown"),
    (502, "", LLMAPIError, "no reason was given"),
    (400, {"oddly": ["shaped"]}, LLMInvalidRequestError, r'\{"oddly": \["shaped"\]\}'),
    (200, said("slow down", code=429), LLMRateLimitError, "slow down"),
    (200, said("slow down", code="429"), LLMRateLimitError, "slow down"),
]


@pytest.mark.parametrize(("status", "body", "kind", "words"), KINDS)
def test_an_error_is_of_the_kind_that_helps(status: int, body: Any, kind: type[LLMError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        raise error(status, body)
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_names_the_new_address(status: int) -> None:
    moved = error(status, "", {"location": "https://new.example/v1"})
    assert moved.message == (
        f"p answered {status}: the address has moved to https://new.example/v1. Set base_url to the new address."
    )
    assert not is_passing(moved)


@pytest.mark.parametrize("status", range(500, 600))
def test_every_failure_of_a_server_passes_but_a_method_that_it_has_not(status: int) -> None:
    """Proxies have their own: 520 to 530 are Cloudflare's, 529 is Anthropic's too, 598 and 599 are others'."""
    assert is_passing(error(status, "")) is (status != 501)


@pytest.mark.parametrize(
    ("status", "passes"), [(408, True), (409, True), (429, True), (400, False), (404, False), (501, False)]
)
def test_what_the_service_says_about_a_retry_counts(status: int, passes: bool) -> None:
    assert is_passing(error(status, "")) is passes
    for word, again in (("true", True), ("false", False), ("maybe", passes)):
        assert is_passing(error(status, "", {"x-should-retry": word})) is again


DAILY: list[tuple[Any, Mapping[str, str], float | None, str]] = [
    (
        said(
            "Rate limit exceeded: free-models-per-day",
            metadata={"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795910400000"}},
        ),
        DATE,
        14 * 3600,
        "ends at 2026-11-29 00:00 UTC",
    ),
    (
        said("Limit reached on tokens per day (TPD). Please try again in 1h2m3.5s."),
        DATE,
        3723.5,
        "2026-11-28 11:02 UTC",
    ),
    (
        said("You exceeded your quota", details=[{"quotaId": "RequestsPerDayPerModel"}, {"retryDelay": "27.5s"}]),
        {},
        27.5,
        "at midnight",
    ),
    (said("You have used up your daily limit"), {}, None, "at midnight"),
]


@pytest.mark.parametrize(("body", "headers", "wait", "words"), DAILY)
def test_the_quota_of_a_day_is_not_retried_and_says_when_it_ends(
    body: Any, headers: Mapping[str, str], wait: float | None, words: str
) -> None:
    """Three retries do not outlast a day, and "wait a little" is wrong."""
    daily = error(429, body, headers)
    assert isinstance(daily, LLMRateLimitError)
    assert daily.retry_after == wait
    assert words in daily.message
    assert not is_passing(daily)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 20s.", 20.0),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 1 minute 30 seconds.", 90.0),
        ("Please retry in 27.5s.", 27.5),
        ("Resource has been exhausted. (reset after 24h)", 86400.0),
        ("Try again in a moment.", None),
        ("try again in 1.2.3s", None),
    ],
)
def test_a_wait_in_words_is_read(message: str, seconds: float | None) -> None:
    assert error(429, said(message)).retry_after == seconds
    assert error(429, said(message), {"retry-after": "9"}).retry_after == 9.0


def test_the_wait_of_google_is_read() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "53s"}]
    assert error(429, [said("exhausted", code=429, details=details)]).retry_after == 53.0


def test_credit_that_is_used_up_is_not_retried() -> None:
    assert not is_passing(
        error(429, said("You exceeded your current quota, please check your plan and billing details."))
    )
    assert is_passing(error(429, said("You exceeded your current quota. Please retry in 27.5s.")))
