"""The events by which OpenAI's Responses API streams an answer, in the order of the real service."""

from __future__ import annotations

from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.seed import Seed
from llmlab.lab.simulator.timing import Pace
from llmlab.lab.wire.messages import Event


def events_of(answer: dict[str, Any], pace: Pace, seed: Seed) -> list[tuple[float, Event]]:
    """Take a whole response apart into the events that build it.

    Args:
        answer: the response as a plain call would give it.
        pace: how fast it is written.
        seed: for the padding of the deltas.
    """
    begun = answer | {
        "status": "in_progress",
        "completed_at": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
    }
    begun["service_tier"] = "auto"
    begun.pop("billing")
    whole = {key: value for key, value in answer.items() if key != "billing"}
    opening = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    middle = [event for index, item in enumerate(answer["output"]) for event in _item(item, index, seed)]
    closing = [{"type": f"response.{answer['status']}", "response": whole}]
    early = round(pace.first * 0.4, 3)
    moments = [early, early, *pace.moments([*middle, *closing])]
    events: list[tuple[float, Event]] = []
    for number, (moment, event) in enumerate(zip(moments, (*opening, *middle, *closing), strict=True)):
        events.append((moment, event | {"sequence_number": number}))
    return events


def _item(item: dict[str, Any], index: int, seed: Seed) -> list[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        begun, inner = item | {"status": "in_progress", "content": []}, _text(item, where, seed)
    elif item["type"] == "function_call":
        begun, inner = item | {"status": "in_progress", "arguments": ""}, _arguments(item, where, seed)
    elif item["type"] == "file_search_call":
        begun = item | {"status": "in_progress", "queries": []}
        steps = ("in_progress", "searching", "completed")
        inner = [{"type": f"response.file_search_call.{step}", **where} for step in steps]
    else:
        begun, inner = item | {"summary": []}, _summary(item, where, seed)
    return [
        {"type": "response.output_item.added", "item": begun, "output_index": index},
        *inner,
        {"type": "response.output_item.done", "item": item, "output_index": index},
    ]


def _text(item: dict[str, Any], where: dict[str, Any], seed: Seed) -> list[dict[str, Any]]:
    part = item["content"][0]
    there = {**where, "content_index": 0}
    return [
        {"type": "response.content_part.added", **there, "part": part | {"text": "", "annotations": []}},
        *(
            _delta("response.output_text.delta", there | {"logprobs": []}, piece, seed)
            for piece in _pieces(part["text"])
        ),
        *(
            {"type": "response.output_text.annotation.added", **there, "annotation": one, "annotation_index": number}
            for number, one in enumerate(part["annotations"])
        ),
        {"type": "response.output_text.done", **there, "logprobs": [], "text": part["text"]},
        {"type": "response.content_part.done", **there, "part": part},
    ]


def _arguments(item: dict[str, Any], where: dict[str, Any], seed: Seed) -> list[dict[str, Any]]:
    kind = "response.function_call_arguments"
    return [
        *(_delta(f"{kind}.delta", where, piece, seed) for piece in _pieces(item["arguments"])),
        {"type": f"{kind}.done", **where, "arguments": item["arguments"]},
    ]


def _summary(item: dict[str, Any], where: dict[str, Any], seed: Seed) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for index, part in enumerate(item["summary"]):
        there = {**where, "summary_index": index}
        kind = "response.reasoning_summary"
        events.append({"type": f"{kind}_part.added", **there, "part": part | {"text": ""}})
        events += [_delta(f"{kind}_text.delta", there, piece, seed) for piece in _pieces(part["text"])]
        events.append({"type": f"{kind}_text.done", **there, "text": part["text"]})
        events.append({"type": f"{kind}_part.done", **there, "part": part})
    return events


def _delta(kind: str, there: dict[str, Any], piece: tuple[int, str], seed: Seed) -> dict[str, Any]:
    # The real service pads its deltas, so that their length does not betray the text to a listener.
    number, text = piece
    label = f"{kind}{there['output_index']}.{number}"
    veil = seed.letters(label, max(1, 16 - len(text)))
    return {"type": kind, "delta": text, **there, "obfuscation": veil}


def _pieces(text: str) -> list[tuple[int, str]]:
    return list(enumerate(tokens.split(text)))
