"""Errors. If one fails, a user sees a key on screen, or an error that does not say what to do next."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import traceback
from typing import Any

import pytest

from llmlab import errors
from llmlab.errors import (
    LLMAPIError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    MissingAPIKeyError,
    ModelNotFoundError,
    UnsupportedProviderError,
)
from llmlab.formats.errors import to_error
from llmlab.types.completion import Usage
from tests.core.trying import spread

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, LLMError)]
PLAIN = [kind for kind in KINDS if kind not in (MissingAPIKeyError, UnsupportedProviderError, ModelNotFoundError)]
KEY = "k3y-of-no-known-form"


def drawn_tree() -> dict[str, str]:
    """The parent of each error, as the docstring of the module draws it."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^([ │]*)(?:├── |└── )?(LLMError|\w+Error)\b", line):
            depth = line.index(found.group(2)) // 4 - 1
            above[depth] = found.group(2)
            if depth:
                parents[found.group(2)] = above[depth - 1]
    return parents


def test_the_tree_is_as_drawn() -> None:
    """Who catches a parent by the drawing must catch its children."""
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in KINDS if kind is not LLMError}
    assert drawn_tree() == real
    assert len(real) >= 14


def test_every_error_is_explained() -> None:
    assert all(kind.__doc__ for kind in KINDS)


def test_every_error_keeps_its_details() -> None:
    details: dict[str, Any] = {
        "provider": "p",
        "status_code": 418,
        "request_id": "req_1",
        "code": "teapot",
        "retry_after": 1.5,
        "partial": "Hel",
        "usage": Usage(1, 2, 3),
    }
    for kind in PLAIN:
        error = kind("It is a teapot.", **details)
        assert {name: getattr(error, name) for name in details} == details
        assert error.message == str(error) == "It is a teapot."


def every_error(message: str, **details: Any) -> list[LLMError]:
    return [
        *(kind(message, **details) for kind in PLAIN),
        ModelNotFoundError(message, model="m", available=["m1"], **details),
    ]


def test_a_known_key_is_nowhere_in_an_error() -> None:
    for error in every_error(f"bad key {KEY}", code=f"bad_{KEY}", secrets=[KEY]):
        shown = "".join(traceback.format_exception(error))
        assert KEY not in "".join([str(error), repr(error), repr(error.args), repr(vars(error)), shown])
        assert "[redacted]" in str(error)


@pytest.mark.parametrize(
    ("shape", "said"),
    spread(
        ["openai", "anthropic", "ollama", "detail", "text"],
        [
            "Incorrect API key provided: sk-proj-abc123def456ghi789. You can find your key at …",
            "Incorrect API key provided: sk-pr*************************i789.",
            "Incorrect API key provided: ab…yz",
            "invalid x-api-key: sk-ant-api03-AbCdEf123456",
            "No auth for Bearer sk-or-v1-0123456789abcdef",
        ],
    ),
)
def test_a_vendor_that_repeats_the_key_does_not_show_it(said: str, shape: str) -> None:
    body: object = {
        "openai": {"error": {"message": said, "code": "invalid_api_key"}},
        "anthropic": {"type": "error", "error": {"type": "authentication_error", "message": said}},
        "ollama": {"error": said},
        "detail": {"detail": [{"msg": said}]},
        "text": said,
    }[shape]
    error = to_error(401, {}, body, provider="p")
    shown = "".join([*traceback.format_exception(error), repr(error.args), repr(vars(error))])
    for part in ("abc123", "i789", "yz", "api03", "01234567", "sk-"):
        assert part not in shown
    assert "[redacted]" in shown


def test_a_missing_key_says_how_to_get_and_set_it_and_that_offline_needs_none() -> None:
    error = MissingAPIKeyError("openai", "OPENAI_API_KEY", get_one_at="https://keys.example")
    for part in ("https://keys.example", "OPENAI_API_KEY=", ".env", "environment variable", "%load_ext llmlab"):
        assert part in error.message
    assert (error.provider, error.variable) == ("openai", "OPENAI_API_KEY")
    assert "Get one from the provider" in MissingAPIKeyError("p", "K").message


def test_an_unknown_provider_lists_the_known_and_the_nearest() -> None:
    error = UnsupportedProviderError("opnai", ("openai", "ollama"))
    assert "Did you mean 'openai'? Known providers: openai, ollama." in error.message
    assert error.known == ("openai", "ollama")
    assert "Did you mean" not in UnsupportedProviderError("zzz", ("openai",)).message


