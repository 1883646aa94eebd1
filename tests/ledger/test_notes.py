"""What the ledger notes of a call. If one fails, somebody's calls are not counted, or counted wrong."""

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
from llmlab.policies import Attempt, Cache, ledger
from llmlab.policies.ledger import Book, Entry, Tried
from llmlab.policies.ledger.view import Ledger
from llmlab.types.completion import Usage
from tests.core.trying import NAMES, SHAPES, ask
from tests.ledger.making import answer, call


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger of this process that only this test writes into, and the tape at no pace."""
    monkeypatch.setattr(ledger, "_book", None)
    llmlab.start("offline", lesson=None, pace=0)
    yield llmlab.ledger()
    llmlab.stop()


def noted(*arguments: Any, **options: Any) -> Entry:
    ledger = Ledger(Book(**options))
    ledger.note(*arguments)
    return next(iter(ledger))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_call_is_counted_in_every_shape(own: Ledger, name: str, shape: str) -> None:
    result = ask(llmlab.get_provider(name), shape, "Why is the sky blue?")
    (line,) = own
    assert (line.provider, line.model, line.source, line.error) == (name, result.model, "simulated", "")
    assert line.shape == ("stream" if "stream" in shape else "whole")
    assert (line.input_tokens, line.output_tokens) == (result.usage.input_tokens, result.usage.output_tokens)
    assert (line.latency, line.finish_reason) == (result.latency, "stop")
    assert (line.time_to_first_token is not None) == ("stream" in shape)
    assert len(line.attempts) == 1
    assert (line.prompt, line.answer) == ("", "")


@pytest.mark.parametrize("shape", SHAPES)
def test_attempts_of_a_call_are_one_line_with_all_that_was_sent(own: Ledger, shape: str) -> None:
    """Who counts calls alone does not see why the rate limit is used up."""
    with llmlab.faults("rate_limit", times=2, retry_after=3):
        ask(llmlab.get_provider("openai"), shape)
    (line,) = own
    assert [one.error for one in line.attempts] == ["LLMRateLimitError", "LLMRateLimitError", ""]
    assert [round(one.wait) for one in line.attempts] == [0, 3, 3]
    assert line.error == ""


@pytest.mark.parametrize("shape", SHAPES)
def test_failed_call_is_counted_with_its_error(own: Ledger, shape: str) -> None:
    with llmlab.faults("server_error"), suppress(LLMError):
        ask(llmlab.get_provider("openai", max_retries=1), shape)
    (line,) = own
    assert (line.error, line.source, len(line.attempts)) == ("LLMAPIError", "", 2)
    assert own.total().failed == 1


def test_broken_stream_is_counted_with_what_came(own: Ledger) -> None:
    with llmlab.faults("cut_stream", after=10), pytest.raises(LLMStreamError):
        for _ in llmlab.get_provider("openai").complete_stream("Write a haiku about the sea."):
            pass
    (line,) = own
    assert (line.error, line.source) == ("LLMStreamError", "simulated")


def test_dropped_stream_is_counted_once(own: Ledger) -> None:
    for _ in llmlab.get_provider("anthropic").complete_stream("Write a haiku about the sea."):
        break
    gc.collect()
    (line,) = own
    assert line.error == "cancelled", "it would look like an answer without words"


def test_answer_from_a_cache_was_neither_sent_nor_paid(own: Ledger) -> None:
    llm = llmlab.get_provider("openai", policies=[Cache()])
    for _ in range(3):
        llm.complete("Hi")
    assert [line.source for line in own] == ["simulated", "cached", "cached"]
    total = own.total()
    assert (total.calls, total.from_cache, total.attempts) == (3, 2, 1)
    assert total.input_tokens == next(iter(own)).input_tokens


def test_fields_come_from_call_and_answer() -> None:
    usage = Usage(10, 20, 30, cached_tokens=4, reasoning_tokens=5, cost=0.5)
    done = answer(model="gpt-6-luna-2026-06-01", usage=usage, source="recorded", time_to_first_token=0.2)
    line = noted(call(stream=True, headers={"x-request-id": "req_7"}), done, None)
    assert (line.model, line.asked_model, line.request_id) == ("gpt-6-luna-2026-06-01", "gpt-6-luna", "req_7")
    assert line[7:13] == (10, 20, 4, 5, 0.5, "service")
    assert line.tokens_per_second == pytest.approx(25)
    assert abs(line.time - time.time()) < 60


def test_request_id_of_an_error_is_kept() -> None:
    """It is what a vendor's support asks for first."""
    error = LLMAPIError("broken", request_id="req_9")
    line = noted(call(), None, error)
    assert (line.request_id, line.error, line.latency) == ("req_9", "LLMAPIError", 0.5)
    assert noted(call(headers={"request-id": "req_8"}), None, error).request_id == "req_8"


