"""The shape of an answer: its names, their types, and the order in which the events of a stream come.

Two answers of one service have other words and the same shape. If the shape changes, code that reads it may break. What
varies from answer to answer is left out: the length of a list, the kinds of its items, a field that is null for once,
how often an event comes, and names that a model chooses, such as the arguments of a tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from llmlab.lab.tape.exchange import event_name
from llmlab.lab.wire.messages import TapeAnswer

Place: TypeAlias = tuple[str, ...]
"""Where a value is: the kind of event (empty for a plain answer), then names. Items of a list: `[their type]`."""
Types: TypeAlias = dict[Place, set[str]]
"""The types of the values at each place of an answer."""

_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    bytes: "bytes",
    list: "list",
    dict: "object",
    type(None): "null",
}
_FREE_NAMES: Final = {"input", "arguments", "metadata", "model_info", "parameters", "properties", "logit_bias"}
_FREE_EVENTS: Final = {"comment", "ping"}
_TEXTS: Final = {
    *("text", "content", "delta", "thinking", "reasoning", "partial_json", "arguments", "message", "response")
}


def places(answer: TapeAnswer) -> Iterator[tuple[Place, Any]]:
    """Yield every value in an answer with its place."""
    if answer.events is None:
        yield from _walk(answer.body, ("",))
    for _, event in answer.events or ():
        if isinstance(event, dict) and event_name(event) not in _FREE_EVENTS:
            yield from _walk(event, (event_name(event),))


def text_of(answer: TapeAnswer) -> str:
    """Return the words of an answer, without what is new each time, such as ids and times."""
    return "".join(value for place, value in places(answer) if isinstance(value, str) and place[-1] in _TEXTS)


def differences(recorded: TapeAnswer, now: TapeAnswer) -> list[str]:
    """Return where the shapes of two answers differ, in words.

    Args:
        recorded: the older one.
        now: the newer one.
    """
    for what in ("status", "framing"):
        before, after = getattr(recorded, what), getattr(now, what)
        if before != after:
            return [f"{what}: recorded {before}, now {after}"]
    one, other = _types_of(recorded), _types_of(now)
    return [*_events(_kinds(recorded), _kinds(now)), *_names(one, other), *_types(one, other)]


def _types_of(answer: TapeAnswer) -> Types:
    types: Types = {}
    for place, value in places(answer):
        types.setdefault(place, set()).add(_TYPES.get(type(value), "other"))
    return types


def _kinds(answer: TapeAnswer) -> list[str]:
    """Return the kinds of events, in the order in which the first of each kind came."""
    kinds = dict.fromkeys(event_name(event) for _, event in answer.events or ())
    return [kind for kind in kinds if kind not in _FREE_EVENTS]


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, value
    if isinstance(value, dict) and place[-1] not in _FREE_NAMES:
        for name, item in value.items():
            yield from _walk(item, (*place, str(name)))
    elif isinstance(value, list):
        for item in value:
            kind = item.get("type") if isinstance(item, dict) else ""
            yield from _walk(item, (*place, f"[{kind if isinstance(kind, str) else ''}]"))


def _events(recorded: list[str], now: list[str]) -> Iterator[str]:
    yield from (f"new event: {kind}" for kind in now if kind not in recorded)
    yield from (f"event gone: {kind}" for kind in recorded if kind not in now)
    before = [kind for kind in recorded if kind in now]
    after = [kind for kind in now if kind in recorded]
    for first, second in zip(before, after, strict=True):
        if first != second:
            yield f"order of events: {first} came before {second}, and now comes after it"
            return


def _names(recorded: Types, now: Types) -> Iterator[str]:
    """Yield which names are new or gone; of an object that is new or gone, not the names inside."""
    for what, there, here in (("new", now, recorded), ("gone", recorded, now)):
        for place in there:
            owner = here.get(place[:-1], ())
            if place not in here and not place[-1].startswith("[") and "object" in owner:
                yield f"{what}: {_shown(place)}"


def _types(recorded: Types, now: Types) -> Iterator[str]:
    for place, types in recorded.items():
        before, after = types - {"null"}, now.get(place, set()) - {"null"}
        if before and after and not before & after:
            yield f"type of {_shown(place)}: recorded {_or(before)}, now {_or(after)}"
        if "list" in before & after:
            kinds, others = _items(recorded, place), _items(now, place)
            if kinds and others and not kinds & others:
                yield f"items of {_shown(place)}: recorded {_or(kinds)}, now {_or(others)}"


def _items(types: Types, place: Place) -> set[str]:
    """Return the kinds of items in a list."""
    return {other[-1][1:-1] for other in types if other[:-1] == place and other[-1].startswith("[")}


def _or(names: set[str]) -> str:
    return " or ".join(sorted(name or "without a type" for name in names))


def _shown(place: Place) -> str:
    kind, *names = place
    text = ".".join(names).replace(".[", "[") or "the body"
    return f"{text} in {kind}" if kind else text
