"""What happens to an answer on its way: it is cut, garbled, delayed, or split inside a character.

Each damage is a pure function from an answer to what arrives of it. Times are seconds since the request. If nothing
arrives for longer than the client's time limit, the answer ends there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from llmlab.lab.faults.refusals import break_off
from llmlab.lab.wire.bodies import Piece, render_body, render_event
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

Failure: TypeAlias = Literal["ConnectError", "ReadTimeout", "RemoteProtocolError"]
"""Names of exceptions of httpx and httpx2."""

Arguments: TypeAlias = Mapping[str, Any]

GAP: Final = 0.05
"""Seconds between the last event of a stream and its error event."""
PARTS: Final = 4
"""Pieces of a plain answer that arrives in pieces."""

_CUT = "peer closed connection without sending complete message body (incomplete chunked read)"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrives of an answer.

    Args:
        answer: the answer, as far as it came; None if nobody answered.
        pieces: pairs of (seconds since the request, bytes).
        length: content length of a plain answer in bytes; None for a stream.
        failure: how the line breaks after the last piece, if it breaks.
        reason: the message of that exception.
    """

    answer: TapeAnswer | None
    pieces: tuple[Piece, ...]
    length: int | None = None
    failure: Failure | None = None
    reason: str = ""

    @property
    def seconds(self) -> float:
        """Seconds until the last piece."""
        return self.pieces[-1][0] if self.pieces else 0.0


def whole(answer: TapeAnswer) -> Arrival:
    """Return the arrival of an undamaged answer."""
    if answer.events is None:
        body = render_body(answer)
        return Arrival(answer, ((answer.seconds, body),), len(body))
    return Arrival(answer, tuple((moment, render_event(event, answer.framing)) for moment, event in answer.events))


def within(limit: float | None, arrival: Arrival) -> Arrival:
    """Return what arrives at a client that waits at most `limit` seconds for the next piece."""
    if limit is None:
        return arrival
    before = 0.0
    for number, (moment, _) in enumerate(arrival.pieces):
        if moment - before > limit:
            pieces = (*arrival.pieces[:number], (before + limit, b""))
            kept = arrival.answer
            if kept is not None and kept.events is not None:
                kept = replace(kept, events=kept.events[:number])
            return replace(arrival, answer=kept, pieces=pieces, failure="ReadTimeout", reason="timed out")
        before = moment
    return arrival


def _cut_stream(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is None:
        body = render_body(answer)
        pieces = ((answer.seconds, body[: len(body) // 2]),)
        return Arrival(answer, pieces, len(body), "RemoteProtocolError", _CUT)
    # At least the last event is missing, else nothing would be cut.
    number = min(_break_index(answer.events, arguments["after"]), max(0, len(answer.events) - 1))
    cut = whole(replace(answer, events=answer.events[:number]))
    return replace(cut, failure="RemoteProtocolError", reason=_CUT)


def _overloaded(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is None:  # the request is wrong, and refused for that
        return whole(answer)
    events = answer.events
    kept = events[: _break_index(events, arguments["after"])]
    moment = (kept[-1][0] if kept else 0.0) + GAP
    return whole(replace(answer, events=(*kept, (moment, break_off(request, len(kept))))))


def _malformed_json(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is None:
        text = render_body(answer).decode("utf-8", "replace")
        return whole(replace(answer, body=text[: len(text) // 2], framing="text"))
    events = list(answer.events)
    number = max(0, _break_index(events, None) - 1)
    if events:
        moment, event = events[number]
        text = render_event(event, answer.framing).decode().rstrip("\n")
        events[number] = (moment, text[: len(text) * 2 // 3])
    return whole(replace(answer, events=tuple(events)))


def _empty_stream(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is None:
        return whole(replace(answer, body=None))
    return Arrival(replace(answer, events=()), ())


def _slow_chunks(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is not None:
        return whole(_later(answer, lambda number: arguments["seconds"] * number))
    body = render_body(answer)
    size = max(1, -(-len(body) // PARTS))
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    pieces = tuple((answer.seconds + arguments["seconds"] * number, part) for number, part in enumerate(parts))
    return Arrival(answer, pieces, len(body))


def _duplicate_usage(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    if answer.events is None:
        return whole(replace(answer, body=_twice(answer.body), framing="text") if _has_usage(answer.body) else answer)
    events: list[tuple[float, Event]] = []
    last = max((number for number, (_, event) in enumerate(answer.events) if _has_usage(event)), default=None)
    for number, item in enumerate(answer.events):
        events += [item, item] if number == last else [item]
    return whole(replace(answer, events=tuple(events)))


def _split_utf8(answer: TapeAnswer, arguments: Arguments, request: TapeRequest) -> Arrival:
    intact = whole(answer)
    pieces = [(moment, part) for moment, data in intact.pieces for part in _split(data)]
    return replace(intact, pieces=tuple(pieces))


DAMAGES: Final[Mapping[str, Callable[[TapeAnswer, Arguments, TapeRequest], Arrival]]] = {
    "cut_stream": _cut_stream,
    "overloaded": _overloaded,
    "malformed_json": _malformed_json,
    "wrong_content_type": lambda answer, arguments, _: whole(
        replace(answer, headers=answer.headers | {"content-type": arguments["content_type"]})
    ),
    "empty_stream": _empty_stream,
    "slow_first_token": lambda answer, arguments, _: whole(_later(answer, lambda number: arguments["seconds"])),
    "slow_chunks": _slow_chunks,
    "duplicate_usage": _duplicate_usage,
    "split_utf8": _split_utf8,
}


def _later(answer: TapeAnswer, delay: Callable[[int], float]) -> TapeAnswer:
    if answer.events is None:
        return replace(answer, seconds=answer.seconds + delay(0))
    events = [(round(moment + delay(number), 3), event) for number, (moment, event) in enumerate(answer.events)]
    return replace(answer, events=tuple(events))


def _break_index(events: Iterable[tuple[float, Event]], after: float | None) -> int:
    """Return after how many events to break: `after`, else half of the events with text."""
    events = list(events)
    if after is not None:
        return min(int(after), len(events))
    with_text = [number for number, (_, event) in enumerate(events) if _has_text(event)]
    return with_text[len(with_text) // 2] + 1 if with_text else len(events) // 2


def _has_text(event: Event) -> bool:
    """Return whether an event brings text, in any of the wire formats."""
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


def _has_usage(event: Any) -> bool:
    """Return whether an event or a body has token counts."""
    match event:
        case {"usage": dict()} | {"response": {"usage": dict()}} | {"eval_count": int()}:
            return True
    return False


def _twice(body: dict[str, Any]) -> str:
    """Return a JSON object with its token counts twice, which JSON allows."""
    again = {name: value for name, value in body.items() if name == "usage" or name.endswith("_count")}
    return json.dumps(body, ensure_ascii=False)[:-1] + ", " + json.dumps(again)[1:]


def _split(data: bytes) -> list[bytes]:
    """Split inside the first character of several bytes, else in the middle."""
    place = next((number + 1 for number, byte in enumerate(data) if byte >= 0xC0), len(data) // 2)
    return [data[:place], data[place:]] if place else [data]
