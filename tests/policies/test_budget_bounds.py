"""How much a call could use at most. If one fails, a budget is a promise that nobody can keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import llmlab
from llmlab import Budget, BudgetExceededError, tool
from llmlab.formats import OPENAI_CHAT
from llmlab.policies import Call
from llmlab.policies.budget import _PICO, Tokens, _Account, used_by, worst_case
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import ToolCall
from llmlab.types.request import build_request
from tests.core.trying import NAMES
from tests.policies.test_budget import PAID, with_budget


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


def test_without_any_bound_a_call_is_refused() -> None:
    with pytest.raises(
        BudgetExceededError, match=r"it is unknown how much a call of openrouter/auto could use at most"
    ):
        with_budget(Budget(max_tokens=10**9), "openrouter", model="openrouter/auto").complete("Hi")
    assert with_budget(Budget(max_calls=1), "openrouter", model="openrouter/auto").complete("Hi").content


@pytest.mark.parametrize("name", PAID)
def test_what_the_service_can_read_unseen_counts_as_the_whole_window(name: str) -> None:
    """An earlier conversation that is only named may be as long as the window."""
    with pytest.raises(BudgetExceededError, match=r"\(1,0[05]0,000 tokens in, 10 out\)"):
        with_budget(Budget(max_usd=0.01), name).complete("Hi", max_tokens=10, extra={"previous_response_id": "r"})


def test_two_answers_are_twice_as_long() -> None:
    with pytest.raises(BudgetExceededError, match=r"tokens in, 20 out\)"):
        with_budget(Budget(max_tokens=1), api="chat").complete("Hi", max_tokens=10, extra={"n": 2})


@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_has_more_tokens_than_reserved(name: str) -> None:
    """The bound holds for tools, long histories and every script."""

    @tool
    def weather(city: str) -> str:
        """Tell the weather of a city."""
        return city

    prompt = [
        {"role": "system", "content": "Répondez en une phrase."},
        {"role": "user", "content": "東京の天気は？ 🌦️" * 20},
        {"role": "assistant", "tool_calls": [ToolCall("c1", "weather", {"city": "東京"})]},
        {"role": "tool", "tool_call_id": "c1", "content": "☀️ 31 °C"},
    ]
    budget = Budget(max_tokens=10_000)
    usage = with_budget(budget, name).complete(prompt, tools=[weather.definition], max_tokens=100).usage
    assert usage.total_tokens - usage.output_tokens <= 64 + 4 * 32 + 1024 + 2 * 400 + 1000
    assert budget.spent_tokens == usage.total_tokens


def test_images_schemas_and_files_are_bounded() -> None:
    """None of them is text whose bytes could be counted."""

    def most(**more: Any) -> int:
        message = {"role": "user", "content": "Hi", "images": more.pop("images", ())}
        request = build_request(message, "gpt-4o", more)
        found = worst_case(Call("openai", "", OPENAI_CHAT, request, {"max_tokens": 7}, False, pytest.fail))
        assert found is not None
        assert found.output == 7
        return found.input

    assert most(images=("https://example.test/1.png", "https://example.test/2.png")) == most() + 2 * 25_000
    assert most(response_format={"type": "object"}) == most() + 1_024 + 18
    assert most(file_search={"vector_store_ids": ["vs_1"]}) == 128_000, "as much as fits into the window"


def test_tokens_from_a_vendor_s_cache_are_counted_and_cheaper() -> None:
    """Anthropic leaves them out of the input tokens."""
    usage = Usage(input_tokens=10, output_tokens=5, total_tokens=1015, cached_tokens=900)
    done = Completion("Hi", "m", finish_reason="stop", usage=usage)
    assert used_by(done, None, Tokens(2000, 50)) == Tokens(1010, 5, 900)


def test_an_answer_without_a_word_about_tokens_is_counted_by_its_length() -> None:
    silent = Completion("Hello", "m", finish_reason="stop", tool_calls=(ToolCall("1", "f", {"a": 1}),))
    assert used_by(silent, None, Tokens(100, 50)) == Tokens(100, 14)
    assert used_by(silent, None, Tokens(100, 7)) == Tokens(100, 7)
    assert used_by(silent, None, None) == Tokens(0, 14)


@pytest.mark.parametrize(
    ("dollars", "words"),
    [(0, "$0.00"), (0.05, "$0.05"), (0.5, "$0.50"), (1, "$1.00"), (1234.567, "$1,234.57"), (0.000034, "$0.000034")],
)
def test_sums_are_said_as_people_write_them(dollars: float, words: str) -> None:
    """$0.00 for everything below a cent would say nothing of a lesson's calls."""
    assert _Account("USD", None).words(round(dollars * _PICO)) == words
