"""The shape of an answer: which names it has, of which types, and in which order the events of a stream come.

Two answers of one service say different words and have the same shape. Where the shape changes, code that reads it may
break. What varies from answer to answer is left out on purpose: how long a list is, which kinds of items it holds,
where a field is null for once, how often an event comes, and the names that a model chooses itself, as in the
arguments of a tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from llmlab.lab.tape.view import event_name
from llmlab.lab.wire.messages import TapeAnswer

Place: TypeAlias = tuple[str, ...]
"""Where a value stands: the kind of event (empty for a plain answer), then names. Items of a list: `[their type]`."""

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    bytes: "bytes",
    list: "list",
    dict: "object",
    type(None): "null",
}
_NAMED_BY_MODELS = {"input", "arguments", "metadata", "model_info", "parameters", "properties", "logit_bias"}
_AT_ANY_TIME = {"comment", "ping"}
_SAID = {"text", "content", "delta", "thinking", "reasoning", "partial_json", "arguments", "message", "response"}


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of one answer.

    Args:
        events: kinds of events, in the order in which the first of each kind came; empty if it is no stream.
        types: the types found at each place.
    """

    events: tuple[str, ...]
    types: Mapping[Place, frozenset[str]]


def shape_of(answer: TapeAnswer) -> Shape:
    """Return the shape of an answer."""
    types: dict[Place, frozenset[str]] = {}
    for place, value in places(answer):
        types[place] = types.get(place, frozenset()) | {_TYPES.get(type(value), "other")}
    kinds = [event_name(event) for _, event in answer.events or ()]
    return Shape(tuple(dict.fromkeys(kind for kind in kinds if kind not in _AT_ANY_TIME)), types)


def places(answer: TapeAnswer) -> Iterator[tuple[Place, Any]]:
    """Give every value in an answer with its place."""
    if answer.events is None:
        yield from _walk(answer.body, ("",))
    for _, event in answer.events or ():
        if isinstance(event, dict) and event_name(event) not in _AT_ANY_TIME:
            yield from _walk(event, (event_name(event),))


def said(answer: TapeAnswer) -> str:
    """Return the words of an answer, without what is new each time, such as ids and times."""
    return "".join(value for place, value in places(answer) if isinstance(value, str) and place[-1] in _SAID)


def differences(recorded: TapeAnswer, now: TapeAnswer) -> list[str]:
    """Return where the shape of one answer differs from that of another, in words; empty where it does not.

    Args:
        recorded: the older one.
        now: the newer one.
    """
    for what in ("status", "framing"):
        before, after = getattr(recorded, what), getattr(now, what)
        if before != after:
            return [f"{what}: recorded {before}, now {after}"]
    one, other = shape_of(recorded), shape_of(now)
    return [*_events(one.events, other.events), *_names(one, other), *_types(one, other)]


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, value
    if isinstance(value, dict) and place[-1] not in _NAMED_BY_MODELS:
        for name, item in value.items():
            yield from _walk(item, (*place, str(name)))
    elif isinstance(value, list):
        for item in value:
            kind = item.get("type") if isinstance(item, dict) else ""
            yield from _walk(item, (*place, f"[{kind if isinstance(kind, str) else ''}]"))


def _events(recorded: tuple[str, ...], now: tuple[str, ...]) -> Iterator[str]:
    yield from (f"new event: {kind}" for kind in now if kind not in recorded)
    yield from (f"event gone: {kind}" for kind in recorded if kind not in now)
    before = [kind for kind in recorded if kind in now]
    after = [kind for kind in now if kind in recorded]
    if before != after:
        first, second = next(pair for pair in zip(before, after, strict=True) if pair[0] != pair[1])
        yield f"order of events: {first} came before {second}, and now comes after it"


def _names(recorded: Shape, now: Shape) -> Iterator[str]:
    """Say which names are new or gone; of an object that is new or gone itself, the names inside say nothing more."""
    for what, there, here in (("new", now, recorded), ("gone", recorded, now)):
        for place in there.types:
            owner = here.types.get(place[:-1], frozenset())
            if place not in here.types and not place[-1].startswith("[") and "object" in owner:
                yield f"{what}: {_shown(place)}"


def _types(recorded: Shape, now: Shape) -> Iterator[str]:
    for place, types in recorded.types.items():
        before, after = types - {"null"}, now.types.get(place, frozenset()) - {"null"}
        if before and after and not before & after:
            yield f"type of {_shown(place)}: recorded {_or(before)}, now {_or(after)}"
        if "list" in before & after:
            kinds, others = _items(recorded, place), _items(now, place)
            if kinds and others and not kinds & others:
                yield f"items of {_shown(place)}: recorded {_or(kinds)}, now {_or(others)}"


def _items(shape: Shape, place: Place) -> frozenset[str]:
    """Return the kinds of items that stand in a list."""
    return frozenset(other[-1][1:-1] for other in shape.types if other[:-1] == place and other[-1].startswith("["))


def _or(names: frozenset[str]) -> str:
    return " or ".join(sorted(name or "without a type" for name in names))


def _shown(place: Place) -> str:
    kind, *names = place
    text = ".".join(names).replace(".[", "[") or "the body"
    return f"{text} in {kind}" if kind else text
