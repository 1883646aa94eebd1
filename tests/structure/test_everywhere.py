"""Thoughts, forms and pictures at the simulator: the same wish, in all four call shapes, at all five providers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, Field, HttpUrl, field_validator

import llmlab
from llmlab import Completion
from llmlab.providers import Provider
from tests.core.trying import NAMES, SHAPES, ask
from tests.painting import BLUE, RED, WHITE, png

pytestmark = pytest.mark.usefixtures("lab")
WHY = "Why is the sky blue?"
LETTER = 'Please send 12 pieces of "desk lamp" to Oslo.'
FLAG = png(BLUE, WHITE, RED, width=90, height=60)
# OpenAI and Anthropic show their thoughts only when they are told to; the others know no such wish.
SHOWN = {"openai": {"summary": "auto"}, "anthropic": {"summary": "auto"}}
COUNTED = ("openai", "anthropic", "openrouter")
"""Providers whose wire says how many tokens were thoughts."""


class Order(BaseModel):
    article: str
    pieces: int
    city: str | None


class Pair(BaseModel):
    pair: tuple[int, str]


class Rating(BaseModel):
    sure: float = Field(gt=0, lt=1)
    stars: int = Field(ge=3, le=5, description="of five")
    pairs: int = Field(gt=0, multiple_of=2)
    page: HttpUrl
    words: list[str] = Field(min_length=2)


class Label(BaseModel):
    city: str

    @field_validator("city")
    @classmethod
    def capitals(cls, city: str) -> str:
        if not city.isupper():
            raise ValueError("write it in capital letters")
        return city


def made(name: str, **options: Any) -> Provider:
    return llmlab.get_provider(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_thoughts_are_kept_apart_in_every_shape(name: str) -> None:
    """Else what a model only considered is read as what it says."""
    wish = {"effort": "high", **SHOWN.get(name, {})}
    answers = [ask(made(name), shape, WHY, reasoning=wish) for shape in SHAPES]
    assert len({(one.content, one.reasoning, one.usage) for one in answers}) == 1
    assert "The user asks" in answers[0].reasoning
    assert "The user asks" not in answers[0].content
    assert (answers[0].usage.reasoning_tokens > 0) is (name in COUNTED)


@pytest.mark.parametrize("name", NAMES)
def test_in_a_stream_thoughts_come_before_the_answer(name: str) -> None:
    """Else who shows them shows them too late."""
    with (
        made(name) as provider,
        provider.complete_stream(WHY, reasoning={"effort": "low", **SHOWN.get(name, {})}) as stream,
    ):
        kinds = ["thought" if chunk.reasoning else "answer" for chunk in stream]
    assert kinds == sorted(kinds, reverse=True)
    assert len(set(kinds)) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_form_is_filled_in_every_shape(name: str) -> None:
    """Else a program reads letters with one provider, or in one shape only."""
    answers = [ask(made(name), shape, LETTER, response_format=Order) for shape in SHAPES]
    assert [one.parsed for one in answers] == [Order(article="desk lamp", pieces=12, city="Oslo")] * 4
    as_dict = ask(made(name), "complete", LETTER, response_format=Order.model_json_schema())
    assert as_dict.parsed == {"article": "desk lamp", "pieces": 12, "city": "Oslo"}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "anthropic"])
def test_a_tuple_has_each_value_in_its_place(name: str) -> None:
    """Else a form that works with a model fails in front of a class. Anthropic takes no such schema."""
    answer = ask(made(name), "complete", LETTER, response_format=Pair)
    assert answer.parsed == Pair(pair=(12, "desk lamp"))


@pytest.mark.parametrize("name", NAMES)
def test_limits_are_kept_where_the_service_is_told_them_in_words(name: str) -> None:
    """Else a form that every model can fill fails offline, at some of the services."""
    answer = ask(made(name), "complete", "Rate the Oslo lamp.", response_format=Rating)
    assert len(llmlab.trace()) == 1
    assert 0 < answer.parsed.sure < 1


@pytest.mark.parametrize("shape", ["complete", "complete_async"])
@pytest.mark.parametrize("name", NAMES)
def test_a_broken_rule_is_mended_in_a_second_round(name: str, shape: str) -> None:
    """Else one slip of a model costs the whole answer; and a bill without the first round is too small."""
    first = ask(made(name), shape, LETTER, response_format={**Label.model_json_schema()})
    llmlab.trace().clear()
    answer = ask(made(name), shape, LETTER, response_format=Label)
    assert answer.parsed == Label(city="OSLO")
    assert len(llmlab.trace()) == 2
    assert answer.usage.output_tokens > first.usage.output_tokens
    assert answer.usage.input_tokens > 2 * first.usage.input_tokens


@pytest.mark.parametrize("shape", ["complete_stream", "complete_stream_async"])
@pytest.mark.parametrize("name", NAMES)
def test_a_stream_is_not_mended_but_says_so(name: str, shape: str) -> None:
    """Else a program goes on with an object that breaks its rule, or a reader sees the answer change."""
    with pytest.raises(llmlab.StructuredOutputError, match="city: Value error, write it in capital letters") as caught:
        ask(made(name), shape, LETTER, response_format=Label)
    assert caught.value.completion.content == '{"city": "Oslo"}'
    assert len(llmlab.trace()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_partial_object_grows_in_both_streams(name: str) -> None:
    """Else a form that is shown while it is written jumps back."""

    def grown(seen: list[Any]) -> list[Any]:
        return [one for at, one in enumerate(seen) if at == 0 or one != seen[at - 1]]

    async def read() -> list[Any]:
        async with made(name) as provider:
            stream = provider.complete_stream_async(LETTER, response_format=Order)
            assert stream.partial is None
            return [stream.partial async for _ in stream]

    with made(name) as provider, provider.complete_stream(LETTER, response_format=Order) as stream:
        seen = [stream.partial for _ in stream]
    assert seen == asyncio.run(read())
    steps = grown(seen)
    assert steps[-1] == {"article": "desk lamp", "pieces": 12, "city": "Oslo"}
    assert {"article": "desk lamp", "pieces": 12} in steps
    assert not any(step and step.get("pieces") == 1 for step in steps)


def looked(name: str, shape: str, **options: Any) -> Completion:
    """Show a picture to a model that sees."""
    model = {}
    if name == "ollama":
        httpx2.post("http://localhost:11434/api/pull", json={"model": "gemma3:4b", "stream": False})
    if name in ("ollama", "local_gpt_oss"):
        model = {"model": "gemma3:4b"}
    return ask(made(name, **model), shape, {"role": "user", "content": "What is this?", **options})


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_arrives_in_every_shape(name: str) -> None:
    """Else a model is asked about a picture that it was never sent."""
    answers = [looked(name, shape, images=[FLAG]) for shape in SHAPES]
    assert len({(one.content, one.usage) for one in answers}) == 1
    assert f"a PNG of 90 × 60 pixels and {len(FLAG)} bytes" in answers[0].content
    assert answers[0].usage.input_tokens > looked(name, "complete").usage.input_tokens


@pytest.mark.parametrize("name", ["openai", "anthropic", "openrouter", "local_gpt_oss"])
def test_an_address_of_a_picture_arrives(name: str) -> None:
    """Else pictures must be downloaded first, for services that fetch them."""
    assert "https://example.org/cat.png" in looked(name, "complete", images=["https://example.org/cat.png"]).content


@pytest.mark.parametrize("shape", SHAPES)
def test_ollama_fetches_nothing_and_says_so_before_the_call(shape: str) -> None:
    """Else a model of one's own answers about a picture that it never got."""
    with pytest.raises(llmlab.LLMInvalidRequestError, match="send its bytes"):
        looked("ollama", shape, images=["https://example.org/cat.png"])
    assert [one.path for one in llmlab.trace()] == ["/api/pull"]


