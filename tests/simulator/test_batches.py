"""Batches of OpenAI and Anthropic, through their own SDKs: the lesson on batches breaks when one of these does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from openai.types import Batch
from openai.types.chat import ChatCompletion
from simulator_requests import transport, user

from llmlab.lab.simulator import Simulator

CHAT = "/v1/chat/completions"


@pytest.fixture
def gpt() -> Iterator[openai.OpenAI]:
    http = httpx2.Client(transport=transport(httpx2, "openai", Simulator()))
    with openai.OpenAI(api_key="k", http_client=http, max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture
def claude() -> Iterator[anthropic.Anthropic]:
    http = httpx2.Client(transport=transport(httpx2, "anthropic", Simulator()))
    with anthropic.Anthropic(api_key="k", http_client=http, max_retries=0, _strict_response_validation=True) as client:
        yield client


def line(custom_id: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"model": "gpt-6-luna", "messages": user(text)} | more
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}


def start(gpt: openai.OpenAI, *lines: Any) -> Batch:
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    file = gpt.files.create(file=("in.jsonl", text.encode() or b"\n"), purpose="batch")
    return gpt.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"job": "1"})


def wait(gpt: openai.OpenAI, batch: Batch) -> list[Batch]:
    """Ask for a batch as a loop would, and give every state of it."""
    states = [batch]
    while states[-1].status not in ("completed", "failed", "cancelled"):
        assert len(states) < 6, "the batch never ends"
        states.append(gpt.batches.retrieve(batch.id))
    return states


def results(gpt: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id
    return [json.loads(one) for one in gpt.files.content(file_id).text.splitlines()]


def test_a_batch_answers_every_line_as_one_call_would(gpt: openai.OpenAI) -> None:
    """Else a batch gives other answers than the calls it stands for."""
    begun = start(gpt, line("sum", "What is 17 * 23?"), line("hello", "Say hello"))
    states = wait(gpt, begun)
    assert [one.status for one in states] == ["validating", "in_progress", "completed"]
    done = states[-1]
    assert done.request_counts
    assert (done.request_counts.total, done.request_counts.completed, done.metadata) == (2, 2, {"job": "1"})
    assert (done.completed_at or 0) > done.created_at
    found = {one["custom_id"]: one["response"] for one in results(gpt, done.output_file_id)}
    assert {one["status_code"] for one in found.values()} == {200}
    single = gpt.chat.completions.create(model="gpt-6-luna", messages=user("What is 17 * 23?"))  # type: ignore[arg-type]
    batched = ChatCompletion.model_validate(found["sum"]["body"])
    assert batched.choices == single.choices
    assert done.error_file_id is None
    assert [one.id for one in gpt.batches.list()] == [begun.id]


def test_results_stand_in_the_order_in_which_they_were_done(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Else code that trusts the order of the lines works offline, and puts answers to the wrong questions live."""
    texts = {"long": "Why is the sky blue?", "short": "Say hello"}
    done = wait(gpt, start(gpt, *(line(name, text) for name, text in texts.items())))[-1]
    assert [one["custom_id"] for one in results(gpt, done.output_file_id)] == ["short", "long"]
    batch = claude.messages.batches.create(requests=[ask(name, text) for name, text in texts.items()])
    for _ in range(2):
        claude.messages.batches.retrieve(batch.id)
    assert [one.custom_id for one in claude.messages.batches.results(batch.id)] == ["short", "long"]


def test_a_refused_line_lands_in_the_error_file(gpt: openai.OpenAI) -> None:
    """Else one wrong line spoils the batch, or is lost."""
    done = wait(gpt, start(gpt, line("good", "Say hello"), line("bad", "Say hello", temperature=9)))[-1]
    assert done.request_counts
    assert (done.status, done.request_counts.failed) == ("completed", 1)
    (refused,) = results(gpt, done.error_file_id)
    assert (refused["custom_id"], refused["response"]["status_code"]) == ("bad", 400)
    assert refused["response"]["body"]["error"]["code"] == "decimal_above_max_value"
    assert [one["custom_id"] for one in results(gpt, done.output_file_id)] == ["good"]


def test_a_wrong_file_fails_the_batch(gpt: openai.OpenAI) -> None:
    """Else a file that the real service throws back works offline."""
    rows: list[tuple[list[Any], str, int | None]] = [
        ([line("a", "Hi"), "not JSON"], "invalid_json_line", 2),
        ([line("a", "Hi"), line("a", "Hi")], "duplicate_custom_id", 2),
        ([line("a", "Hi") | {"url": "/v1/embeddings"}], "url_mismatch", 1),
        ([line("a", "Hi"), line("b", "Hi", model="gpt-6-sol")], "model_mismatch", None),
        ([{"custom_id": "a"}], "missing_required_parameter", 1),
        ([], "empty_file", None),
    ]
    for lines, code, number in rows:
        failed = wait(gpt, start(gpt, *lines))[-1]
        assert failed.status == "failed", code
        assert failed.errors, code
        assert failed.errors.data, code
        assert (failed.errors.data[0].code, failed.errors.data[0].line) == (code, number)


