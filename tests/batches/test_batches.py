"""Batches of all providers. If one fails, somebody pays for answers that are lost, doubled or given to another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import llmlab
from llmlab import LLMInvalidRequestError, Message, Request, submit_batch
from llmlab.errors import LLMConnectionError, LLMTimeoutError
from llmlab.providers import Failover, get_provider
from llmlab.types.messages import to_messages
from tests.batches.batching import LOCAL, SERVICES, WAYS, finish, reopen, texts
from tests.core.trying import NAMES

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PAIRS = [*zip([*NAMES, "openai"], [*WAYS, *WAYS, *WAYS], strict=True)]
"""Every provider, and every way for services and for this process."""
SERVICE_PAIRS = [*zip(SERVICES, WAYS, strict=True)]
PROMPTS = ["What is 2 + 2?", "Why is the sky blue?", "What is 17 * 23?"]


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_a_batch_answers_as_single_calls_do(name: str, way: str) -> None:
    llm = get_provider(name)
    batch, answers = finish(way, llm, PROMPTS)
    assert [str(one) for one in answers] == [llm.complete(prompt).content for prompt in PROMPTS]
    assert {(one.provider, one.source, one.finish_reason) for one in answers} == {(name, "simulated", "stop")}
    assert str(batch.status) == "done: 3 of 3 answered"


@pytest.mark.parametrize("name", NAMES)
def test_answers_with_a_schema_are_objects(name: str) -> None:
    item = {"prompt": "What is the capital of Italy?", "response_format": SCHEMA}
    _, outcomes = finish("sync", get_provider(name), [item, "Hi"])
    answers: list[Any] = outcomes
    assert list(answers[0].parsed) == ["city"]
    assert answers[1].parsed is None


@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_an_error_is_at_the_index_of_its_request(name: str, way: str) -> None:
    """Every answer after it would belong to the wrong question."""
    wrong = {"prompt": "Hi", "extra": {"messages": "Hi"} if name == "ollama" else {"temperature": 9}}
    batch, outcomes = finish(way, get_provider(name, max_retries=0), [PROMPTS[0], wrong, PROMPTS[2]])
    assert texts(outcomes) == ["2 + 2 = 4", "LLMInvalidRequestError", "17 * 23 = 391"]
    assert (batch.status.succeeded, batch.status.failed) == (2, 1)


@pytest.mark.parametrize(("name", "way"), [*PAIRS, ("failover", "sync")])
def test_all_mistakes_are_reported_at_once_and_nothing_is_sent(name: str, way: str) -> None:
    llm = Failover(["openai", "ollama"]) if name == "failover" else get_provider(name)
    items: list[Any] = ["Hi", "", {"prompt": "Hi", "temperatur": 1}, {"prompt": "Hi", "max_tokens": 0}, {"text": "Hi"}]
    with pytest.raises(LLMInvalidRequestError, match="4 of 5 requests are wrong, and nothing was sent") as caught:
        finish(way, llm, items)
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == [f"- request {number}" for number in (1, 2, 3, 4)]
    assert "did you mean 'temperature'" in lines[1]
    assert (llm.get_request_count(), len(llmlab.trace())) == (0, 0)


def test_a_batch_is_a_list() -> None:
    """A single text would become a request for each of its letters."""
    nothing: Any
    for nothing in ([], "Hi", {"prompt": "Hi"}, 3):
        with pytest.raises(LLMInvalidRequestError, match="list of"):
            submit_batch(nothing, "openai")


def test_requests_are_written_in_any_way_that_prompts_are() -> None:
    name = "openai"
    system = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": PROMPTS[0]}]
    model = llmlab.MODELS[name]
    items: list[Any] = [
        PROMPTS[0],
        Message("user", PROMPTS[0]),  # type: ignore[arg-type]
        {"role": "user", "content": PROMPTS[0]},
        system,
        {"prompt": PROMPTS[0], "max_tokens": 40},
        {"messages": system},
        Request(to_messages(PROMPTS[0]), model, max_tokens=40),
    ]
    _, answers = finish("sync", get_provider(name), items, max_tokens=50)
    assert texts(answers) == ["2 + 2 = 4"] * len(items)


@pytest.mark.parametrize(("name", "way"), SERVICE_PAIRS)
def test_a_batch_is_found_again_by_its_id(name: str, way: str) -> None:
    """After a restart nothing else is left of a batch that was paid."""
    batch = submit_batch(PROMPTS, name)
    again, answers = reopen(way, batch.id, get_provider(name))
    assert texts(answers)[::2] == ["2 + 2 = 4", "17 * 23 = 391"]
    assert again.id == batch.id
    assert batch.results() == answers


@pytest.mark.parametrize(("name", "way"), SERVICE_PAIRS)
def test_a_missing_batch_is_reported_as_missing(name: str, way: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match=f"{name} has no batch 'batch_1', or not any more") as caught:
        reopen(way, "batch_1", get_provider(name))
    assert caught.value.status_code == 404


@pytest.mark.parametrize("name", SERVICES)
def test_results_are_none_before_the_end_and_errors_after_a_cancel(name: str) -> None:
    batch = submit_batch(PROMPTS, name)
    assert batch.results() == [None] * 3
    assert list(batch.frame()["state"]) == ["waiting"] * 3
    assert batch.wait() == batch.results()
    batch = submit_batch(PROMPTS, name)
    assert batch.cancel().state == "cancelling"
    outcomes: list[Any] = batch.wait()
    assert batch.status.state == "cancelled"
    assert [one.code for one in outcomes] == ["cancelled"] * 3


@pytest.mark.parametrize("name", ["openai", "ollama"])
def test_progress_is_shown_in_words(name: str) -> None:
    said: list[str] = []
    submit_batch(PROMPTS, name).wait(progress=said.append)
    assert said[-1] == "batch done: 3 of 3 answered"
    assert all(line.startswith("batch running: ") for line in said[:-1])
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("name", SERVICES)
def test_an_interrupted_wait_continues(name: str) -> None:
    """A connection that is lost in the night must not lose the batch of a day."""
    batch = submit_batch(PROMPTS, get_provider(name, max_retries=0))
    with llmlab.faults("connect_refused"), pytest.raises(LLMConnectionError) as caught:
        batch.wait()
    assert caught.value.__notes__ == [f"The batch continues: wait again, or later open_batch({batch.id!r}, {name!r})."]
    assert texts(batch.wait())[0] == "2 + 2 = 4"
    batch = submit_batch(PROMPTS, name)
    with llmlab.faults("server_error", times=2):
        assert texts(batch.wait())[2] == "17 * 23 = 391"


@pytest.mark.parametrize("name", SERVICES)
def test_submitting_is_never_retried(name: str) -> None:
    """A batch that arrived twice is paid twice."""
    with llmlab.faults("timeout", path="/batches"), pytest.raises(LLMTimeoutError):
        submit_batch(PROMPTS, name)
    assert [one.path for one in llmlab.trace()].count(llmlab.trace().last.path) == 1


def test_waiting_ends_when_the_time_is_over() -> None:
    batch = submit_batch(PROMPTS, "openai")
    with pytest.raises(LLMTimeoutError, match=r"not over after 0 s \(running: 0 of 3 answered\)\. The batch continues"):
        batch.wait(timeout=0)
    assert texts(batch.wait(timeout=60))[0] == "2 + 2 = 4"


def test_requests_that_make_no_batch_are_refused() -> None:
    """The service would refuse the whole batch, a while later."""
    models = llmlab.models.known_models("openai")[:2]
    items = [{"prompt": "Hi", "model": model} for model in models]
    with pytest.raises(LLMInvalidRequestError, match="must name one model, not"):
        submit_batch(items, "openai")
    for name in SERVICES:
        with pytest.raises(LLMInvalidRequestError, match=r"request 1 has a deadline.*batch\.wait\(timeout=…\)"):
            submit_batch(["Hi", {"prompt": "Ho", "deadline": 3}], name)
    assert len(llmlab.trace()) == 0


def test_chat_completions_have_batches_too() -> None:
    batch, answers = finish("sync", get_provider("openai", api="chat"), PROMPTS)
    assert texts(answers)[0] == "2 + 2 = 4"
    # A program that opens it does not know its format.
    assert texts(reopen("sync", batch.id, get_provider("openai"))[1]) == texts(answers)


def test_the_frame_shows_answers_errors_and_the_price_of_batches() -> None:
    items = ["What is 2 + 2?", {"prompt": "Hi", "extra": {"temperature": 9}}]
    batch, outcomes = finish("sync", get_provider("anthropic"), items)
    frame = batch.frame()
    assert list(frame["state"]) == ["answered", "failed"]
    assert frame["error"][1].startswith("LLMInvalidRequestError: anthropic answered 400")
    first: Any = outcomes[0]
    usual = llmlab.models.price_of(first.usage.input_tokens, first.usage.output_tokens, first.model, "anthropic")
    assert usual
    assert frame["cost"][0] == pytest.approx(usual / 2)


def test_a_failover_has_a_batch_of_its_own() -> None:
    llm = Failover([get_provider("openai", max_retries=0), get_provider("ollama", max_retries=0)])
    with llmlab.faults("server_error", provider="openai"):
        _, answers = finish("sync", llm, PROMPTS)
    assert {one.provider for one in answers} == {"ollama"}


@pytest.mark.parametrize("name", LOCAL)
def test_other_providers_continue_from_a_file(name: str, tmp_path: Any) -> None:
    path = tmp_path / "batch.jsonl"
    first = submit_batch(PROMPTS, name, path=path)
    answers = first.wait()
    llm = get_provider(name)
    again, kept = reopen("sync", first.id, llm)
    assert texts(kept) == texts(answers)
    assert [one.usage for one in kept] == [one.usage for one in answers]  # type: ignore[union-attr]
    assert (llm.get_request_count(), again.status.state) == (0, "done")
    head = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert head["provider"] == name