@pytest.mark.parametrize("name", ["ollama", "local_gpt_oss"])
def test_a_model_that_sees_nothing_is_shown_nothing(name: str) -> None:
    """Else megabytes travel for a refusal."""
    with pytest.raises(llmlab.LLMInvalidRequestError, match="sees no images"):
        ask(made(name), "complete", {"role": "user", "content": "What is this?", "images": [FLAG]})
    assert len(llmlab.trace()) == 0


def test_a_later_question_about_a_picture_keeps_it() -> None:
    """Else the second turn of a conversation about a picture is about nothing."""
    with made("openai") as provider:
        first = {"role": "user", "content": "What is this?", "images": [FLAG]}
        before = provider.complete(first)
        after = provider.complete([first, before.message, {"role": "user", "content": "Which colours has it?"}])
    assert "90 × 60 pixels" in after.content


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_schema_thoughts_and_pictures_are_counted(name: str) -> None:
    """Else the count that the service gives is too small."""
    plain = made(name).count_tokens("What is this?")
    seen = made(name).count_tokens({"role": "user", "content": "What is this?", "images": [FLAG]})
    assert plain.method == seen.method == "endpoint"
    assert seen > plain
    made(name).count_tokens(LETTER, response_format=Order, reasoning={"effort": "low"})
    sent = llmlab.trace().last.request
    assert "Order" in str(sent)
    assert "low" in str(sent)


def test_the_effort_of_the_one_model_without_adaptive_thoughts_is_sent_alone() -> None:
    """Claude Opus 4.5 takes an effort, and refuses thinking that is adaptive."""
    opus = "claude-opus-4-5"
    with made("anthropic", model=opus) as provider:
        assert provider.complete(WHY, reasoning={"effort": "low"}).content
        sent = llmlab.trace().last.request
        assert (sent["output_config"], "thinking" in sent) == ({"effort": "low"}, False)
        assert provider.complete(WHY, reasoning={"budget_tokens": 2000}).reasoning


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wish", [{"summary": "auto"}, {"summary": "auto", "effort": "low"}], ids=str)
def test_a_wish_to_see_thoughts_is_not_dropped(wish: Any, shape: str) -> None:
    """Claude Opus 4.5 shows those within a budget alone; who asked for them would wait for nothing."""
    with pytest.raises(
        llmlab.LLMInvalidRequestError, match=r"claude-opus-4-5 shows thoughts that have a budget only: R"
    ):
        ask(made("anthropic", model="claude-opus-4-5"), shape, WHY, reasoning=wish)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_budget_leaves_what_room_the_model_has(shape: str) -> None:
    """Else the service refuses a limit that nobody has set."""
    answer = ask(made("anthropic", model="claude-haiku-4-5"), shape, WHY, reasoning={"budget_tokens": 62_000})
    assert answer.reasoning
    assert llmlab.trace().last.request["max_tokens"] == 64_000
    ask(made("anthropic"), shape, WHY, extra={"max_tokens": 5})
    assert llmlab.trace().last.request["max_tokens"] == 5