def test_a_retired_model_lists_the_others_closest_first() -> None:
    bare = ModelNotFoundError("gone", model="gpt-6-luma", provider="openai", status_code=404, code="c", request_id="r")
    error = bare.with_models(["zeta", "gpt-5", "gpt-6-luna", *(f"other-{n}" for n in range(9))])
    assert error.available[:2] == ("gpt-6-luna", "gpt-5")
    assert "closest first: gpt-6-luna, gpt-5" in error.message
    assert "and 4 more" in error.message
    assert (error.provider, error.status_code, error.code, error.request_id) == ("openai", 404, "c", "r")
    assert bare.message == "gone"


@pytest.mark.parametrize(
    ("status", "body", "kind", "step"),
    [
        (401, {"error": {"message": "no"}}, errors.LLMAuthenticationError, "Check the key in .env"),
        (403, {"error": {"message": "no"}}, errors.LLMAuthenticationError, "Check the key in .env"),
        (400, {"error": {"message": "no"}}, LLMInvalidRequestError, "Change the request"),
        (404, {"error": {"message": "no such path"}}, LLMInvalidRequestError, "Are the ids and the base URL right?"),
        (413, {"error": {"message": "no"}}, LLMInvalidRequestError, "Change the request"),
        (422, {"detail": [{"msg": "field required"}]}, LLMInvalidRequestError, "Change the request"),
        (404, {"error": "model 'm' not found"}, ModelNotFoundError, "model 'm' not found"),
        (400, {"error": {"message": "no", "code": "model_not_found"}}, ModelNotFoundError, "no"),
        (429, {"error": {"message": "slow"}}, LLMRateLimitError, "Wait a little, then try again."),
        (429, {"error": {"message": "no", "code": "insufficient_quota"}}, LLMRateLimitError, "the billing"),
        (402, {"error": {"message": "no", "code": 402}}, LLMAPIError, "Add credit"),
        (500, "<html>oops</html>", LLMAPIError, "<html>oops</html>. The fault is the service's; try again later."),
        (500, None, LLMAPIError, "no reason was given"),
        (529, {"error": {"type": "overloaded_error"}}, LLMAPIError, "overloaded_error. The fault is the service's"),
        (
            502,
            {"error": {"message": "up", "metadata": {"raw": "upstream said no"}}},
            LLMAPIError,
            "up: upstream said no",
        ),
    ],
)
def test_an_error_has_the_right_kind_the_vendors_words_and_the_next_step(
    status: int, body: object, kind: type[LLMError], step: str
) -> None:
    error = to_error(status, {"x-request-id": "req_1"}, body, provider="p", model="m")
    assert type(error) is kind
    assert error.message.startswith(f"p answered {status}: ")
    assert step in error.message
    assert (error.provider, error.status_code, error.request_id) == ("p", status, "req_1")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ({"error": {"message": "late", "code": 429}}, LLMRateLimitError, 429),
        ({"choices": [{"error": {"message": "late", "code": 502}}]}, LLMAPIError, 502),
        ({"type": "error", "error": {"message": "late", "type": "overloaded_error"}}, LLMAPIError, 529),
        ({"error": {"message": "late"}}, LLMAPIError, 200),
    ],
)
def test_an_error_inside_a_200_has_the_status_that_it_stands_for(
    body: object, kind: type[LLMError], status: int
) -> None:
    """Else it would not be retried where the same error with its own status is."""
    error = to_error(200, {}, body, provider="p")
    assert (type(error), error.status_code) == (kind, status)
    assert error.message.startswith("p answered 200: late.")


def test_a_wrong_path_is_not_taken_for_a_missing_model() -> None:
    """A list of models that is not there must not be explained by a list of models."""
    assert type(to_error(404, {}, "no route /v1/models", provider="p")) is LLMInvalidRequestError


def test_an_error_travels_between_processes() -> None:
    """Else a worker process that fails takes its whole pool with it."""
    for error in (*every_error("m", provider="p"), MissingAPIKeyError("p", "K")):
        for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(copied) is type(error)
            assert (str(copied), vars(copied)) == (str(error), vars(error))


def test_a_broken_stream_keeps_what_arrived() -> None:
    error = LLMStreamError("cut", partial="Hel", usage=Usage(1, 2, 3))
    assert (error.partial, error.usage) == ("Hel", Usage(1, 2, 3))
