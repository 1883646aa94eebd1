"""Exercise 0.1 on every provider: the right answer is praised, and each wrong one is told what it did."""

from __future__ import annotations

import pytest

import llmlab
from llmlab.lab.exercises import check

PROVIDERS = ["openai", "anthropic", "openrouter", "ollama", "local_gpt_oss"]
RIGHT = "0.1 right. You sent one request, allowed 20 tokens, and returned the answer's text."

pytestmark = pytest.mark.usefixtures("lab")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_solution_is_right_and_so_is_a_stream(provider: str) -> None:
    """`run 00 --provider …` must end with the same words for everybody."""
    llm = llmlab.get_provider(provider)
    assert repr(check("0.1", lambda question: llm.complete(question, max_tokens=20).content)) == RIGHT
    assert repr(check("0.1", lambda question: "".join(map(str, llm.complete_stream(question, max_tokens=20))))) == RIGHT


def said(answer: object) -> str:
    verdict = check("0.1", answer)
    assert not verdict.right
    return verdict.message


def test_wrong_answers_are_told_what_they_did() -> None:
    """ "Wrong" alone sends a learner to the solution."""
    llm = llmlab.get_provider("openai")
    assert "asked nobody" in said(lambda question: "Because it is.")
    assert "something else than the question" in said(lambda question: llm.complete("Hi", max_tokens=20).content)
    assert "sets no limit" in said(lambda question: llm.complete(question).content)
    assert "allows 50 tokens" in said(lambda question: llm.complete(question, max_tokens=50).content)
    assert "a Completion. You want its text" in said(lambda question: llm.complete(question, max_tokens=20))
    assert "is not the answer's text" in said(lambda question: llm.complete(question, max_tokens=20).content + "!")
    assert 'without brackets: check("0.1", short_answer)' in said("Because it is.")


def test_a_forgotten_return_is_named() -> None:
    llm = llmlab.get_provider("openai")

    def forgot(question: str) -> None:
        llm.complete(question, max_tokens=20)

    assert "returned nothing. Does it end with return?" in said(forgot)


def test_asking_twice_is_named() -> None:
    """Live, the learner pays for both."""
    llm = llmlab.get_provider("openai")

    def twice(question: str) -> str:
        llm.complete(question, max_tokens=20)
        return llm.complete(question, max_tokens=20).content

    assert "you asked 2 times" in said(twice)
