"""The events by which OpenAI's Responses API streams a response, in the order of the real service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.seed import Seed

_STARTED: dict[str, dict[str, Any]] = {
    # what of an item is empty when it is announced
    "message": {"status": "in_progress", "content": []},
    "function_call": {"status": "in_progress", "arguments": ""},
    "file_search_call": {"status": "in_progress", "queries": []},
    "reasoning": {"summary": []},
}


def events_of(answer: dict[str, Any], seed: Seed) -> list[dict[str, Any]]:
    """Take a whole response apart into the events that build it; the first two come at once."""
    whole = {name: value for name, value in answer.items() if name != "billing"}
    begun = whole | dict.fromkeys(("completed_at", "incomplete_details", "usage"))
    begun |= {"status": "in_progress", "output": [], "service_tier": "auto"}
    events = [{"type": f"response.{step}", "response": begun} for step in ("created", "in_progress")]
    for index, item in enumerate(answer["output"]):
        here = {"item_id": item["id"], "output_index": index}
        step = {"type": "response.output_item.added", "item": item | _STARTED[item["type"]], "output_index": index}
        events += [step, *_inside(item, here, seed)]
        events.append(step | {"type": "response.output_item.done", "item": item})
    events.append({"type": f"response.{answer['status']}", "response": whole})
    return [event | {"sequence_number": number} for number, event in enumerate(events)]


def _inside(item: dict[str, Any], here: dict[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield what happens between the announcement of an item and its end."""
    if item["type"] == "function_call":
        yield from _spelled("response.function_call_arguments", "arguments", item["arguments"], here, seed)
    if item["type"] == "file_search_call":
        for step in ("in_progress", "searching", "completed"):
            yield {"type": f"response.file_search_call.{step}", **here}
    for index, part in enumerate(item.get("summary", ())):
        where = {**here, "summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **where, "part": part | {"text": ""}}
        yield from _spelled("response.reasoning_summary_text", "text", part["text"], where, seed)
        yield {"type": "response.reasoning_summary_part.done", **where, "part": part}
    for part in item["content"] if item["type"] == "message" else ():
        where, noted = {**here, "content_index": 0}, "response.output_text.annotation.added"
        yield {"type": "response.content_part.added", **where, "part": part | {"text": "", "annotations": []}}
        *deltas, done = _spelled("response.output_text", "text", part["text"], where | {"logprobs": []}, seed)
        yield from deltas
        for number, annotation in enumerate(part["annotations"]):
            yield {"type": noted, **where, "annotation": annotation, "annotation_index": number}
        yield done
        yield {"type": "response.content_part.done", **where, "part": part}


def _spelled(kind: str, name: str, text: str, where: dict[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield a text in deltas, then whole. The real service pads the deltas, so that their length tells nothing."""
    for number, part in enumerate(tokens.split(text)):
        veil = seed.letters(f"{kind}.delta{where['output_index']}.{number}", max(1, 16 - len(part)))
        yield {"type": f"{kind}.delta", "delta": part, **where, "obfuscation": veil}
    yield {"type": f"{kind}.done", **where, name: text}
