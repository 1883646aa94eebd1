"""The interface of document 002. If one fails, a program written for that document breaks, or waits too long."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import llmlab
from llmlab.policies import Budget, Cache, Limits, RetryPolicy
from llmlab.toolkit.interfaces.wrapper import LLM, LLMAPIError, LLMConfig, Message
from tests.core import bodies
from tests.core.trying import KEY
from tests.loopback import LoopbackServer

HI = [Message(role="user", content="Hello!")]
TEXT = {
    "id": "cmpl_1",
    "model": "m-1",
    "choices": [{"index": 0, "text": " there was a model.", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9},
}


def wrapper(server: LoopbackServer, policies: Any = (), **config: Any) -> LLM:
    return LLM(LLMConfig(base_url=server.url, **config), policies=policies)


@pytest.mark.usefixtures("lab")
def test_the_snippets_of_the_document_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, apart from their imports, one after the other as a reader would try them."""
    from llmlab.toolkit.interfaces.wrapper import LLM, LLMConfig

    config = LLMConfig(
        base_url="http://127.0.0.1:8000",
        model="gpt-4",
        temperature=0.7,
        timeout=30,
        max_retries=3
    )  # fmt: skip

    llm = LLM(config)

    from llmlab.toolkit.interfaces.wrapper import Message

    messages = [
        Message(role="system", content="You are helpful."),
        Message(role="user", content="Hello!")
    ]  # fmt: skip

    response: Any = llm.chat_completion(messages)
    print(response.choices[0].message.content)

    response = llm.completion(
        prompt="Once upon a time",
        max_tokens=100
    )  # fmt: skip
    print(response.choices[0].text)

    models = llm.list_models()
    for model in models.data:
        print(model.id)

    with LLM(config) as llm:
        response = llm.chat_completion(messages)
        print(response.choices[0].message.content)
    # Automatically closes session

    response = llm.chat_completion(
        messages=[Message("user", "Hello!")],
        temperature=0.7,
        max_tokens=150
    )  # fmt: skip

    response = llm.completion(
        prompt="Text to complete",
        temperature=0.7,
        max_tokens=150
    )  # fmt: skip

    last = llm.get_last_response()
    count = llm.get_request_count()
    assert last is response
    assert count == 3
    llm.reset_session()
    llm.close()

    hello, story, name, again = capsys.readouterr().out.splitlines()
    assert hello.startswith("Hello!")
    assert story
    assert name == "gpt-oss:120b"
    assert again == hello


@pytest.mark.usefixtures("lab")
def test_the_examples_of_reuse_and_reset_run() -> None:
    """An instance for many prompts, and a fresh pool after each hundredth."""
    prompts = large_dataset = ["Hello!"] * 3
    config = LLMConfig()

    # Good: Reuse instance
    llm = LLM(config)
    for prompt in prompts:
        llm.chat_completion([Message("user", prompt)])

    # Bad: New instance each time
    for prompt in prompts:
        llm = LLM(config)  # Creates new connection
        llm.chat_completion([Message("user", prompt)])
        llm.close()

    request_count = 0
    for item in large_dataset:
        llm.chat_completion([Message("user", item)])
        request_count += 1  # noqa: SIM113

        if request_count % 2 == 0:
            llm.reset_session()  # Fresh connection pool
    assert llm.get_request_count() == 1
    llm.close()


def test_the_defaults_are_those_of_the_document() -> None:
    values = ("http://127.0.0.1:8000", None, "gpt-4", 0.7, None, 30, 3, 1.0)
    assert LLMConfig() == LLMConfig(*values)
    with LLM() as llm:
        assert llm.config == LLMConfig()
        assert (llm.client.base_url, llm.client.timeout) == ("http://127.0.0.1:8000", 30)


def test_config_call_and_further_parameters_are_sent(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    server.answer(bodies.CHAT)
    server.answer(TEXT)
    with wrapper(server, api_key=KEY, model="m", temperature=0.2, max_tokens=50) as llm:
        llm.chat_completion(HI, logit_bias={"50256": -100}, n=1, user=None)
        llm.chat_completion(HI, temperature=0, max_tokens=5, model="other")
        llm.completion("Once", echo=True)
    first, second, third = (one.body for one in server.seen)
    assert first == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello!"}],
        "temperature": 0.2,
        "max_tokens": 50,
        "logit_bias": {"50256": -100},
        "n": 1,
    }
    assert (second["model"], second["temperature"], second["max_tokens"]) == ("other", 0, 5)
    assert (third["prompt"], third["echo"]) == ("Once", True)
    assert [one.path for one in server.seen] == ["/v1/chat/completions"] * 2 + ["/v1/completions"]
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_url_may_have_its_v1(ending: str, server: LoopbackServer) -> None:
    server.answer({"data": [{"id": "b"}, {"id": "a"}]})
    with LLM(LLMConfig(base_url=server.url + ending)) as llm:
        assert [model.id for model in llm.list_models().data] == ["a", "b"]
    assert server.seen[0].path == "/v1/models"


