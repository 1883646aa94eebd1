"""Answers in a given form. If one fails, text passes for an object, or a model pays for what it cannot mend."""

from __future__ import annotations

import json
from contextvars import copy_context
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

from llmlab import Failover
from llmlab._utils.clock import advance_to, now
from llmlab.errors import LLMInvalidRequestError, StructuredOutputError
from llmlab.policies import Cache
from llmlab.policies.base import Answer, Call, Inner
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion, Usage
from llmlab.types.options import ResponseFormat
from llmlab.types.structured_output import partial_object, with_parsed
from tests.core import bodies
from tests.core.trying import NAMES, SHAPES, ask, provider
from tests.loopback import LoopbackServer
from tests.pairs import pairs


class City(BaseModel):
    name: str
    people: int = Field(ge=0)

    @field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        if name == "Atlantis":
            raise ValueError("there is no such city, and its key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789")
        return name


class Sized(BaseModel):
    size: str

    @field_validator("size", mode="before")
    @classmethod
    def stripped(cls, size: str) -> str:
        return size.strip()


OSLO = '{"name": "Oslo", "people": 700000}'
WRONG = '{"name": "Oslo", "people": -1}'
PARSED = City(name="Oslo", people=700000)
WHOLE = ("complete", "complete_async")
STREAMS = ("complete_stream", "complete_stream_async")
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def saying(name: str, text: str, shape: str = "complete") -> Any:
    """Return an answer in a service's wire format that says a text; streamed in two pieces."""
    said = json.dumps(text)[1:-1]
    if shape in WHOLE:
        return json.loads(json.dumps(bodies.WHOLE[name]).replace(bodies.TEXT, said))
    half = len(text) // 2
    pieces = [json.dumps(piece)[1:-1] for piece in (text[:half], text[half:])]
    # The events of the stream say "Hello", " there" and "."; OpenAI's last one repeats the whole.
    stream = bodies.STREAM[name].replace(json.dumps(bodies.TEXT)[1:-1], said)
    for old, new in zip(bodies.PIECES, (*pieces, ""), strict=True):
        stream = stream.replace(f'"{old}"', f'"{new}"', 1)
    return stream


def ending(name: str, text: str, **how: Any) -> Any:
    """Return a whole answer that ended in another way."""
    body = saying(name, text)
    if name == "openai":
        return {**body, **how}
    if name in ("openrouter", "local_gpt_oss"):
        body["choices"][0].update(how)
        return body
    return {**body, **how}


