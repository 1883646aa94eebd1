"""What services really send. If one fails, a result that was paid is lost, or read as another one's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

import llmlab
from llmlab import LLMAPIError, LLMConnectionError, LLMError, LLMInvalidRequestError, open_batch, submit_batch
from llmlab._utils.clock import set_clock
from llmlab.providers import Provider
from tests.batches.batching import jsonl, texts
from tests.core.trying import provider
from tests.exchanges import exchange
from tests.loopback import LoopbackServer

OPENAI_VIEW: dict[str, Any] = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": "file-in",
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-out",
    "error_file_id": None,
    "created_at": 1741967569,
    "expires_at": 1742053969,
    "request_counts": {"total": 3, "completed": 3, "failed": 0},
}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}


class NoWaits:
    """A clock that lets no wait take time, and stores how long each would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, seconds: float) -> float:
        self.waits.append(seconds)
        return 0.0

    def chance(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def waits() -> Iterator[list[float]]:
    clock = NoWaits()
    set_clock(clock)
    yield clock.waits
    set_clock(None)


def openai_line(number: object, text: str) -> dict[str, Any]:
    body = {"model": "m", "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    response = {"status_code": 200, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": str(number), "response": response, "error": None}


def anthropic_line(number: object, kind: str = "succeeded", **more: Any) -> dict[str, Any]:
    if kind == "succeeded":
        more = {"message": {**MESSAGE, "content": [{"type": "text", "text": f"answer {number}"}]}}
    return {"custom_id": str(number), "result": {"type": kind, **more}}


def anthropic_view(status: str = "ended", **counts: int) -> dict[str, Any]:
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    found = dict.fromkeys(names, 0) | counts
    return {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": status,
        "request_counts": found,
        "created_at": "2026-08-19T14:47:10.487960+00:00",
        "expires_at": "2026-08-20T14:47:10.487960+00:00",
        "results_url": "https://elsewhere.example/results",
    }


def outcomes(server: LoopbackServer, name: str, *answers: Any) -> list[Any]:
    """Open a batch for which the service gives these answers."""
    for answer in answers:
        server.answer(answer)
    with provider(name, server.url) as llm:
        return open_batch("batch_1", llm).wait()


def test_results_come_in_any_order(server: LoopbackServer) -> None:
    lines = [anthropic_line(number) for number in range(12)]
    random.Random(1).shuffle(lines)
    found = outcomes(server, "anthropic", anthropic_view(succeeded=12), jsonl(*lines))
    assert texts(found) == [f"answer {number}" for number in range(12)]


def test_a_result_that_is_no_answer_costs_no_other_one(server: LoopbackServer) -> None:
    nothing = {"custom_id": "1", "result": {"type": "succeeded", "message": {"type": "message", "content": None}}}
    found = outcomes(server, "anthropic", anthropic_view(succeeded=2), jsonl(nothing, anthropic_line(0)))
    assert texts(found) == ["answer 0", "LLMAPIError"]
    assert found[1].provider == "anthropic"


def test_both_files_of_openai_are_read(server: LoopbackServer) -> None:
    view = OPENAI_VIEW | {"error_file_id": "file-err", "request_counts": {"total": 3, "completed": 2, "failed": 1}}
    refused = {"status_code": 400, "request_id": "req_9", "body": {"error": {"message": "too hot", "code": "hot"}}}
    wrong = {"custom_id": "1", "response": refused, "error": None}
    found = outcomes(server, "openai", view, jsonl(openai_line(2, "c"), openai_line(0, "a")), jsonl(wrong))
    assert texts(found) == ["a", "LLMInvalidRequestError", "c"]
    assert (found[1].status_code, found[1].code, found[1].request_id) == (400, "hot", "req_9")
    assert [seen.path for seen in server.seen] == [
        "/v1/batches/batch_1",
        "/v1/files/file-out/content",
        "/v1/files/file-err/content",
    ]


def test_an_expired_batch_keeps_what_was_answered(server: LoopbackServer) -> None:
    view = OPENAI_VIEW | {"status": "expired", "error_file_id": "file-err"}
    view["request_counts"] = {"total": 3, "completed": 1, "failed": 0}
    late = {"custom_id": "1", "response": None, "error": {"code": "batch_expired", "message": "too late"}}
    found = outcomes(server, "openai", view, jsonl(openai_line(0, "a")), jsonl(late))
    # The third has no line at all, and is expired all the same.
    assert [str(found[0]), found[1].code, found[2].code] == ["a", "expired", "expired"]
    assert isinstance(found[1], LLMAPIError)


def test_every_way_in_which_a_message_batch_can_end(server: LoopbackServer) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "request_id": "req_1"}
    lines = [
        anthropic_line(0),
        anthropic_line(1, "errored", error=error),
        anthropic_line(2, "canceled"),
        anthropic_line(3, "expired"),
    ]
    for answer in (anthropic_view(succeeded=1, errored=1, canceled=1, expired=1), jsonl(*lines)):
        server.answer(answer)
    with provider("anthropic", server.url) as llm:
        batch = open_batch("msgbatch_1", llm)
        found: list[Any] = batch.wait()
    assert [str(found[0]), found[1].status_code, found[2].code, found[3].code] == [
        "answer 0",
        529,
        "cancelled",
        "expired",
    ]
    assert str(batch.status) == "cancelled: 1 of 4 answered, 1 failed, 1 cancelled, 1 expired"
    assert batch.status.expires_at
    assert batch.status.expires_at.day == 20


