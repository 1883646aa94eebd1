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
from llmlab.toolkit.evaluation.judge import judge_flow
from llmlab.transport.driver import run
from tests.cli.running import said
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


def test_an_answer_without_a_score_is_an_error(server: LoopbackServer, llm: Provider) -> None:
    huge = json.dumps({"reason": "!", "score": 10**400})
    for text in ("", "8", "8/10", '{"score": 80}', '{"score": "8"}', '{"score": null}', "{", "[8]", huge):
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


def test_a_judge_needs_criteria() -> None:
    wrong: Any
    for wrong in ("", "  ", None, 3):
        with pytest.raises(ConfigurationError, match="criteria"):
            Judge("ollama", wrong)


@pytest.mark.parametrize(
    ("value", "score"), [(numpy.float32(0.5), 0.5), (numpy.int64(3), 3.0), (True, 1.0), (10**400, None), ("9", None)]
)
def test_a_function_may_return_numbers_of_numpy(value: Any, score: float | None) -> None:
    """After all calls are paid, a score must not be lost to its type."""
    assert run(judge_flow(lambda answer, prompt: value, "Hi", "Hi")).score == score
