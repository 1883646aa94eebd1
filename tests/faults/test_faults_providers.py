"""Every fault, every call shape, five providers. If one fails, a lesson ends in a traceback that nobody can read."""

from __future__ import annotations

import pytest

import llmlab
from llmlab.errors import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMConnectionError,
    LLMError,
    LLMInvalidRequestError,
    LLMRateLimitError,
    LLMStreamError,
    LLMTimeoutError,
    ModelNotFoundError,
)
from llmlab.types.completion import Completion
from tests.faults.asking import SHAPES, STREAMS, asked

PROVIDERS = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")
pytestmark = pytest.mark.usefixtures("no_socket", "no_sleep")

REFUSED: dict[str, tuple[type[LLMError], dict[str, int], bool]] = {
    # fault: the error, its status by service (else that of ""), and whether it is worth another try
    "unauthorized": (LLMAuthenticationError, {"": 401}, False),
    "forbidden": (LLMAuthenticationError, {"": 403}, False),
    "not_found": (ModelNotFoundError, {"": 404, "openrouter": 400}, False),
    "rate_limit": (LLMRateLimitError, {"": 429}, True),
    "server_error": (LLMAPIError, {"": 500}, True),
}
SILENT: dict[str, type[LLMError]] = {
    "timeout": LLMTimeoutError,
    "connect_refused": LLMConnectionError,
    "dns": LLMConnectionError,
}
HARMLESS = ("wrong_content_type", "slow_first_token", "slow_chunks", "duplicate_usage", "split_utf8")


def failure(provider: str, shape: str, fault: str) -> tuple[LLMError, int]:
    """Ask while a fault lasts; return the error, and how many attempts were made."""
    llmlab.start("offline")
    with llmlab.get_provider(provider) as llm, llmlab.faults(fault) as broken, pytest.raises(LLMError) as caught:
        asked(llm, shape)
    return caught.value, broken.injected


def test_every_fault_is_tried_here() -> None:
    here = {*REFUSED, *SILENT, *HARMLESS, "quota", "overloaded", "cut_stream", "malformed_json", "empty_stream"}
    assert here == set(llmlab.faults.kinds())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", REFUSED)
def test_a_refusal_is_the_error_of_its_kind(fault: str, provider: str, shape: str) -> None:
    error, attempts = failure(provider, shape, fault)
    kind, statuses, passing = REFUSED[fault]
    assert type(error) is kind
    assert error.status_code == statuses.get(provider, statuses[""])
    assert error.provider == provider
    assert attempts == (4 if passing else 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", SILENT)
def test_silence_is_a_connection_error(fault: str, provider: str, shape: str) -> None:
    error, attempts = failure(provider, shape, fault)
    assert type(error) is SILENT[fault]
    assert (error.status_code, attempts) == (None, 4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("provider", "kind", "status"),
    [
        ("openai", LLMRateLimitError, 429),
        ("anthropic", LLMInvalidRequestError, 400),
        ("openrouter", LLMAPIError, 402),
        ("ollama", LLMAPIError, 402),
        ("local_gpt_oss", LLMAPIError, 402),
    ],
)
def test_used_up_credit_is_not_asked_for_again(provider: str, kind: type[LLMError], status: int, shape: str) -> None:
    """A retry would only take the learner's time."""
    error, attempts = failure(provider, shape, "quota")
    assert (type(error), error.status_code, attempts) == (kind, status, 1)


@pytest.mark.parametrize("shape", ["whole", "async"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_overloaded_service_refuses(provider: str, shape: str) -> None:
    error, attempts = failure(provider, shape, "overloaded")
    assert type(error) is LLMAPIError
    assert (error.status_code, attempts) == (529 if provider == "anthropic" else 503, 4)


@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["overloaded", "cut_stream", "malformed_json"])
def test_a_broken_stream_keeps_what_had_arrived(fault: str, provider: str, shape: str) -> None:
    error, attempts = failure(provider, shape, fault)
    assert type(error) is LLMStreamError
    assert attempts == 1
    assert llmlab.trace().last.status == 200
    whole = asked(llmlab.get_provider(provider), "whole").content
    assert error.partial
    assert whole.startswith(error.partial)
    assert error.partial != whole


@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        *((provider, fault) for provider in ("openai", "anthropic") for fault in ("overloaded", "cut_stream;after=2")),
        *((provider, fault) for provider in PROVIDERS for fault in ("cut_stream;after=0", "empty_stream")),
    ],
)
def test_a_stream_that_breaks_before_its_first_word_is_tried_again(provider: str, fault: str, shape: str) -> None:
    llmlab.start("offline")
    takes = {"after": 1} if fault == "overloaded" else {}
    with llmlab.get_provider(provider) as llm, llmlab.faults(fault, times=1, **takes) as broken:
        assert asked(llm, shape).content
    assert broken.injected == 1


@pytest.mark.parametrize("shape", ["whole", "async"])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fault", "kind", "attempts"),
    [("cut_stream", LLMConnectionError, 4), ("malformed_json", LLMAPIError, 1), ("empty_stream", LLMAPIError, 1)],
)
def test_a_broken_answer_is_no_answer(
    fault: str, kind: type[LLMError], attempts: int, provider: str, shape: str
) -> None:
    error, made = failure(provider, shape, fault)
    assert (type(error), made) == (kind, attempts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", HARMLESS)
def test_what_is_only_odd_changes_no_answer(fault: str, provider: str, shape: str) -> None:
    """A character torn in two, counts that come twice: the words and the tokens must be the same."""
    llmlab.start("offline")
    with llmlab.get_provider(provider) as llm:
        expected = asked(llm, shape)
        with llmlab.faults(fault) as odd:
            found = asked(llm, shape)
    assert isinstance(found, Completion)
    assert (found.content, found.usage, found.finish_reason) == (
        expected.content,
        expected.usage,
        expected.finish_reason,
    )
    assert "é" in found.content
    assert odd.injected == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_slower_than_the_client_is_patient_is_a_timeout(shape: str) -> None:
    llmlab.start("offline")
    with llmlab.get_provider("openai", timeout=4, max_retries=0) as llm:
        with llmlab.faults("slow_first_token", seconds=3):
            assert asked(llm, shape).content
        slow = llmlab.faults("slow_first_token", seconds=30)
        with slow, pytest.raises(LLMStreamError if shape in STREAMS else LLMTimeoutError):
            asked(llm, shape)
    assert llmlab.trace().last.seconds == 4


def test_a_late_first_word_is_seen_in_the_answers_own_clock() -> None:
    llmlab.start("offline")
    with llmlab.get_provider("ollama") as llm:
        before = asked(llm, "stream")
        with llmlab.faults("slow_first_token", seconds=7):
            after = asked(llm, "stream")
    assert before.time_to_first_token is not None
    assert after.time_to_first_token == pytest.approx(before.time_to_first_token + 7)


def test_a_retired_model_tells_which_ones_there_are() -> None:
    llmlab.start("offline")
    with llmlab.faults("not_found"), pytest.raises(ModelNotFoundError) as caught:
        llmlab.get_provider("openai").complete("Hi")
    assert "deprecated" in caught.value.message
    assert "gpt-6-sol" in caught.value.available