def test_the_key_goes_to_no_address_that_came_over_the_wire(server: LoopbackServer) -> None:
    outcomes(server, "anthropic", anthropic_view(succeeded=1), jsonl(anthropic_line(0)))
    assert [seen.path for seen in server.seen] == [
        "/v1/messages/batches/batch_1",
        "/v1/messages/batches/msgbatch_1/results",
    ]


@pytest.mark.parametrize("damage", ["{half a li", "[]", '{"custom_id": "1"}', '{"custom_id": 1, "result": {}}', "null"])
def test_a_damaged_line_costs_its_own_result_only(server: LoopbackServer, damage: str) -> None:
    text = jsonl(anthropic_line(0), damage, anthropic_line(2))
    found = outcomes(server, "anthropic", anthropic_view(succeeded=3), text)
    assert texts(found) == ["answer 0", "LLMAPIError", "answer 2"]
    assert "no result for request 1: its line in the results of batch msgbatch_1 is missing or damaged" in str(found[1])


def test_what_arrived_before_the_line_broke_is_kept(server: LoopbackServer) -> None:
    server.answer(anthropic_view(succeeded=2))
    server.answer(jsonl(anthropic_line(0)) + '{"custom', cut=True)
    server.answer(jsonl(anthropic_line(0), anthropic_line(1)))
    with provider("anthropic", server.url, max_retries=0) as llm:
        batch = open_batch("msgbatch_1", llm)
        with pytest.raises(LLMConnectionError):
            batch.results()
        assert list(batch.frame()["answer"]) == ["answer 0", ""]
        assert texts(batch.results()) == ["answer 0", "answer 1"]


def test_results_are_requested_again_when_the_service_is_busy(server: LoopbackServer, waits: list[float]) -> None:
    server.answer(anthropic_view(succeeded=1))
    server.answer({"error": {"type": "overloaded_error"}}, 529, headers={"retry-after": "7"})
    server.answer(jsonl(anthropic_line(0)))
    with provider("anthropic", server.url) as llm:
        assert texts(open_batch("msgbatch_1", llm).results()) == ["answer 0"]
    assert waits == [7.0]


def test_results_that_are_archived_are_gone(server: LoopbackServer) -> None:
    server.answer(anthropic_view(succeeded=1))
    server.answer({"type": "error", "error": {"type": "not_found_error", "message": "archived"}}, 404)
    with provider("anthropic", server.url) as llm, pytest.raises(LLMInvalidRequestError, match="archived"):
        open_batch("msgbatch_1", llm).wait()


def test_a_refused_batch_says_which_request_is_to_blame(server: LoopbackServer) -> None:
    problem = {"code": "model_mismatch", "line": 2, "message": "Wrong model.", "param": "body.model"}
    view = OPENAI_VIEW | {"status": "failed", "output_file_id": None, "errors": {"object": "list", "data": [problem]}}
    view["request_counts"] = {"total": 0, "completed": 0, "failed": 0}
    server.answer({"id": "file-in"})
    server.answer(OPENAI_VIEW | {"status": "validating", "request_counts": None})
    server.answer(view)
    with scripted_upload(server) as llm:
        batch = submit_batch(["a", "b", "c"], llm)
        found: list[Any] = batch.wait()
    assert str(batch.status) == "failed: 0 of 3 answered (line 2: Wrong model)"
    assert texts(found) == ["LLMInvalidRequestError"] * 3
    assert "because of this request" in found[1].message
    assert "the batch was refused: line 2: Wrong model." in found[0].message


