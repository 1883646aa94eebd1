"""The events by which OpenAI's Responses API streams a response, in the order of the real service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.timing import Pace
from llmlab.lab.wire.messages import Event


def events_of(answer: dict[str, Any], pace: Pace, seed: Seed) -> list[tuple[float, Event]]:
    """Take a whole response apart into the events that build it, each with its second."""
    whole = {name: value for name, value in answer.items() if name != "billing"}
    begun = whole | dict.fromkeys(("completed_at", "incomplete_details", "usage"))
    begun |= {"status": "in_progress", "output": [], "service_tier": "auto"}
    opening = [{"type": f"response.{step}", "response": begun} for step in ("created", "in_progress")]
    rest = [event for index, item in enumerate(answer["output"]) for event in _item(item, index, seed)]
    rest.append({"type": f"response.{answer['status']}", "response": whole})
    early = round(pace.first * 0.4, 3)
    timed = zip([early, early, *pace.times(rest)], [*opening, *rest], strict=True)
    return [(time, event | {"sequence_number": number}) for number, (time, event) in enumerate(timed)]


def _item(item: dict[str, Any], index: int, seed: Seed) -> Iterator[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        empty, inner = {"status": "in_progress", "content": []}, _text(item, where, seed)
    elif item["type"] == "function_call":
        empty = {"status": "in_progress", "arguments": ""}
        inner = _spelled("response.function_call_arguments", "arguments", item["arguments"], where, seed)
    elif item["type"] == "file_search_call":
        empty = {"status": "in_progress", "queries": []}
        steps = ("in_progress", "searching", "completed")
        inner = iter([{"type": f"response.file_search_call.{step}", **where} for step in steps])
    else:
        empty, inner = {"summary": []}, _summary(item, where, seed)
    yield {"type": "response.output_item.added", "item": item | empty, "output_index": index}
    yield from inner
    yield {"type": "response.output_item.done", "item": item, "output_index": index}


def _text(item: dict[str, Any], where: dict[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    (part,) = item["content"]
    here, noted = {**where, "content_index": 0}, {"type": "response.output_text.annotation.added"}
    yield {"type": "response.content_part.added", **here, "part": part | {"text": "", "annotations": []}}
    *deltas, done = _spelled("response.output_text", "text", part["text"], here | {"logprobs": []}, seed)
    yield from deltas
    for number, annotation in enumerate(part["annotations"]):
        yield {**noted, **here, "annotation": annotation, "annotation_index": number}
    yield done
    yield {"type": "response.content_part.done", **here, "part": part}


def _summary(item: dict[str, Any], where: dict[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    kind = "response.reasoning_summary"
    for index, part in enumerate(item["summary"]):
        here = {**where, "summary_index": index}
        yield {"type": f"{kind}_part.added", **here, "part": part | {"text": ""}}
        yield from _spelled(f"{kind}_text", "text", part["text"], here, seed)
        yield {"type": f"{kind}_part.done", **here, "part": part}


def _spelled(kind: str, name: str, text: str, where: dict[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield a text in deltas, then whole. The real service pads the deltas, so that their length tells nothing."""
    for number, piece in enumerate(tokens.split(text)):
        label = f"{kind}.delta{where['output_index']}.{number}"
        veil = seed.letters(label, max(1, 16 - len(piece)))
        yield {"type": f"{kind}.delta", "delta": piece, **where, "obfuscation": veil}
    yield {"type": f"{kind}.done", **where, name: text}