CUT: dict[str, dict[str, Any]] = {
    "openai": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    "anthropic": {"stop_reason": "max_tokens"},
    "openrouter": {"finish_reason": "length"},
    "ollama": {"done_reason": "length"},
    "local_gpt_oss": {"finish_reason": "length"},
}
REFUSING: dict[str, dict[str, Any]] = {
    "openai": {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I must not."}]}]},
    "anthropic": {"stop_reason": "refusal", "content": [], "stop_details": {"explanation": "I must not."}},
    "openrouter": {"message": {"role": "assistant", "content": None, "refusal": "I must not."}},
    "local_gpt_oss": {"message": {"role": "assistant", "content": None, "refusal": "I must not."}},
}


def asked(server: LoopbackServer, name: str, shape: str = "complete", form: Any = City, **more: Any) -> Completion:
    return ask(provider(name, server.url, **more), shape, response_format=form)


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_the_answer_is_an_object(name: str, shape: str, server: LoopbackServer) -> None:
    server.answer(saying(name, OSLO, shape))
    answer = asked(server, name, shape)
    assert (answer.parsed, answer.content) == (PARSED, OSLO)
    assert len(server.seen) == 1


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, SHAPES))
def test_with_a_schema_it_is_a_dict(name: str, shape: str, server: LoopbackServer) -> None:
    server.answer(saying(name, OSLO, shape))
    assert asked(server, name, shape, SCHEMA).parsed == {"name": "Oslo", "people": 700000}


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, WHOLE))
def test_a_wrong_answer_is_asked_for_once_more(name: str, shape: str, server: LoopbackServer) -> None:
    """The model is told what it said and what was wrong; both answers are paid for."""
    server.answer(saying(name, WRONG))
    server.answer(saying(name, OSLO))
    answer = asked(server, name, shape)
    assert answer.parsed == PARSED
    assert answer.usage == Usage(10, 6, 16)
    first, second = (one.body for one in server.seen)
    key = "input" if name == "openai" else "messages"
    said, told = second[key][-2:]
    assert {**second, key: None} == {**first, key: None}
    assert (said["role"], said["content"]) == ("assistant", WRONG)
    assert told["role"] == "user"
    assert told["content"] == (
        "This is not what was asked for: people: Input should be greater than or equal to 0\n"
        "Answer again with the JSON object alone."
    )


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, WHOLE))
def test_a_second_wrong_answer_is_an_error(name: str, shape: str, server: LoopbackServer) -> None:
    """A model that cannot do it must not be paid for without end."""
    server.answer(saying(name, "Oslo, of course."))
    server.answer(saying(name, WRONG))
    with pytest.raises(StructuredOutputError) as caught:
        asked(server, name, shape)
    error = caught.value
    assert len(server.seen) == 2
    assert "the answer is no City: people: Input should be greater than or equal to 0" in error.message
    assert (error.provider, error.completion.content, error.completion.parsed) == (name, WRONG, None)
    assert error.usage == error.completion.usage == Usage(10, 6, 16)


@pytest.mark.parametrize(("name", "shape"), pairs(NAMES, STREAMS))
def test_a_stream_that_ends_wrong_says_so_when_its_result_is_asked_for(
    name: str, shape: str, server: LoopbackServer
) -> None:
    """What was shown is not asked for again; and a loop over the pieces is not broken at its end."""
    server.answer(saying(name, WRONG, shape))
    with pytest.raises(StructuredOutputError, match="the answer is no City: people") as caught:
        asked(server, name, shape)
    assert caught.value.completion.content == WRONG
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_was_cut_off_is_not_asked_for_again(name: str, server: LoopbackServer) -> None:
    """It would be cut off again; it needs more room."""
    server.answer(ending(name, OSLO[:-5], **CUT[name]))
    with pytest.raises(StructuredOutputError, match="the answer was cut off; give it more room: max_tokens=<tokens>"):
        asked(server, name)
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", REFUSING)
def test_a_refusal_is_not_asked_for_again(name: str, server: LoopbackServer) -> None:
    """Who refused once is not pressed."""
    server.answer(ending(name, "", **REFUSING[name]))
    with pytest.raises(StructuredOutputError, match=r"the model refused: I must not\.") as caught:
        asked(server, name)
    assert caught.value.completion.refusal == "I must not."
    assert len(server.seen) == 1


def test_what_a_filter_cut_off_is_not_asked_for_again(server: LoopbackServer) -> None:
    server.answer(ending("openrouter", '{"name": "Os', finish_reason="content_filter"))
    with pytest.raises(StructuredOutputError, match="the service's filter cut the answer off"):
        asked(server, "openrouter")
    assert len(server.seen) == 1


def test_an_answer_that_calls_tools_has_no_object_yet(server: LoopbackServer) -> None:
    """The object comes after the tools have answered."""
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.answer(ending("openrouter", "", message=message, finish_reason="tool_calls"))
    answer = asked(server, "openrouter")
    assert (answer.parsed, answer.tool_calls[0].name) == (None, "now")
    assert len(server.seen) == 1


def test_an_empty_answer_is_not_repeated_to_the_service(server: LoopbackServer) -> None:
    """Anthropic refuses an empty turn."""
    server.answer(saying("anthropic", ""))
    server.answer(saying("anthropic", OSLO))
    assert asked(server, "anthropic").parsed == PARSED
    assert [turn["role"] for turn in server.seen[1].body["messages"]] == ["user", "user"]