def test_call_that_was_given_up_says_so() -> None:
    assert noted(call(), None, None).error == "cancelled"


def test_waits_are_those_between_attempts() -> None:
    limit = LLMRateLimitError("slow down")
    line = noted(
        call(Attempt(5.0, 5.5, 0.5, limit), Attempt(7.5, 7.75, 0.25, limit), Attempt(8.75, 8.75, 1.0)), answer(), None
    )
    assert line.attempts == (
        Tried(0.0, 0.5, "LLMRateLimitError"),
        Tried(2.0, 0.25, "LLMRateLimitError"),
        Tried(1.0, 1.0, ""),
    )


def test_content_is_kept_only_when_asked_for_and_never_a_key() -> None:
    key = "sk-proj-" + "abc123DEF456" * 2
    asked, said = call(prompt=f"My key is {key}"), answer(content=f"Your key is {key}")
    assert noted(asked, said, None)[19:] == ("", "")
    line = noted(asked, said, None, content=True)
    assert "My key is" in line.prompt
    assert "Your key is" in line.answer
    assert key not in line.prompt + line.answer


def test_content_can_be_switched_on_and_off(own: Ledger) -> None:
    llm = llmlab.get_provider("openai")
    llm.complete("one")
    llmlab.ledger(content=True)
    llm.complete("two")
    llmlab.ledger(content=False)
    llm.complete("three")
    assert [bool(line.prompt) for line in llmlab.ledger()] == [False, True, False]


def test_ledger_is_bounded() -> None:
    """A service that runs for weeks must not drown in its own ledger."""
    ledger, done = Ledger(Book(max_rows=10)), answer()
    for number in range(25):
        ledger.note(call(headers={"x-request-id": str(number)}), done, None)
    assert [line.request_id for line in ledger] == [str(number) for number in range(15, 25)]
    ledger.clear()
    assert len(ledger) == 0


def test_line_holds_on_to_nothing_of_the_call() -> None:
    """The errors of attempts hold whole call stacks; a hundred thousand of them would fill the memory."""
    ledger = Ledger()
    made, error = call(), LLMAPIError("broken")
    made.attempts.append(Attempt(made.started, made.started, 0.5, error))
    watched = weakref.ref(error)
    ledger.note(made, None, error)
    del made, error
    gc.collect()
    assert watched() is None


def test_no_line_is_lost_between_threads() -> None:
    ledger, done = Ledger(), answer()
    readers = threading.Event()

    def write(_: int) -> None:
        for _ in range(200):
            ledger.note(call(), done, None)

    def look() -> None:
        while not readers.is_set():
            ledger.total()

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    readers.set()
    looking.join()
    assert len(ledger) == 800


def test_sections_name_what_calls_are_made_for() -> None:
    ledger = Ledger()
    with ledger.section("draft"):
        ledger.note(call(), answer(), None)
        with ledger.section("check"):
            ledger.note(call(), answer(), None)
    ledger.note(call(), answer(), None)
    assert [line.section for line in ledger] == ["draft", "check", ""]
    assert list(ledger.table("section").lines) == ["draft", "check", "no section"]


def test_process_has_one_ledger(own: Ledger) -> None:
    """The first calls may come from several threads at once; a second ledger would lose their lines."""
    done = answer()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ledger.note(call(), done, None), range(20)))
    assert len(llmlab.ledger()) == len(own) == 20
