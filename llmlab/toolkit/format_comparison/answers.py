"""The lower half of the table: where a wire format finds what it reads in an answer, a stream and an error.

It is given a sample, and each value that comes out is looked for in what went in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmlab.errors import LLMStreamError
from llmlab.formats import Format
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.sse import JSONLines, ServerSentEvents
from llmlab.toolkit.format_comparison.samples import Sample

NOTHING: Final = "–"
_FRAMINGS: Final = {ServerSentEvents: "server-sent events", JSONLines: "one JSON document a line"}
STATUSES: Final = (400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529)


def fields_of(format: Format, sample: Sample) -> dict[str, str]:
    """Return where each field of a `Completion` is in an answer."""
    answer, refused = format.decode(sample.answer), format.decode(sample.refusal or {})
    call = answer.tool_calls[0] if answer.tool_calls else None
    usage = answer.usage
    found = {
        "content": _place(answer.content, sample.answer),
        "reasoning": _place(answer.reasoning, sample.answer),
        "refusal": _place(refused.refusal, sample.refusal),
        "tool call: id": _place(call.id, sample.answer, otherwise="made up") if call else NOTHING,
        "tool call: name": _place(call.name, sample.answer) if call else NOTHING,
        "tool call: arguments": _arguments(sample.answer) if call and call.arguments else NOTHING,
        "id": _place(answer.id, sample.answer),
        "usage.input_tokens": _place(usage.input_tokens, sample.answer),
        "usage.output_tokens": _place(usage.output_tokens, sample.answer),
        "usage.total_tokens": _place(usage.total_tokens, sample.answer, otherwise="the sum"),
        "usage.cached_tokens": _place(usage.cached_tokens, sample.answer),
        "usage.reasoning_tokens": _place(usage.reasoning_tokens, sample.answer),
        "usage.cost": _place(usage.cost, sample.answer),
    }
    for reason in ("stop", "length", "tool_calls", "content_filter", "error", "unfinished"):
        words = [word for word, body in sample.ends.items() if format.decode(body).finish_reason == reason]
        found[f"finish_reason {reason!r}"] = "; ".join(words) or NOTHING
    return found


def stream_of(format: Format, sample: Sample) -> dict[str, str]:
    """Return how a stream is cut into events, and what is in which of them."""
    found = {"framing": _FRAMINGS[format.framing]} if format.framing in _FRAMINGS else {}
    found |= {"piece of text": NOTHING, "piece of reasoning": NOTHING, "usage": NOTHING, "end": NOTHING}
    decoder = format.stream()
    for event in sample.stream:
        was_finished, chunk = decoder.finished, decoder.feed(event)
        if chunk and chunk.text:
            found["piece of text"] = _named(event, _place(chunk.text, event))
        if chunk and chunk.reasoning:
            found["piece of reasoning"] = _named(event, _place(chunk.reasoning, event))
        if found["usage"] == NOTHING and decoder.completion().usage.total_tokens:
            counts = [_place(count, event) for count in (11, 7)]
            found["usage"] = _named(event, "; ".join(counts))
        if decoder.finished and not was_finished:
            found["end"] = _ending(event)
    return found | {"last event": _ending(sample.stream[-1])}


def errors_of(format: Format, sample: Sample) -> dict[str, str]:
    """Return where the words of an error are: in a body, and in the middle of a stream."""
    problem = find_problem(sample.error)
    found = {"error: message": _place(problem.message, sample.error) if problem else NOTHING}
    found["error: code"] = _place(problem.code, sample.error) if problem and problem.code else NOTHING
    decoder = format.stream()
    try:
        decoder.feed(sample.broken)
    except LLMStreamError as error:
        found["stream that breaks"] = _named(sample.broken, _place(error.message, sample.broken))
    return found


def classes_of_errors() -> dict[int, str]:
    """Return the class of error for each status. It is the same in all formats."""
    return {
        status: type(to_error(status, {}, {"error": {"message": "x"}}, provider="x")).__name__ for status in STATUSES
    }


def _place(value: object, tree: Any, otherwise: str = NOTHING) -> str:
    if value in ("", 0, None):
        return NOTHING
    return next(_paths(value, tree), otherwise)


def _paths(value: object, tree: Any, path: str = "") -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _paths(value, item, f"{path}.{key}".lstrip("."))
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _paths(value, item, f"{path}[]")
    elif type(tree) is type(value) and tree == value:
        yield path


def _arguments(answer: Mapping[str, Any]) -> str:
    """Return where a call's arguments are, and whether they are an object or a text that holds one."""
    as_text = next(_paths('{"a": 1}', answer), "")
    return f"{as_text} (JSON in a text)" if as_text else f"{next(_paths(1, answer)).rpartition('.')[0]} (an object)"


def _named(event: Mapping[str, Any], place: str) -> str:
    """Return a place in an event with the event's name, where it has one."""
    kind = event.get("type")
    return f"{kind}: {place}" if kind else place


def _ending(event: Mapping[str, Any]) -> str:
    if kind := event.get("type"):
        return str(kind)
    return "done: true" if event.get("done") is True else next(_paths("stop", event), NOTHING)