def test_all_of_an_answer_is_there_with_dots(server: LoopbackServer) -> None:
    """Further choices, tool calls and a vendor's own fields."""
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    choices = [
        {"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "stop"},
    ]
    server.answer({**bodies.CHAT, "choices": choices, "timings": {"prompt_ms": 12}})
    with wrapper(server) as llm:
        answer = llm.chat_completion(HI, n=2)
    assert (answer.id, answer.model, answer.usage and answer.usage.total_tokens) == ("chat_1", "m-1", 8)
    assert [choice.message.content for choice in answer.choices] == ["A", None]
    assert (answer.choices[1].message.tool_calls or [])[0].function.name == "now"
    assert answer.choices[0].message.tool_calls is None
    assert answer.timings.prompt_ms == 12
    assert copy.deepcopy(answer) == pickle.loads(pickle.dumps(answer)) == answer
    assert "prompt_ms" in repr(answer)
    with pytest.raises(AttributeError, match="no 'choises' in this part of the answer; it has id, model, choices"):
        _ = answer.choises


def test_a_list_of_prompts_gives_a_choice_for_each(server: LoopbackServer) -> None:
    server.answer(TEXT)
    server.answer({**TEXT, "id": "cmpl_2", "choices": [{"index": 0, "text": " two", "finish_reason": "length"}]})
    with wrapper(server) as llm:
        answer = llm.completion(["Once", "One,"])
        assert [(choice.index, choice.text) for choice in answer.choices] == [(0, " there was a model."), (1, " two")]
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (8, 10, 18)
        assert (answer.id, llm.get_request_count()) == ("cmpl_1", 2)
        with pytest.raises(LLMAPIError, match="the list of prompts is empty"):
            llm.completion([])
    assert [one.body["prompt"] for one in server.seen] == ["Once", "One,"]


def test_a_session_has_a_last_answer_and_a_count_until_it_is_reset(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    with wrapper(server) as llm:
        assert (llm.get_last_response(), llm.get_request_count()) == (None, 0)
        first, second = llm.chat_completion(HI), llm.chat_completion(HI)
        assert llm.get_last_response() is second
        assert second == first
        assert (llm.get_request_count(), server.connections) == (2, 1)
        llm.reset_session()
        assert (llm.get_last_response(), llm.get_request_count()) == (None, 0)
        llm.chat_completion(HI)
        assert (llm.get_request_count(), server.connections) == (1, 2)


def test_threads_may_share_one(server: LoopbackServer) -> None:
    """What the docstring says of threads: each gets an answer, none is lost in the count."""
    server.answer(bodies.CHAT)
    barrier = threading.Barrier(8)

    def ask(number: int) -> Any:
        barrier.wait(30)
        return llm.chat_completion([Message("user", f"Hello {number}!")])

    with wrapper(server) as llm, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
        assert llm.get_request_count() == 8
        assert llm.get_last_response() in answers
    assert {one.body["messages"][0]["content"] for one in server.seen} == {f"Hello {number}!" for number in range(8)}
    assert "Threads may share it" in (LLM.__doc__ or "")


async def awaited(llm: LLM) -> llmlab.Completion:
    async with llm.client as client:
        return await client.complete_async(HI, temperature=1)


def test_the_enhancements_of_the_document_are_there(server: LoopbackServer, slept: list[float]) -> None:
    """Async, streams, usage, a cache, retries of one's own and rate limits, over the same connections and settings."""
    server.answer({"error": {"message": "wait"}}, 400)
    server.answer(bodies.CHAT)
    again = RetryPolicy(1, on=lambda error: error.status_code == 400, delay=lambda retry: 0.5)
    with wrapper(server, [Cache(), again, Limits(requests_per_minute=100)]) as llm:
        first = llm.chat_completion(HI)
        assert (llm.chat_completion(HI).id, len(server.seen), slept) == (first.id, 2, [0.5])
        assert asyncio.run(awaited(llm)).usage.total_tokens == 8
    server.answers[:] = []
    server.answer(bodies.sse([bodies.chat_piece("Hi", "stop")], done=True))
    with wrapper(server) as llm:
        assert [str(chunk) for chunk in llm.client.complete_stream(HI)] == ["Hi"]


def test_a_limit_that_is_not_set_is_not_sent(server: LoopbackServer) -> None:
    """None is the model's own limit, and no null in the request."""
    server.answer(bodies.CHAT)
    with wrapper(server) as llm:
        llm.chat_completion(HI)
    assert server.seen[0].body == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "temperature": 0.7,
    }


def test_a_budget_of_tokens_holds(server: LoopbackServer) -> None:
    server.answer(bodies.CHAT)
    with wrapper(server, [Budget(max_tokens=300)], max_tokens=80) as llm:
        llm.chat_completion(HI)
        with pytest.raises(llmlab.BudgetExceededError):
            llm.completion("A long story " * 40)
    assert len(server.seen) == 1


@pytest.mark.usefixtures("lab")
def test_many_prompts_are_one_batch() -> None:
    with LLM() as llm:
        batch = llmlab.submit_batch(["What is 2+3?", "What is 3+4?"], llm.client)
        assert [str(answer) for answer in batch.wait()] == ["2+3 = 5", "3+4 = 7"]


@pytest.mark.usefixtures("lab", "slept")
def test_ledger_tape_and_faults_are_those_of_the_client() -> None:
    """Costs count what comes through the wrapper, too, and an outage can be tried on it."""
    before = llmlab.ledger().total().calls
    with LLM() as llm:
        with llmlab.faults("overloaded", times=1):
            llm.chat_completion(HI)
        llm.completion("Once")
        assert llm.get_request_count() == 3
    assert llmlab.ledger().total().calls == before + 2
    assert [exchange.path for exchange in llmlab.trace()] == ["/v1/chat/completions"] * 2 + ["/v1/completions"]
