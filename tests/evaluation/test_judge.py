"""Judges that are models. If one fails, scores are made of what the judge did not say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy
import pytest

from llmlab import Judge, LLMError, compare
from llmlab.errors import ConfigurationError
from llmlab.providers import Provider
from llmlab.toolkit.evaluation.judge import Verdict, judged
from llmlab.transport.driver import Flow
from tests.cli.talking import said
from tests.core.trying import provider
from tests.loopback import LoopbackServer


@pytest.fixture
def llm(server: LoopbackServer) -> Iterator[Provider]:
    with provider("ollama", server.url, max_retries=0) as made:
        yield made


def judge_that_says(server: LoopbackServer, llm: Provider, text: str) -> Judge:
    server.answer(said(text))
    return Judge(llm, "Is it polite?")


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reason": "kind", "score": 8}', 8.0),
        ('Let me see.\n```json\n{"reason": "kind", "score": 7.5}\n```', 7.5),
        ('{"score": 3} no, rather {"reason": "kind", "score": 4}', 4.0),
        ('{"reason": "kind", "score": 0}', 0.0),
    ],
)
def test_a_score_is_read_wherever_it_stands(server: LoopbackServer, llm: Provider, text: str, score: float) -> None:
    judge = judge_that_says(server, llm, text)
    assert judge.score("You are welcome.", "Thanks!").score == score
    assert asyncio.run(scored_async(judge)).score == score


async def scored_async(judge: Judge) -> Any:
    try:
        return await judge.score_async("You are welcome.", "Thanks!")
    finally:
        await judge.provider.aclose()


@pytest.mark.parametrize("text", ["", "8", "8/10", '{"score": 80}', '{"score": "8"}', '{"score": null}', "{", "[8]"])
def test_what_is_no_score_is_none(server: LoopbackServer, llm: Provider, text: str) -> None:
    with pytest.raises(LLMError, match="the judge gave no score from 0 to 10"):
        judge_that_says(server, llm, text).score("a", "b")


def test_the_judge_is_not_told_whose_answer_it_reads(server: LoopbackServer, llm: Provider) -> None:
    judge = judge_that_says(server, llm, '{"reason": "kind", "score": 8}')
    found = compare(["Thanks!"], {"secret-name": judge.provider}, judge=judge, progress=False)
    asked, judged = (seen.body["messages"][-1]["content"] for seen in server.seen)
    assert asked == "Thanks!"
    assert "secret-name" not in judged
    assert "<question>\nThanks!\n</question>" in judged
    assert (found.rows[0].score, found.rows[0].reason) == (8.0, "kind")


def test_a_judge_that_is_down_costs_no_answer(server: LoopbackServer, llm: Provider) -> None:
    server.answer(said("You are welcome."))
    server.answer({"error": "down"}, 500)
    found = compare(["Thanks!"], {"a": llm}, judge=Judge(llm, "Is it polite?"), progress=False)
    assert found.rows[0].answer
    assert found.rows[0].reason.startswith("LLMAPIError: ollama answered 500")


def test_a_model_does_not_judge_twice_what_is_in_the_file(server: LoopbackServer, llm: Provider, tmp_path: Any) -> None:
    path = tmp_path / "run.jsonl"
    server.answer(said("You are welcome."))
    judge = judge_that_says(server, llm, '{"reason": "kind", "score": 8}')
    first = compare(["Thanks!"], {"a": judge.provider}, judge=judge, resume=path, progress=False)
    assert compare(["Thanks!"], {"a": judge.provider}, judge=judge, resume=path, progress=False) == first
    assert len(server.seen) == 2
    stricter = Judge(judge.provider, "Is it short?")
    compare(["Thanks!"], {"a": judge.provider}, judge=stricter, resume=path, progress=False)
    assert len(server.seen) == 3
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["score"] == 8.0


@pytest.mark.parametrize("criteria", ["", "  ", None, 3])
def test_a_judge_needs_criteria(criteria: Any) -> None:
    with pytest.raises(ConfigurationError, match="criteria"):
        Judge("ollama", criteria)


def test_a_number_that_no_float_holds_is_no_score(server: LoopbackServer, llm: Provider) -> None:
    """One such answer of a judge ended the whole comparison."""
    judge = judge_that_says(server, llm, json.dumps({"reason": "!", "score": 10**400}))
    with pytest.raises(LLMError, match="no score from 0 to 10"):
        judge.score("Hi", "Hi")


@pytest.mark.parametrize(
    ("given", "score"), [(numpy.float32(0.5), 0.5), (numpy.int64(3), 3.0), (True, 1.0), (10**400, None), ("9", None)]
)
def test_what_a_function_of_yours_returns_may_be_numpys(given: Any, score: float | None) -> None:
    """Whoever reckons with numpy got no scores, and after all the calls were paid."""
    assert next_verdict(judged(lambda answer, prompt: given, "Hi", "Hi")).score == score


def next_verdict(flow: Flow[Verdict]) -> Verdict:
    """Return what a flow comes to that waits for nothing."""
    with pytest.raises(StopIteration) as end:
        next(flow)
    found: Verdict = end.value.value
    return found
