"""What the ledger records of a call. If one fails, somebody's calls are not counted, or counted wrong."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

import llmlab
from llmlab.errors import LLMAPIError, LLMError, LLMRateLimitError, LLMStreamError
from llmlab.policies import Attempt, Cache
from llmlab.policies.ledger import AttemptRecord, CallRecord, Ledger
from llmlab.types.completion import Usage
from tests.core.trying import NAMES, SHAPES, ask
from tests.ledger.records import answer, call


@pytest.fixture
def own() -> Iterator[Ledger]:
    """The ledger of this process, empty, and the tape without pauses."""
    llmlab.start("offline", lesson=None, pace=0)
    ledger = llmlab.ledger()
    ledger.clear()
    yield ledger
    llmlab.ledger(content=False).clear()
    llmlab.stop()


def recorded(*arguments: Any, **options: Any) -> CallRecord:
    ledger = Ledger(**options)
    ledger.note(*arguments)
    return next(iter(ledger))


@pytest.mark.parametrize(("name", "shape"), [*zip(NAMES, [*SHAPES, *SHAPES], strict=False)])
def test_every_call_is_counted_in_every_shape(own: Ledger, name: str, shape: str) -> None:
    result = ask(llmlab.get_provider(name), shape, "Why is the sky blue?")
    (one,) = own
    assert (one.provider, one.model, one.source, one.error) == (name, result.model, "simulated", "")
    assert one.shape == ("stream" if "stream" in shape else "whole")
    assert (one.input_tokens, one.output_tokens) == (result.usage.input_tokens, result.usage.output_tokens)
    assert (one.latency, one.finish_reason) == (result.latency, "stop")
    assert (one.time_to_first_token is not None) == ("stream" in shape)
    assert len(one.attempts) == 1
    assert (one.prompt, one.answer) == ("", "")


@pytest.mark.parametrize("shape", SHAPES)
def test_attempts_and_failures_belong_to_their_call(own: Ledger, shape: str) -> None:
    """Calls alone do not show why a rate limit is used up."""
    with llmlab.faults("rate_limit", times=2, retry_after=3):
        ask(llmlab.get_provider("openai"), shape)
    with llmlab.faults("server_error"), suppress(LLMError):
        ask(llmlab.get_provider("openai", max_retries=1), shape)
    answered, failed = own
    assert [one.error for one in answered.attempts] == ["LLMRateLimitError", "LLMRateLimitError", ""]
    assert [round(one.wait) for one in answered.attempts] == [0, 3, 3]
    assert answered.error == ""
    assert (failed.error, failed.source, len(failed.attempts)) == ("LLMAPIError", "", 2)
    assert own.total().failed == 1


def test_streams_that_do_not_end_are_counted_once(own: Ledger) -> None:
    """A stream that was left would look like an answer without words."""
    with llmlab.faults("cut_stream", after=10), pytest.raises(LLMStreamError):
        for _ in llmlab.get_provider("openai").complete_stream("Write a haiku about the sea."):
            pass
    for _ in llmlab.get_provider("anthropic").complete_stream("Write a haiku about the sea."):
        break
    gc.collect()
    assert [(one.error, one.source) for one in own] == [("LLMStreamError", "simulated"), ("cancelled", "simulated")]


def test_an_answer_from_a_cache_was_neither_sent_nor_paid(own: Ledger) -> None:
    llm = llmlab.get_provider("openai", policies=[Cache()])
    for _ in range(3):
        llm.complete("Hi")
    assert [one.source for one in own] == ["simulated", "cached", "cached"]
    total = own.total()
    assert (total.calls, total.from_cache, total.attempts) == (3, 2, 1)
    assert total.input_tokens == next(iter(own)).input_tokens


def test_fields_come_from_call_and_answer() -> None:
    usage = Usage(10, 20, 30, cached_tokens=4, reasoning_tokens=5, cost=0.5)
    done = answer(model="gpt-6-luna-2026-06-01", usage=usage, source="recorded", time_to_first_token=0.2)
    one = recorded(call(stream=True, headers={"x-request-id": "req_7"}), done, None)
    assert (one.model, one.asked_model, one.request_id) == ("gpt-6-luna-2026-06-01", "gpt-6-luna", "req_7")
    assert one[7:13] == (10, 20, 4, 5, 0.5, "service")
    assert one.tokens_per_second == pytest.approx(25)
    assert abs(one.time - time.time()) < 60


def test_a_failed_call_keeps_its_error_and_the_identifier_for_the_service() -> None:
    """A service's support asks for the identifier first."""
    error = LLMAPIError("broken", request_id="req_9")
    one = recorded(call(), None, error)
    assert (one.request_id, one.error, one.latency) == ("req_9", "LLMAPIError", 0.5)
    assert recorded(call(headers={"request-id": "req_8"}), None, error).request_id == "req_8"
    assert recorded(call(), None, None).error == "cancelled"


def test_waits_are_those_between_attempts() -> None:
    limit = LLMRateLimitError("slow down")
    attempts = Attempt(5.0, 5.5, 0.5, limit), Attempt(7.5, 7.75, 0.25, limit), Attempt(8.75, 8.75, 1.0)
    assert recorded(call(*attempts), answer(), None).attempts == (
        AttemptRecord(0.0, 0.5, "LLMRateLimitError"),
        AttemptRecord(2.0, 0.25, "LLMRateLimitError"),
        AttemptRecord(1.0, 1.0, ""),
    )


def test_content_is_stored_on_request_only_and_never_a_key(own: Ledger) -> None:
    key = "sk-proj-" + "abc123DEF456" * 2
    secret = call(prompt=f"My key is {key}"), answer(content=f"Your key is {key}"), None
    assert recorded(*secret)[19:] == ("", "")
    one = recorded(*secret, content=True)
    assert "My key is" in one.prompt
    assert "Your key is" in one.answer
    assert key not in one.prompt + one.answer
    llm = llmlab.get_provider("openai")
    for content in (None, True, False):
        llmlab.ledger(content=content)
        llm.complete("Hi")
    assert [bool(one.prompt) for one in own] == [False, True, False]


def test_the_ledger_is_bounded() -> None:
    """A service that runs for weeks must not fill its memory."""
    ledger = Ledger(max_records=10)
    for number in range(25):
        ledger.note(call(headers={"x-request-id": str(number)}), answer(), None)
    assert [one.request_id for one in ledger] == [str(number) for number in range(15, 25)]
    ledger.clear()
    assert len(ledger) == 0


def test_a_record_holds_no_error() -> None:
    """The errors of attempts hold whole call stacks; a hundred thousand of them would fill the memory."""
    ledger, made, error = Ledger(), call(), LLMAPIError("broken")
    made.attempts.append(Attempt(made.started, made.started, 0.5, error))
    watched = weakref.ref(error)
    ledger.note(made, None, error)
    del made, error
    gc.collect()
    assert watched() is None


def test_threads_share_one_ledger_and_lose_no_record(own: Ledger) -> None:
    over = threading.Event()

    def write(_: int) -> None:
        for _ in range(200):
            llmlab.ledger().note(call(), answer(), None)

    def look() -> None:
        while not over.is_set():
            own.total()

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    over.set()
    looking.join()
    assert len(own) == 800


def test_sections_name_the_purpose_of_calls() -> None:
    ledger = Ledger()
    with ledger.section("draft"):
        ledger.note(call(), answer(), None)
        with ledger.section("check"):
            ledger.note(call(), answer(), None)
    ledger.note(call(), answer(), None)
    assert [one.section for one in ledger] == ["draft", "check", ""]
    assert list(ledger.table("section").lines) == ["draft", "check", "no section"]
