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
from tests.batches.trying import HERE, SERVICES, WAYS, done, opened, told
from tests.core.trying import NAMES

FORM = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PROMPTS = ["What is 2 + 2?", "Why is the sky blue?", "What is 17 * 23?"]


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_answers_as_single_calls_do(name: str, way: str) -> None:
    llm = get_provider(name)
    batch, answers = done(way, llm, PROMPTS)
    assert [str(one) for one in answers] == [llm.complete(prompt).content for prompt in PROMPTS]
    assert {(one.provider, one.source, one.finish_reason) for one in answers} == {(name, "simulated", "stop")}
    assert str(batch.status) == "done: 3 of 3 answered"


@pytest.mark.parametrize("name", NAMES)
def test_answers_in_a_form_are_objects(name: str) -> None:
    item = {"prompt": "What is the capital of Italy?", "response_format": FORM}
    _, outcomes = done("sync", get_provider(name), [item, "Hi"])
    answers: list[Any] = outcomes
    assert list(answers[0].parsed) == ["city"]
    assert answers[1].parsed is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_an_error_stands_in_the_place_of_its_request(name: str, way: str) -> None:
    """Else every answer behind it goes to the wrong question."""
    wrong = {"prompt": "Hi", "extra": {"messages": "Hi"} if name == "ollama" else {"temperature": 9}}
    batch, outcomes = done(way, get_provider(name, max_retries=0), [PROMPTS[0], wrong, PROMPTS[2]])
    assert told(outcomes) == ["2 + 2 = 4", "LLMInvalidRequestError", "17 * 23 = 391"]
    assert (batch.status.succeeded, batch.status.failed) == (2, 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*NAMES, "failover"])
def test_all_that_is_wrong_is_told_at_once_and_nothing_is_sent(name: str, way: str) -> None:
    llm = Failover(["openai", "ollama"]) if name == "failover" else get_provider(name)
    items: list[Any] = ["Hi", "", {"prompt": "Hi", "temperatur": 1}, {"prompt": "Hi", "max_tokens": 0}, {"text": "Hi"}]
    with pytest.raises(LLMInvalidRequestError, match="4 of 5 requests are wrong, and nothing was sent") as caught:
        done(way, llm, items)
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == [f"- request {number}" for number in (1, 2, 3, 4)]
    assert "did you mean 'temperature'" in lines[1]
    assert (llm.get_request_count(), len(llmlab.trace())) == (0, 0)


@pytest.mark.parametrize("nothing", [[], "Hi", {"prompt": "Hi"}, 3])
def test_a_batch_is_a_list(nothing: Any) -> None:
    """A single text would become a request for each of its letters."""
    with pytest.raises(LLMInvalidRequestError, match="list of"):
        submit_batch(nothing, "openai")


@pytest.mark.parametrize("name", NAMES)
def test_requests_are_written_in_any_way_that_prompts_are(name: str) -> None:
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
    _, answers = done("sync", get_provider(name), items, max_tokens=50)
    assert told(answers) == ["2 + 2 = 4"] * len(items)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SERVICES)
def test_a_batch_is_found_again_by_its_id(name: str, way: str) -> None:
    """After a restart nothing else is left of a batch that was paid."""
    batch = submit_batch(PROMPTS, name)
    again, answers = opened(way, batch.id, get_provider(name))
    assert told(answers)[::2] == ["2 + 2 = 4", "17 * 23 = 391"]
    assert again.id == batch.id
    assert batch.results() == answers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SERVICES)
def test_a_batch_that_is_gone_is_said_to_be_gone(name: str, way: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match=f"{name} has no batch 'batch_1', or not any more") as caught:
        opened(way, "batch_1", get_provider(name))
    assert caught.value.status_code == 404


@pytest.mark.parametrize("name", SERVICES)
def test_a_cancelled_batch_says_so_of_every_request(name: str) -> None:
    batch = submit_batch(PROMPTS, name)
    assert batch.cancel().state == "cancelling"
    outcomes: list[Any] = batch.wait()
    assert batch.status.state == "cancelled"
    assert [one.code for one in outcomes] == ["cancelled"] * 3


