"""What happens to an answer on its way: cut, garbled, delayed, or split where nobody expects it.

Everything here is a pure function from an answer to what arrives of it. Times are those of the answer's own clock. A
client's time limit counts: if nothing comes for longer than it allows, the damaged answer ends as it would on a wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from llmlab.lab.faults.catalog import Fault
from llmlab.lab.faults.refusals import break_off
from llmlab.lab.wire.bodies import Piece, render_body, render_event
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

Failure: TypeAlias = Literal["ConnectError", "ReadTimeout", "RemoteProtocolError"]
"""How httpx and httpx2 call what went wrong on the line."""

GAP: Final = 0.05
"""Seconds until a service says that it breaks off."""
PARTS: Final = 4
"""Pieces in which a plain answer comes that comes in pieces."""

_CUT = "peer closed connection without sending complete message body (incomplete chunked read)"


@dataclass(frozen=True, slots=True)
class Damage:
    """What arrives of an answer.

    Args:
        answer: the answer, as far as it came; None where nobody answered.
        pieces: what comes over the wire, each piece with its second.
        length: the length that a plain answer promises; None for a stream.
        failure: how the line breaks after the last piece, if it breaks.
        reason: that in words.
    """

    answer: TapeAnswer | None
    pieces: tuple[Piece, ...]
    length: int | None = None
    failure: Failure | None = None
    reason: str = ""

    @property
    def seconds(self) -> float:
        """When the last piece comes."""
        return self.pieces[-1][0] if self.pieces else 0.0


def whole(answer: TapeAnswer) -> Damage:
    """Return an answer to which nothing has happened."""
    if answer.events is None:
        body = render_body(answer)
        return Damage(answer, ((answer.seconds, body),), len(body))
    return Damage(answer, tuple((moment, render_event(event, answer.framing)) for moment, event in answer.events))


def damaged(fault: Fault, answer: TapeAnswer, request: TapeRequest) -> Damage:
    """Return what arrives of an answer to which a fault happens.

    Args:
        fault: one of `DAMAGES`.
        answer: the answer as it would have been.
        request: what it is the answer to.
    """
    return DAMAGES[fault.name](answer, fault.arguments, request)


def within(limit: float | None, damage: Damage) -> Damage:
    """Return what arrives at a client that waits so many seconds for the next piece, and no longer."""
    if limit is None:
        return damage
    before = 0.0
    for number, (moment, _) in enumerate(damage.pieces):
        if moment - before > limit:
            pieces = (*damage.pieces[:number], (before + limit, b""))
            kept = damage.answer
            if kept is not None and kept.events is not None:
                kept = replace(kept, events=kept.events[:number])
            return replace(damage, answer=kept, pieces=pieces, failure="ReadTimeout", reason="timed out")
        before = moment
    return damage


def _cut_stream(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is None:
        body = render_body(answer)
        pieces = ((answer.seconds, body[: len(body) // 2]),)
        return Damage(answer, pieces, len(body), "RemoteProtocolError", _CUT)
    # At least the last event is missing, else nothing would be cut.
    number = min(_place(answer.events, takes["after"]), max(0, len(answer.events) - 1))
    cut = whole(replace(answer, events=answer.events[:number]))
    return replace(cut, failure="RemoteProtocolError", reason=_CUT)


def _overloaded(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is None:  # a request that is wrong anyway
        return whole(answer)
    events = answer.events
    kept = events[: _place(events, takes["after"])]
    moment = (kept[-1][0] if kept else 0.0) + GAP
    return whole(replace(answer, events=(*kept, (moment, break_off(request, len(kept))))))


def _malformed_json(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is None:
        text = render_body(answer).decode("utf-8", "replace")
        return whole(replace(answer, body=text[: len(text) // 2], framing="text"))
    events = list(answer.events)
    number = max(0, _place(events, None) - 1)
    if events:
        moment, event = events[number]
        text = render_event(event, answer.framing).decode().rstrip("\n")
        events[number] = (moment, text[: len(text) * 2 // 3])
    return whole(replace(answer, events=tuple(events)))


def _wrong_content_type(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    return whole(replace(answer, headers=answer.headers | {"content-type": takes["content_type"]}))


def _empty_stream(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is None:
        return whole(replace(answer, body=None))
    return Damage(replace(answer, events=()), ())


def _slow_first_token(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    return whole(_later(answer, lambda number: takes["seconds"]))


def _slow_chunks(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is not None:
        return whole(_later(answer, lambda number: takes["seconds"] * number))
    body = render_body(answer)
    size = max(1, -(-len(body) // PARTS))
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    pieces = tuple((answer.seconds + takes["seconds"] * number, part) for number, part in enumerate(parts))
    return Damage(answer, pieces, len(body))


def _duplicate_usage(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    if answer.events is None:
        return whole(replace(answer, body=_twice(answer.body), framing="text") if _counts(answer.body) else answer)
    events: list[tuple[float, Event]] = []
    last = max((number for number, (_, event) in enumerate(answer.events) if _counts(event)), default=None)
    for number, item in enumerate(answer.events):
        events += [item, item] if number == last else [item]
    return whole(replace(answer, events=tuple(events)))


def _split_utf8(answer: TapeAnswer, takes: Mapping[str, Any], request: TapeRequest) -> Damage:
    intact = whole(answer)
    pieces = [(moment, part) for moment, data in intact.pieces for part in _split(data)]
    return replace(intact, pieces=tuple(pieces))


DAMAGES: Final[Mapping[str, Callable[[TapeAnswer, Mapping[str, Any], TapeRequest], Damage]]] = {
    "cut_stream": _cut_stream,
    "overloaded": _overloaded,
    "malformed_json": _malformed_json,
    "wrong_content_type": _wrong_content_type,
    "empty_stream": _empty_stream,
    "slow_first_token": _slow_first_token,
    "slow_chunks": _slow_chunks,
    "duplicate_usage": _duplicate_usage,
    "split_utf8": _split_utf8,
}


def _later(answer: TapeAnswer, delay: Callable[[int], float]) -> TapeAnswer:
    if answer.events is None:
        return replace(answer, seconds=answer.seconds + delay(0))
    events = [(round(moment + delay(number), 3), event) for number, (moment, event) in enumerate(answer.events)]
    return replace(answer, events=tuple(events))


def _place(events: Iterable[tuple[float, Event]], after: float | None) -> int:
    """Return after how many events to break: as many as were asked for, else those up to the middle of the text."""
    events = list(events)
    if after is not None:
        return min(int(after), len(events))
    speaking = [number for number, (_, event) in enumerate(events) if _speaks(event)]
    return speaking[len(speaking) // 2] + 1 if speaking else len(events) // 2


def _speaks(event: Event) -> bool:
    """Whether a reader sees text when this event arrives, in any of the wire formats."""
    match event:
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return bool(text)
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return bool(text)
        case {"choices": [{"delta": {"content": str(text)}}, *_]}:
            return bool(text)
        case {"choices": [{"text": str(text)}, *_]} | {"message": {"content": str(text)}} | {"response": str(text)}:
            return bool(text)
    return False


def _counts(event: Any) -> bool:
    """Whether this event, or this body, says how many tokens were used."""
    match event:
        case {"usage": dict()} | {"response": {"usage": dict()}} | {"eval_count": int()}:
            return True
    return False


def _twice(body: dict[str, Any]) -> str:
    """Return a JSON object that says its token counts twice, which JSON allows."""
    again = {name: value for name, value in body.items() if name == "usage" or name.endswith("_count")}
    return json.dumps(body, ensure_ascii=False)[:-1] + ", " + json.dumps(again)[1:]


def _split(data: bytes) -> list[bytes]:
    """Split inside the first character that has several bytes, else in the middle."""
    place = next((number + 1 for number, byte in enumerate(data) if byte >= 0xC0), len(data) // 2)
    return [data[:place], data[place:]] if place else [data]
