"""The second step of real tool loops. If one fails, a service no longer knows which call a result belongs to."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from llmlab.formats import FORMATS, Format
from llmlab.formats.parsing import text
from llmlab.types.completion import Completion
from llmlab.types.messages import Message, Role
from llmlab.types.request import Request
from tests.conftest import SAMPLES

Linkage = tuple[list[tuple[str, str, Any]], list[tuple[str, str]]]


def found_loops() -> list[Any]:
    """Neighbouring steps of recorded loops, the first asking for tools; one that skips where there are no samples."""
    groups: dict[str, dict[int, dict[str, Any]]] = {}
    for file in sorted(SAMPLES.glob("*.json")):
        sample = json.loads(file.read_text(encoding="utf-8"))
        if sample.get("group"):
            groups.setdefault(sample["group"], {})[sample["step"]] = sample
    pairs = [
        pytest.param(steps[first], steps[second], id=f"{group}-{second}")
        for group, steps in groups.items()
        for first, second in pairwise(sorted(steps))
        if second == first + 1 and steps[first]["expect"].get("tool_calls")
    ]
    reason = "shared/wire-samples is not beside this checkout: the real tool loops cannot be tried"
    return pairs or [pytest.param(None, None, id="absent", marks=pytest.mark.skip(reason=reason))]


def format_of(path: str) -> Format:
    if path.endswith("/responses"):
        return FORMATS["openai_responses"]
    return FORMATS["anthropic_messages" if path.endswith("/messages") else "openai_chat"]


def read_answer(format: Format, sample: dict[str, Any]) -> Completion:
    body = sample["body"]
    if not sample["stream"]:
        return format.decode(json.loads(body) if isinstance(body, str) else body)
    framing, decoder = format.framing(), format.stream()
    for event in framing.feed(body.encode()) + framing.flush():
        decoder.feed(event)
    return decoder.completion()


def linkage(body: dict[str, Any], wanted: set[str]) -> Linkage:
    """The tool calls and the results in a body, whatever its format, as far as their ids are wanted."""
    calls: list[tuple[str, str, Any]] = []
    results: list[tuple[str, str]] = []
    turns = body.get("messages") or [item for item in body["input"] if isinstance(item, dict)]
    blocks = [block for turn in turns if isinstance(turn.get("content"), list) for block in turn["content"]]
    for item in [*turns, *blocks]:
        kind = item.get("type")
        if kind == "function_call":
            calls.append((item["call_id"], item["name"], json.loads(item["arguments"])))
        elif kind == "function_call_output":
            results.append((item["call_id"], text(item["output"])))
        elif kind == "tool_use":
            calls.append((item["id"], item["name"], item["input"]))
        elif kind == "tool_result":
            results.append((item["tool_use_id"], text(item["content"])))
        elif item.get("role") == "tool":
            results.append((item["tool_call_id"], text(item["content"])))
        for call in item.get("tool_calls") or []:
            calls.append((call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])))
    return [call for call in calls if call[0] in wanted], [result for result in results if result[0] in wanted]


@pytest.mark.parametrize(("first", "second"), found_loops())
def test_the_next_step_ties_each_result_to_its_call_as_the_recorded_one_did(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    format = format_of(first["path"])
    answer = read_answer(format, first)
    assert answer.has_tool_calls
    ids = {call.id for call in answer.tool_calls}
    recorded = linkage(second["request"], ids)
    results = dict(recorded[1])
    assert set(results) == ids
    messages = (
        Message(Role.USER, "the question"),
        answer.message,
        *(Message(Role.TOOL, results[call.id], tool_call_id=call.id) for call in answer.tool_calls),
    )
    body = format.encode(Request(messages, "m"), bool(second["stream"]))
    assert linkage(body, ids) == recorded


@pytest.mark.parametrize(("first", "second"), found_loops())
def test_the_answer_to_the_results_is_read(first: dict[str, Any], second: dict[str, Any]) -> None:
    answer = read_answer(format_of(second["path"]), second)
    assert answer.content == second["expect"]["text"]
