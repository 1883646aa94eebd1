"""The tables in `llmlab/formats/README.md`. If one fails, a reader builds on fields that do not exist."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from llmlab.formats import FORMATS
from llmlab.types.request import Request
from tests.exchanges import ANSWERS, Exchange
from tests.format_comparison.samples import SAMPLES
from tests.format_comparison.table import (
    BEGIN,
    CHATS,
    END,
    NOTHING,
    README,
    ROWS,
    TEXTS,
    errors_of,
    fields_of,
    requests,
    stream_of,
    tables,
    with_tables,
)


def test_the_readme_is_up_to_date() -> None:
    """Run python3 -m tests.format_comparison.table after a change of a format, and read the difference."""
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text


def test_only_the_text_between_the_marks_is_written() -> None:
    """Else a paragraph that a person wrote is lost."""
    assert with_tables(f"before\n{BEGIN}\nold\n{END}\nafter\n") == f"before\n{BEGIN}\n{tables()}\n{END}\nafter\n"


def test_every_format_and_every_option_has_its_cells() -> None:
    """An option that is added to requests must appear in the table, too."""
    assert {*CHATS, *TEXTS} == set(FORMATS) == set(SAMPLES)
    assert {row.name for row in ROWS} <= set(requests(CHATS))
    options = {name for row in ROWS for name in row.options}
    assert {item.name for item in fields(Request)} - options == {"messages", "model", "deadline", "extra"}


def test_rows_on_requests_show_the_json_of_each_format() -> None:
    rows = {label: dict(zip(CHATS, cells, strict=True)) for label, cells in requests(CHATS).items()}
    assert rows["address"]["ollama"] == "POST /api/chat"
    assert rows["system prompt"]["openai_responses"] == '{"instructions": "Be brief."}'
    assert rows["roles"]["anthropic_messages"] == "user, assistant"
    assert rows["temperature"]["anthropic_messages"] == "refused"
    assert json.loads(rows["tool result"]["openai_chat"]) == {
        "messages": [{"role": "tool", "content": "12:00", "tool_call_id": "c1"}]
    }


def test_rows_on_responses_show_the_path_of_each_field() -> None:
    found = {name: fields_of(FORMATS[name], SAMPLES[name]) for name in FORMATS}
    assert found["anthropic_messages"]["content"] == "content[].text"
    assert found["openai_chat"]["tool call: arguments"].endswith("function.arguments (JSON in a text)")
    assert found["ollama"]["tool call: arguments"] == "message.tool_calls[].function.arguments (an object)"
    assert (found["ollama"]["tool call: id"], found["ollama"]["usage.total_tokens"]) == ("generated", "the sum")
    assert found["openai_responses"]["finish_reason 'length'"] == "incomplete, max_output_tokens"


def test_rows_on_streams_and_errors_are_filled_for_every_format() -> None:
    for name, sample in SAMPLES.items():
        stream, errors = stream_of(FORMATS[name], sample), errors_of(FORMATS[name], sample)
        assert NOTHING not in {label: stream[label] for label in ("framing", "text", "usage", "end")}.values(), name
        assert errors["error: message"].startswith("error")
        assert "error" in errors["error in a stream"]


def test_stream_and_answer_of_a_sample_agree() -> None:
    """Samples that contradict each other would make tables that do."""
    for name, sample in SAMPLES.items():
        decoder = FORMATS[name].stream()
        for event in sample.stream:
            decoder.feed(event)
        whole, streamed = FORMATS[name].decode(sample.answer), decoder.completion()
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
"""What an exchange is known to hold, and the row of the table with its path."""


def format_of(sample: Exchange) -> str:
    # One decoder reads both formats of Ollama.
    assert sample.format
    return "ollama_generate" if sample.path.endswith("/generate") else sample.format.name


def at(path: str, value: Any) -> list[Any]:
    """Return the values at a path; `[]` is every item of a list."""
    for step in path.split("."):
        name, several, _ = step.partition("[]")
        found = [item.get(name) for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
        value = [one for item in found if isinstance(item, list) for one in item] if several else found
    return [item for item in value if item not in (None, "")]


def test_exchanges_have_their_values_at_the_paths_of_the_table() -> None:
    """The samples of the table and the exchanges were written independently of each other."""
    exchanges = [one for one in ANSWERS if not one.stream]
    assert {format_of(one) for one in exchanges} == set(FORMATS)
    for one in exchanges:
        paths, body = fields_of(FORMATS[format_of(one)], SAMPLES[format_of(one)]), json.loads(one.body)
        for key, row in EXPECTED.items():
            if expected := one.expect.get(key):
                found = at(paths[row], body)
                joined = "".join(found) if isinstance(expected, str) else found
                assert joined in (expected, [expected]), (one.name, row, paths[row])