@pytest.mark.parametrize("name", SERVICES)
def test_results_are_none_while_they_may_still_come(name: str) -> None:
    batch = submit_batch(PROMPTS, name)
    assert batch.results() == [None] * 3
    assert list(batch.frame()["state"]) == ["waiting"] * 3
    assert batch.wait() == batch.results()


@pytest.mark.parametrize("name", NAMES)
def test_progress_is_told_in_words(name: str) -> None:
    said: list[str] = []
    submit_batch(PROMPTS, name).wait(progress=said.append)
    assert said[-1] == "batch done: 3 of 3 answered"
    assert all(line.startswith("batch running: ") for line in said[:-1])
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("name", SERVICES)
def test_an_interrupted_wait_goes_on(name: str) -> None:
    """Else a lost connection in the night loses the batch of a day."""
    batch = submit_batch(PROMPTS, get_provider(name, max_retries=0))
    with llmlab.faults("connect_refused"), pytest.raises(LLMConnectionError) as caught:
        batch.wait()
    assert caught.value.__notes__ == [f"The batch goes on: wait again, or later open_batch({batch.id!r}, {name!r})."]
    assert told(batch.wait())[0] == "2 + 2 = 4"


@pytest.mark.parametrize("name", SERVICES)
def test_a_passing_error_does_not_end_a_wait(name: str) -> None:
    batch = submit_batch(PROMPTS, name)
    with llmlab.faults("server_error", times=2):
        assert told(batch.wait())[2] == "17 * 23 = 391"


@pytest.mark.parametrize("name", SERVICES)
def test_submitting_is_never_tried_again(name: str) -> None:
    """A batch that arrived twice is paid twice."""
    with llmlab.faults("timeout", path="/batches"), pytest.raises(LLMTimeoutError):
        submit_batch(PROMPTS, name)
    assert [one.path for one in llmlab.trace()].count(llmlab.trace().last.path) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_waiting_ends_when_the_time_is_over(name: str) -> None:
    batch = submit_batch(PROMPTS, name)
    with pytest.raises(LLMTimeoutError, match=r"not over after 0 s \(running: 0 of 3 answered\)\. The batch goes on"):
        batch.wait(timeout=0)
    assert told(batch.wait(timeout=60))[0] == "2 + 2 = 4"


def test_a_file_of_openai_s_holds_one_model() -> None:
    """The service would throw the whole batch back, a while later."""
    models = llmlab.models.known_models("openai")[:2]
    items = [{"prompt": "Hi", "model": model} for model in models]
    with pytest.raises(LLMInvalidRequestError, match="must name one model, not"):
        submit_batch(items, "openai")
    assert len(llmlab.trace()) == 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_deadline_makes_no_sense_in_a_batch(name: str) -> None:
    with pytest.raises(LLMInvalidRequestError, match=r"request 1 has a deadline.*batch\.wait\(timeout=…\)"):
        submit_batch(["Hi", {"prompt": "Ho", "deadline": 3}], name)


def test_chat_completions_have_batches_too() -> None:
    batch, answers = done("sync", get_provider("openai", api="chat"), PROMPTS)
    assert told(answers)[0] == "2 + 2 = 4"
    # Whoever opens it need not know in which format it was asked.
    assert told(opened("sync", batch.id, get_provider("openai"))[1]) == told(answers)


def test_the_frame_shows_answers_errors_and_the_price_of_batches() -> None:
    items = ["What is 2 + 2?", {"prompt": "Hi", "extra": {"temperature": 9}}]
    batch, outcomes = done("sync", get_provider("anthropic"), items)
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
        _, answers = done("sync", llm, PROMPTS)
    assert {one.provider for one in answers} == {"ollama"}


@pytest.mark.parametrize("name", HERE)
def test_other_providers_go_on_from_a_file(name: str, tmp_path: Any) -> None:
    path = tmp_path / "batch.jsonl"
    first = submit_batch(PROMPTS, name, path=path)
    answers = first.wait()
    llm = get_provider(name)
    again, kept = opened("sync", first.id, llm)
    assert told(kept) == told(answers)
    assert [one.usage for one in kept] == [one.usage for one in answers]  # type: ignore[union-attr]
    assert (llm.get_request_count(), again.status.state) == (0, "done")
    head = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert head["provider"] == name