def test_half_a_character_in_a_line_does_no_harm(gpt: openai.OpenAI) -> None:
    """Else one broken emoji in a line of a batch looks like a failure of the server."""
    done = wait(gpt, start(gpt, json.dumps(line("a\ud83d", "Say hello"))))[-1]
    assert [one["custom_id"] for one in results(gpt, done.output_file_id)] == ["a?"]


def test_a_batch_can_be_cancelled(gpt: openai.OpenAI) -> None:
    """Else a batch started by mistake cannot be shown to stop."""
    begun = start(gpt, line("a", "Hi"))
    assert gpt.batches.cancel(begun.id).status == "cancelling"
    assert gpt.batches.retrieve(begun.id).status == "cancelled"
    with pytest.raises(openai.ConflictError, match="'cancelled'"):
        gpt.batches.cancel(begun.id)
    with pytest.raises(openai.NotFoundError, match="batch_nobody"):
        gpt.batches.retrieve("batch_nobody")


def test_a_batch_needs_a_file_made_for_it(gpt: openai.OpenAI) -> None:
    """Else the most common mistake with batches goes unnoticed offline."""
    file = gpt.files.create(file=("in.jsonl", b"{}"), purpose="assistants")
    with pytest.raises(openai.BadRequestError, match="purpose 'batch'"):
        gpt.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    with pytest.raises(openai.NotFoundError, match="file-nobody"):
        gpt.batches.create(input_file_id="file-nobody", endpoint=CHAT, completion_window="24h")


def ask(custom_id: str, text: str, **more: Any) -> Any:
    params = {"model": "claude-haiku-5-5", "max_tokens": 99, "messages": user(text)} | more
    return {"custom_id": custom_id, "params": params}


def test_a_message_batch_ends_with_results(claude: anthropic.Anthropic) -> None:
    """Else the loop around Anthropic's batches never ends, or ends with nothing."""
    batch = claude.messages.batches.create(requests=[ask("sum", "What is 2 + 2?"), ask("bad", "Hi", temperature=3)])
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 2)
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        claude.messages.batches.results(batch.id)  # asks once how the batch goes
    seen = [claude.messages.batches.retrieve(batch.id) for _ in range(2)]
    assert [one.processing_status for one in seen] == ["ended", "ended"]
    assert (seen[-1].request_counts.succeeded, seen[-1].request_counts.errored) == (1, 1)
    assert seen[-1].ended_at
    assert seen[-1].ended_at > batch.created_at
    bad, good = claude.messages.batches.results(batch.id)  # a refusal is quickly done
    assert good.result.type == "succeeded"
    assert good.result.message.content[0].text == "2 + 2 = 4"  # type: ignore[union-attr]
    assert good.result.message.usage.service_tier == "batch"
    assert bad.result.type == "errored"
    assert bad.result.error.error.message.startswith("temperature: range")
    assert [one.id for one in claude.messages.batches.list()] == [batch.id]
    assert claude.messages.batches.delete(batch.id).id == batch.id
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.batches.retrieve(batch.id)


def test_a_message_batch_can_be_cancelled(claude: anthropic.Anthropic) -> None:
    """Else a batch started by mistake cannot be shown to stop."""
    batch = claude.messages.batches.create(requests=[ask("a", "Hi")])
    assert claude.messages.batches.cancel(batch.id).processing_status == "canceling"
    ended = claude.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, ended.request_counts.canceled) == ("ended", 1)
    assert [one.result.type for one in claude.messages.batches.results(batch.id)] == ["canceled"]
    with pytest.raises(anthropic.BadRequestError, match="already ended"):
        claude.messages.batches.cancel(batch.id)


def test_message_batches_are_checked(claude: anthropic.Anthropic) -> None:
    """Else a batch that the real service refuses works offline."""
    rows: list[tuple[Any, str]] = [
        ([], "at least 1"),
        ([{"custom_id": "a"}], "requests.0.params: Field required"),
        ([ask("a", "Hi"), ask("a", "Hi")], "must be unique"),
        ([ask("", "Hi")], "custom_id"),
    ]
    for requests, message in rows:
        with pytest.raises(anthropic.BadRequestError, match=message):
            claude.messages.batches.create(requests=requests)