def test_an_error_of_the_repair_is_an_error(server: LoopbackServer) -> None:
    server.answer(saying("openai", WRONG))
    server.answer({"error": {"message": "no"}}, 400)
    with pytest.raises(LLMInvalidRequestError):
        asked(server, "openai")


def test_the_repair_has_the_time_that_is_left(server: LoopbackServer) -> None:
    """A deadline is one of the whole call."""
    deadlines: list[float | None] = []

    class NineSeconds:
        kind = "slow"

        def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
            deadlines.append(call.request.deadline)
            advance_to(now() + 9)
            return (yield from inner(call))

    server.answer(saying("openai", WRONG))
    server.answer(saying("openai", OSLO))
    with provider("openai", server.url, policies=[NineSeconds()]) as made:
        # The skipped seconds end with the context.
        answer = copy_context().run(made.complete, "Hi", response_format=City, deadline=60)
    assert answer.parsed == PARSED
    assert deadlines == [60, pytest.approx(51, abs=0.9)]


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{OSLO}\n```",
        f"```\n{OSLO}\n```\n",
        f"\n```json\n{OSLO}",
        f"```json\n{OSLO}\n```\nI hope this helps!",
        f"  {OSLO}\n",
    ],
    ids=repr,
)
def test_fenced_json_is_json(text: str) -> None:
    """Small models fence their JSON, however they were asked."""
    assert with_parsed(Completion(text, "m"), ResponseFormat.of(City)).parsed == PARSED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "the answer is no answer: it is a JSON list, not an object"),
        ("[" * 100_000, "the answer is no answer: RecursionError"),
        ("Oslo", "the answer is not JSON: Expecting value"),
        ("", "the answer is not JSON: Expecting value"),
    ],
)
def test_what_is_no_object_is_said(text: str, told: str) -> None:
    with pytest.raises(StructuredOutputError) as caught:
        with_parsed(Completion(text, "m"), ResponseFormat.of(SCHEMA))
    assert told in caught.value.message


@pytest.mark.parametrize("shape", SHAPES)
def test_a_validator_that_stumbles_is_a_wrong_answer(shape: str, server: LoopbackServer) -> None:
    """It meets what its author did not think of, and that is an answer in another form, not a broken program."""
    for _ in range(2):
        server.answer(saying("openai", '{"size": 4}', shape))
    with pytest.raises(StructuredOutputError, match="AttributeError: 'int' object has no attribute 'strip'") as caught:
        ask(provider("openai", server.url), shape, response_format=Sized)
    assert isinstance(caught.value.__cause__, AttributeError)
    assert caught.value.completion.content == '{"size": 4}'


def test_a_complaint_names_every_field_and_no_key() -> None:
    text = '{"name": "Atlantis"}'
    with pytest.raises(StructuredOutputError) as caught:
        with_parsed(Completion(text, "m"), ResponseFormat.of(City))
    told = caught.value.complaint
    assert "name: Value error, there is no such city" in told
    assert "people: Field required" in told
    assert "sk-proj-abc" not in told + str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_the_object_can_be_watched_as_it_grows(name: str, server: LoopbackServer) -> None:
    server.answer(saying(name, OSLO, "complete_stream"), piece=10)
    with provider(name, server.url) as made, made.complete_stream("Hi", response_format=City) as stream:
        seen = [stream.partial for _ in stream]
    assert seen[0] == {"name": "Oslo"}
    assert seen[-1] == stream.result.parsed.model_dump() == stream.partial


