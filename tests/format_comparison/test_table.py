"""The table in `llmlab/formats/README.md`. If one fails, a reader builds on fields that are not there."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from llmlab.formats import FORMATS
from llmlab.toolkit.format_comparison.__main__ import README
from llmlab.toolkit.format_comparison.answers import NOTHING, errors_of, fields_of, stream_of
from llmlab.toolkit.format_comparison.requests import ROWS
from llmlab.toolkit.format_comparison.samples import SAMPLES
from llmlab.toolkit.format_comparison.table import BEGIN, CHATS, END, TEXTS, asked, tables, with_table
from llmlab.types.request import Request
from tests.exchanges import ANSWERS, Exchange


def test_the_readme_is_up_to_date() -> None:
    """Run python3 -m llmlab.toolkit.format_comparison after a change of a wire format, and read what has changed."""
    assert with_table(README.read_text(encoding="utf-8")) == README.read_text(encoding="utf-8")


def test_only_what_is_between_the_marks_is_written() -> None:
    """Else a word that a person wrote would be lost."""
    made = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert made == f"before\n{BEGIN}\n{tables()}\n{END}\nafter\n"


def test_every_format_and_every_row_is_there() -> None:
    assert {*CHATS, *TEXTS} == set(FORMATS) == set(SAMPLES)
    assert {row.name for row in ROWS} <= set(asked(CHATS))
    assert all(any(cell not in (NOTHING, "refused") for cell in cells) for cells in asked(CHATS).values())


def test_every_option_of_a_request_has_a_row() -> None:
    """An option that is added to requests appears in the table, too."""
    options = {name for row in ROWS for name in row.options}
    assert {item.name for item in fields(Request)} - options == {"messages", "model", "deadline", "extra"}


def test_what_is_asked_says_how() -> None:
    rows = {label: dict(zip(CHATS, cells, strict=True)) for label, cells in asked(CHATS).items()}
    assert rows["address"]["ollama"] == "POST /api/chat"
    assert rows["system prompt"]["openai_responses"] == '{"instructions": "Be brief."}'
    assert rows["system prompt"]["anthropic_messages"] == '{"system": "Be brief."}'
    assert rows["words for roles"]["anthropic_messages"] == "user, assistant"
    assert rows["temperature"]["anthropic_messages"] == "refused"
    assert json.loads(rows["tool result"]["openai_chat"]) == {
        "messages": [{"role": "tool", "content": "12:00", "tool_call_id": "c1"}]
    }
    assert rows["max_tokens"]["ollama"] == '{"options": {"num_predict": 100}}'


def test_what_is_answered_says_where() -> None:
    found = {name: fields_of(FORMATS[name], SAMPLES[name]) for name in FORMATS}
    assert found["anthropic_messages"]["content"] == "content[].text"
    assert found["openai_chat"]["tool call: arguments"].endswith("function.arguments (JSON in a text)")
    assert found["ollama"]["tool call: arguments"] == "message.tool_calls[].function.arguments (an object)"
    assert found["ollama"]["tool call: id"] == "made up"
    assert found["ollama"]["usage.total_tokens"] == "the sum"
    assert found["openai_responses"]["finish_reason 'length'"] == "incomplete, max_output_tokens"


@pytest.mark.parametrize("name", FORMATS)
def test_streams_and_errors_are_told_for_every_format(name: str) -> None:
    stream = stream_of(FORMATS[name], SAMPLES[name])
    assert NOTHING not in {label: stream[label] for label in ("framing", "piece of text", "usage", "end")}.values()
    errors = errors_of(FORMATS[name], SAMPLES[name])
    assert errors["error: message"].startswith("error")
    assert "error" in errors["stream that breaks"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_and_a_whole_answer_of_the_samples_say_the_same(name: str) -> None:
    """Samples that contradict each other would make a table that does."""
    decoder = FORMATS[name].stream()
    for event in SAMPLES[name].stream:
        decoder.feed(event)
    whole, streamed = FORMATS[name].decode(SAMPLES[name].answer), decoder.completion()
    assert (streamed.content, streamed.usage, streamed.id) == (whole.content, whole.usage, whole.id)
    assert decoder.finished


EXPECTED = {
    "text": "content",
    "response_id": "id",
    "input_tokens": "usage.input_tokens",
    "output_tokens": "usage.output_tokens",
    "cached_tokens": "usage.cached_tokens",
    "cache_read_tokens": "usage.cached_tokens",
    "reasoning_tokens": "usage.reasoning_tokens",
    "refusal": "refusal",
}
"""What real traffic is known to say, and the row of the table that says where."""


def format_of(sample: Exchange) -> str:
    # Both formats of Ollama are read by one decoder.
    assert sample.format
    return "ollama_generate" if sample.path.endswith("/generate") else sample.format.name


def at(path: str, value: Any) -> list[Any]:
    """What stands at a path; `[]` stands for every place in a list."""
    for step in path.split("."):
        name, several, _ = step.partition("[]")
        found = [item.get(name) for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
        value = [one for item in found if isinstance(item, list) for one in item] if several else found
    return [item for item in value if item not in (None, "")]


@pytest.mark.parametrize("sample", [one for one in ANSWERS if not one.stream], ids=lambda sample: sample.name)
def test_exchanges_hold_what_the_table_says_where_it_says_it(sample: Exchange) -> None:
    """The samples of the table and the exchanges were written apart from each other."""
    places = fields_of(FORMATS[format_of(sample)], SAMPLES[format_of(sample)])
    body = json.loads(sample.body)
    for key, row in EXPECTED.items():
        if expected := sample.expect.get(key):
            found = at(places[row], body)
            assert ("".join(found) if isinstance(expected, str) else found) in (expected, [expected]), (
                row,
                places[row],
            )


def test_every_format_has_an_exchange() -> None:
    """Without this, a format without exchanges would pass as proven."""
    assert {format_of(one) for one in ANSWERS if not one.stream} == set(FORMATS)
