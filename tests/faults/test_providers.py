"""Every fault, every provider, every call shape. If one fails, a lesson ends in a traceback that nobody can read."""

from __future__ import annotations

import pytest

import llmlab
from llmlab.errors import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMConnectionError,
    LLMError,
    LLMRateLimitError,
    LLMStreamError,
    LLMTimeoutError,
    ModelNotFoundError,
)
from tests.faults.shapes import PROVIDERS, SHAPES, ask, pairs

pytestmark = pytest.mark.usefixtures("no_socket", "no_sleep")

Expected = tuple[type[LLMError], int | None, int]
"""The error, its status, and how many attempts were made."""
REFUSED: dict[str, Expected] = {
    "unauthorized": (LLMAuthenticationError, 401, 1),
    "forbidden": (LLMAuthenticationError, 403, 1),
    "not_found": (ModelNotFoundError, 404, 1),
    "rate_limit": (LLMRateLimitError, 429, 4),
    "server_error": (LLMAPIError, 500, 4),
    "quota": (LLMAPIError, 402, 1),
    "overloaded;after=0": (LLMAPIError, 503, 4),
    "timeout": (LLMTimeoutError, None, 4),
    "connect_refused": (LLMConnectionError, None, 4),
    "dns": (LLMConnectionError, None, 4),
}
OTHERWISE: dict[tuple[str, str], Expected] = {
    ("not_found", "openrouter"): (ModelNotFoundError, 400, 1),
    ("quota", "openai"): (LLMRateLimitError, 429, 1),
    ("quota", "anthropic"): (LLMRateLimitError, 400, 1),
    ("overloaded;after=0", "anthropic"): (LLMAPIError, 529, 4),
}
BROKEN: dict[str, Expected] = {
    "cut_stream": (LLMConnectionError, None, 4),
    "malformed_json": (LLMAPIError, 200, 1),
    "empty_stream": (LLMAPIError, 200, 1),
}
HARMLESS = ("wrong_content_type", "slow_first_token", "slow_chunks", "duplicate_usage", "split_utf8")


def failure(provider: str, shape: str, fault: str) -> tuple[LLMError, int]:
    """Ask while a fault lasts; return the error, and how many attempts were made."""
    llmlab.start("offline")
    with llmlab.get_provider(provider) as llm, llmlab.faults(fault) as broken, pytest.raises(LLMError) as caught:
        ask(llm, shape)
    return caught.value, broken.injected


def test_every_fault_is_tried_here() -> None:
    here = {fault.partition(";")[0] for fault in (*REFUSED, *BROKEN, *HARMLESS)}
    assert here == set(llmlab.faults.kinds())


@pytest.mark.parametrize(("number", "fault"), list(enumerate(REFUSED)), ids=REFUSED)
def test_no_answer_is_the_error_of_its_kind(number: int, fault: str) -> None:
    """A retry is made where it can help, and nowhere else: it would take the learner's time."""
    for provider, shape in pairs(number):
        error, attempts = failure(provider, shape, fault)
        expected = OTHERWISE.get((fault, provider), REFUSED[fault])
        assert (type(error), error.status_code, attempts, error.provider) == (*expected, provider), shape


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_an_error(fault: str) -> None:
    for number, provider in enumerate(PROVIDERS):
        error, attempts = failure(provider, ("whole", "async")[number % 2], fault)
        assert (type(error), attempts) == (BROKEN[fault][0], BROKEN[fault][2]), provider


@pytest.mark.parametrize("fault", ["overloaded", "cut_stream", "malformed_json"])
def test_a_broken_stream_keeps_what_had_arrived(fault: str) -> None:
    for number, provider in enumerate(PROVIDERS):
        error, attempts = failure(provider, ("stream", "async stream")[number % 2], fault)
        assert (type(error), attempts, llmlab.trace().last.status) == (LLMStreamError, 1, 200), provider
        whole = ask(llmlab.get_provider(provider), "whole").content
        assert isinstance(error, LLMStreamError)
        assert error.partial, provider
        assert whole.startswith(error.partial), provider
        assert error.partial != whole, provider


@pytest.mark.parametrize(
    ("fault", "providers"),
    [
        ("overloaded;after=1", ("openai", "anthropic")),
        ("cut_stream;after=2", ("openai", "anthropic")),
        ("cut_stream;after=0", PROVIDERS),
        ("empty_stream", PROVIDERS),
    ],
)
def test_a_stream_that_breaks_before_its_first_word_is_tried_again(fault: str, providers: tuple[str, ...]) -> None:
    llmlab.start("offline")
    for number, provider in enumerate(providers):
        with llmlab.get_provider(provider) as llm, llmlab.faults(fault, times=1) as broken:
            assert ask(llm, ("stream", "async stream")[number % 2]).content
        assert broken.injected == 1, provider


@pytest.mark.parametrize(("number", "fault"), list(enumerate(HARMLESS)), ids=HARMLESS)
def test_a_harmless_fault_changes_no_answer(number: int, fault: str) -> None:
    """A character in two pieces, counts that come twice: the words and the tokens must be the same."""
    llmlab.start("offline")
    for provider, shape in pairs(number):
        with llmlab.get_provider(provider) as llm:
            expected = ask(llm, shape)
            with llmlab.faults(fault) as odd:
                found = ask(llm, shape)
        assert (found.content, found.usage, found.finish_reason, odd.injected) == (
            *(expected.content, expected.usage, expected.finish_reason),
            1,
        ), (provider, shape)
        assert "é" in found.content


def test_a_first_word_after_the_clients_limit_is_a_timeout() -> None:
    llmlab.start("offline")
    with llmlab.get_provider("openai", timeout=4, max_retries=0) as llm:
        for shape in SHAPES:
            with llmlab.faults("slow_first_token", seconds=3):
                assert ask(llm, shape).content
            slow = llmlab.faults("slow_first_token", seconds=30)
            with slow, pytest.raises(LLMStreamError if "stream" in shape else LLMTimeoutError):
                ask(llm, shape)
            assert llmlab.trace().last.seconds == 4


def test_a_timeout_that_was_shortened_counts_against_the_deadline_of_the_whole_call() -> None:
    """Else a failover seems to keep its 20 seconds here, and needs 40 of them with the real services."""
    llmlab.start("offline")
    silent = llmlab.faults("slow_first_token", seconds=25)
    both = llmlab.Failover([llmlab.get_provider(name, max_retries=0) for name in ("openai", "ollama")])
    with both, silent, pytest.raises(LLMTimeoutError):
        both.complete("Hi", deadline=20)
    assert silent.injected == 1


def test_a_late_first_word_is_seen_in_the_answers_own_clock() -> None:
    llmlab.start("offline")
    with llmlab.get_provider("ollama") as llm:
        before = ask(llm, "stream")
        with llmlab.faults("slow_first_token", seconds=7):
            after = ask(llm, "stream")
    assert before.time_to_first_token is not None
    assert after.time_to_first_token == pytest.approx(before.time_to_first_token + 7)


def test_a_retired_model_names_the_models_there_are() -> None:
    llmlab.start("offline")
    with llmlab.faults("not_found"), pytest.raises(ModelNotFoundError) as caught:
        llmlab.get_provider("openai").complete("Hi")
    assert "deprecated" in caught.value.message
    assert "gpt-6-sol" in caught.value.available