def test_a_stream_that_was_left_has_no_object(server: LoopbackServer) -> None:
    """Half an object is no error of the model; what came is there."""
    server.answer(saying("ollama", OSLO, "complete_stream"))
    with provider("ollama", server.url) as made, made.complete_stream("Hi", response_format=City) as stream:
        next(stream)
    assert (stream.result.parsed, stream.result.content) == (None, OSLO[: len(OSLO) // 2])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def is_part(part: Any, whole: Any) -> bool:
    """Return whether a value could grow into another one."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(is_part, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return bool(part == whole)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.booleans(), st.booleans(), st.integers(0, 400))
@example({"a": 'quote " and \\ slash', "é": ["\ud7ff", 12345]}, False, False, 12)
def test_however_it_is_split_a_partial_object_only_grows(
    whole: dict[str, Any], fenced: bool, ascii_only: bool, cut: int
) -> None:
    """Who draws it while it comes must never have to take anything back."""
    text = json.dumps(whole, ensure_ascii=ascii_only, indent=2 if fenced else None)
    text = f"```json\n{text}\n```" if fenced else text
    first, second = partial_object(text[:cut]), partial_object(text[: cut + 3])
    assert partial_object(text) == whole
    assert first is None or is_part(first, whole)
    assert first is None or (second is not None and is_part(first, second))


def test_a_number_is_there_once_it_is_whole() -> None:
    """700 of 700000 people, shown for a moment, is a wrong answer."""
    assert partial_object('{"people": 700') == {}
    assert partial_object('{"sizes": [1, 70') == {"sizes": [1]}
    assert partial_object('{"people": 700000}') == {"people": 700000}


@pytest.mark.parametrize("text", ["", "Oslo", "[1, 2]", "42", '"a"', "```js"])
def test_what_is_no_object_has_no_part(text: str) -> None:
    assert partial_object(text) is None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_kept_answer_is_an_object_again(shape: str, server: LoopbackServer) -> None:
    server.answer(saying("openai", OSLO, shape))
    cache = Cache()
    answers = [asked(server, "openai", shape, policies=[cache]) for _ in range(2)]
    assert [one.parsed for one in answers] == [PARSED, PARSED]
    assert [one.source for one in answers] == ["live", "cached"]
    assert len(server.seen) == 1


def test_another_form_is_another_question(server: LoopbackServer) -> None:
    """A cache must not give an object of one form for one of another."""
    server.answer(saying("openai", OSLO))
    cache = Cache()
    assert asked(server, "openai", policies=[cache]).parsed == PARSED
    assert asked(server, "openai", form=SCHEMA, policies=[cache]).parsed == {"name": "Oslo", "people": 700000}
    assert len(server.seen) == 2


@pytest.mark.parametrize("shape", SHAPES)
def test_who_stands_in_gives_the_object_too(shape: str, server: LoopbackServer, slept: list[float]) -> None:
    with LoopbackServer() as other:
        server.answer({"error": {"message": "down"}}, 503)
        other.answer(saying("anthropic", OSLO, shape))
        members = [provider("openai", server.url, policies=[]), provider("anthropic", other.url, policies=[])]
        answer = ask(Failover(members), shape, response_format=City)
    assert (answer.parsed, answer.provider) == (PARSED, "anthropic")
    assert answer.why == "openai failed (LLMAPIError); so anthropic answered"


def test_a_wrong_form_does_not_move_a_failover_on(server: LoopbackServer) -> None:
    """The service answers; it is its model that cannot do it, and asking the next one costs again."""
    server.answer(saying("openai", "no"))
    made = Failover([provider("openai", server.url), provider("ollama", server.url)])
    with pytest.raises(StructuredOutputError):
        ask(made, "complete", response_format=City)
    assert {one.path for one in server.seen} == {"/v1/responses"}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_response_of_a_session_has_its_object(shape: str, server: LoopbackServer) -> None:
    server.answer(saying("ollama", OSLO, shape))
    made = provider("ollama", server.url)
    answer = ask(made, shape, response_format=City)
    last = made.get_last_response()
    assert last is not None
    assert (last.content, last.parsed) == (OSLO, answer.parsed)