def test_pauses_grow_and_end_at_a_minute(server: LoopbackServer, waits: list[float]) -> None:
    """A batch of a day must not be asked for forty thousand times."""
    for _ in range(8):
        server.answer(anthropic_view("in_progress", processing=1))
    server.answer(anthropic_view(succeeded=1))
    server.answer(jsonl(anthropic_line(0)))
    with provider("anthropic", server.url) as llm:
        open_batch("msgbatch_1", llm).wait()
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_batch_of_embeddings_is_refused(server: LoopbackServer) -> None:
    with pytest.raises(LLMError, match=r"calls /v1/embeddings, and llmlab reads"):
        outcomes(server, "openai", OPENAI_VIEW | {"endpoint": "/v1/embeddings"})


@pytest.mark.parametrize("ids", [("last", "first"), (10_000_002, 10_000_001)])
def test_a_batch_of_another_program_is_read_in_the_order_of_its_results(server: LoopbackServer, ids: Any) -> None:
    """Its ids may be numbers of customers: two answers must not come back among millions of errors."""
    found = texts(outcomes(server, "anthropic", anthropic_view(succeeded=2), jsonl(*map(anthropic_line, ids))))
    assert found == [f"answer {one}" for one in ids]


def test_an_error_of_the_service_s_own_has_its_words(server: LoopbackServer) -> None:
    broken = {"custom_id": "0", "response": None, "error": {"code": "server_error", "message": "It broke."}}
    view = OPENAI_VIEW | {"request_counts": {"total": 1, "completed": 0, "failed": 1}}
    (found,) = outcomes(server, "openai", view, jsonl(broken))
    assert (found.message, found.code) == ("openai could not answer this request: It broke.", "server_error")


def test_the_request_is_the_documented_one(server: LoopbackServer) -> None:
    server.answer(anthropic_view("in_progress", processing=2))
    with provider("anthropic", server.url) as llm:
        batch = submit_batch(["Hi", {"prompt": "Ho", "max_tokens": 5}], llm, model="m")
    assert (batch.id, batch.status.total) == ("msgbatch_1", 2)
    requests = server.seen[0].body["requests"]
    assert [one["custom_id"] for one in requests] == ["0", "1"]
    assert requests[1]["params"]["max_tokens"] == 5
    assert {one["params"]["model"] for one in requests} == {"m"}


def scripted_upload(server: LoopbackServer) -> Provider:
    return provider("openai", server.url, api="chat", model=llmlab.MODELS["openai"])


def test_the_file_of_openai_is_uploaded_as_a_form(server: LoopbackServer) -> None:
    server.answer({"id": "file-in"})
    server.answer(OPENAI_VIEW)
    with scripted_upload(server) as llm:
        submit_batch(["Hi", "Ho"], llm)
    form, made = server.seen
    assert form.headers["content-type"].startswith("multipart/form-data")
    assert '"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"' in str(form.body)
    assert made.body == {"input_file_id": "file-in", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


def test_too_many_requests_are_refused_before_they_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmlab.toolkit.batches.services.AnthropicBatch.max_requests", 2)
    llm = provider("anthropic", "http://127.0.0.1:9")
    with pytest.raises(LLMInvalidRequestError, match="a batch holds 2 requests, not 3"):
        submit_batch(["a", "b", "c"], llm)
    assert llm.get_request_count() == 0


def test_a_client_of_an_sdk_cannot_carry_batches() -> None:
    from unittest.mock import Mock

    with pytest.raises(LLMInvalidRequestError, match="cannot carry /files; leave client= out"):
        submit_batch(["Hi"], llmlab.get_provider("openai", client=Mock()))


# Exchanges


def test_the_batch_of_anthropic_is_read(server: LoopbackServer) -> None:
    view = exchange("anthropic-batches-get").body
    results = exchange("anthropic-batches-results").body
    (answer,) = outcomes(server, "anthropic", view, results)
    assert (answer.content, answer.usage.input_tokens, answer.usage.output_tokens) == ("9", 21, 4)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("openai-batches-create", "running: 0 of 0 answered"),
        ("openai-batches-get", "running: 0 of 0 answered"),
        ("openai-batches-cancel", "cancelling: 0 of 0 answered"),
        ("anthropic-batches-create", "running: 0 of 2 answered"),
        ("anthropic-batches-cancel", "cancelling: 0 of 1 answered"),
    ],
)
def test_states_are_read(server: LoopbackServer, name: str, status: str) -> None:
    one = exchange(name)
    server.answer(one.body)
    with provider(one.provider, server.url) as llm:
        batch = open_batch("batch_1", llm)
    assert (str(batch.status), batch.id) == (status, one.json["id"])
