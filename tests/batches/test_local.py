"""Batches of this process. If one fails, calls are doubled, lost, or too many at once for a small server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmlab
from llmlab import Batch, LLMInvalidRequestError, ToolDefinition, open_batch, submit_batch, submit_batch_async
from llmlab.errors import ConfigurationError
from llmlab.providers import get_provider
from llmlab.types.messages import Message
from tests.batches.batching import WAYS, Counting, finish, reopen, texts

PROMPTS = [f"What is {number} + 1?" for number in range(12)]
ANSWERS = [f"{number} + 1 = {number + 1}" for number in range(12)]


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@pytest.mark.parametrize(("in_flight", "way"), [(1, "sync"), (3, "async"), (3, "sync"), (50, "async")])
def test_never_more_calls_at_once_than_allowed(in_flight: int, way: str) -> None:
    counting = Counting()
    _, answers = finish(way, get_provider("ollama", policies=[counting]), PROMPTS, in_flight=in_flight)
    assert texts(answers) == ANSWERS
    assert counting.most <= in_flight
    assert counting.calls == len(PROMPTS)


def test_in_flight_is_a_number_from_1_on() -> None:
    wrong: Any
    for wrong in (0, -1, True, "two"):
        with pytest.raises(ConfigurationError, match="in_flight"):
            submit_batch(PROMPTS, "ollama", in_flight=wrong)


@pytest.mark.parametrize("way", WAYS)
def test_a_stopped_batch_asks_only_for_what_is_missing(way: str, tmp_path: Path) -> None:
    path = tmp_path / "batch.jsonl"
    submit_batch(PROMPTS, "ollama", path=path).wait()
    lines = path.read_text(encoding="utf-8").splitlines()
    # Killed in the middle of the eighth line.
    path.write_text("\n".join(lines[:8]) + "\n" + lines[8][:30], encoding="utf-8")
    counting = Counting()
    _, answers = reopen(way, path, get_provider("ollama", policies=[counting]))
    assert (texts(answers), counting.calls) == (ANSWERS, 5)
    again = Counting()
    _, answers = finish(way, get_provider("ollama", policies=[again]), PROMPTS, path=path)
    assert (texts(answers), again.calls) == (ANSWERS, 0)


def test_what_failed_is_asked_again(tmp_path: Path) -> None:
    path, llm = tmp_path / "batch.jsonl", get_provider("ollama", max_retries=0)
    with llmlab.faults("server_error", times=2):
        first = submit_batch(PROMPTS[:4], llm, path=path, in_flight=1).wait()
    assert texts(first) == ["LLMAPIError", "LLMAPIError", *ANSWERS[2:4]]
    assert texts(open_batch(path, llm).wait()) == ANSWERS[:4]


def test_requests_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    """Else a batch that goes on answers other questions."""
    call = {"id": "call_1", "name": "add", "arguments": {"a": 1}}
    items: list[Any] = [
        {"prompt": "Hi", "max_tokens": 5, "temperature": 0.0, "stop": ["x"], "seed": 7, "extra": {"keep_alive": 1}},
        {"prompt": "Hi", "tools": [ToolDefinition("add", "Adds.")], "tool_choice": "auto"},
        [
            Message("user", "1 + 1?"),  # type: ignore[arg-type]
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "2", "tool_call_id": "call_1", "name": "add"},
        ],
    ]
    path = tmp_path / "batch.jsonl"
    first = submit_batch(items, "ollama", path=path)
    first.wait()
    sent = sorted(json.dumps(one.request) for one in llmlab.trace())
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    llmlab.trace().clear()
    open_batch(path, "ollama").wait()
    assert sorted(json.dumps(one.request) for one in llmlab.trace()) == sent


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "batch.jsonl"
    submit_batch(PROMPTS[:2], "ollama", path=path).wait()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="holds something else than this batch"):
        submit_batch(PROMPTS[:3], "ollama", path=path)
    (tmp_path / "notes.txt").write_text("milk\n", encoding="utf-8")
    for call in (submit_batch, lambda items, name, path: open_batch(path, name)):
        with pytest.raises(ConfigurationError, match="holds"):
            call(PROMPTS, "ollama", path=tmp_path / "notes.txt")
    assert (path.read_bytes(), (tmp_path / "notes.txt").read_text(encoding="utf-8")) == (before, "milk\n")


def test_a_batch_that_cannot_be_opened_or_stored_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    batch = submit_batch(PROMPTS[:1], "ollama")
    batch.wait()
    llmlab.trace().clear()
    with pytest.raises(LLMInvalidRequestError, match=r"submit_batch\(requests, provider, path=…\)"):
        open_batch(batch.id, "ollama")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        submit_batch(PROMPTS, "ollama", path=tmp_path / "no" / "batch.jsonl")
    picture = [{"role": "user", "content": "What is this?", "images": [b"\x89PNG\r\n\x1a\n"]}]
    with pytest.raises(LLMInvalidRequestError):
        submit_batch([picture], "ollama", path=tmp_path / "batch.jsonl")
    assert len(llmlab.trace()) == 0


def test_a_file_that_cannot_be_written_any_more_stops_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, counting = tmp_path / "batch.jsonl", Counting()
    counting.gate = threading.Event()
    batch = submit_batch(PROMPTS, get_provider("ollama", policies=[counting]), path=path, in_flight=1)
    path.unlink()
    path.mkdir()
    counting.gate.set()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        batch.wait()
    assert counting.calls == 1


def test_partial_results_are_there_at_any_time() -> None:
    counting = Counting()
    counting.gate = threading.Event()
    batch = submit_batch(PROMPTS[:2], get_provider("ollama", policies=[counting]), in_flight=2)
    assert batch.results() == [None, None]
    counting.gate.set()
    assert texts(batch.wait()) == ANSWERS[:2]


def test_cancelling_finishes_calls_in_flight_and_starts_no_more() -> None:
    counting = Counting()
    counting.gate = threading.Event()
    batch = submit_batch(PROMPTS, get_provider("ollama", policies=[counting]), in_flight=2)
    assert batch.cancel().state == "cancelling"
    counting.gate.set()
    outcomes: list[Any] = batch.wait()
    assert batch.status.state == "cancelled"
    assert counting.calls == batch.status.succeeded <= 2
    assert {one.code for one in outcomes[2:]} == {"cancelled"}


def test_waiting_must_not_block_the_loop_that_does_the_work() -> None:
    """It would wait for ever."""

    async def waited() -> Batch:
        batch = await submit_batch_async(PROMPTS[:1], "ollama")
        with pytest.raises(LLMInvalidRequestError, match="use await"):
            batch.wait()
        assert texts(await batch.wait_async()) == ANSWERS[:1]
        return batch

    assert texts(asyncio.run(waited()).wait()) == ANSWERS[:1]


def test_cancelling_a_wait_leaves_the_batch_alone() -> None:
    async def waited() -> list[Any]:
        batch = await submit_batch_async(PROMPTS, "ollama", in_flight=1)
        waiting = asyncio.ensure_future(batch.wait_async())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await batch.wait_async()

    assert texts(asyncio.run(waited())) == ANSWERS


def test_a_loop_that_ends_leaves_no_task_behind(tmp_path: Path) -> None:
    path = tmp_path / "batch.jsonl"

    async def left() -> Batch:
        return await submit_batch_async(PROMPTS, "ollama", path=path, in_flight=1)

    batch = asyncio.run(left())
    assert batch.poll().state == "cancelled"
    assert texts(open_batch(path, "ollama").wait()) == ANSWERS


def test_a_batch_of_threads_can_be_awaited() -> None:
    batch = submit_batch(PROMPTS, "ollama")
    assert texts(asyncio.run(batch.wait_async())) == ANSWERS


def test_an_async_client_works_in_tasks() -> None:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url="http://localhost:8080/v1", api_key="none")
    _, answers = finish("async", get_provider("local_gpt_oss", client=client), PROMPTS[:2])
    assert texts(answers) == ANSWERS[:2]
