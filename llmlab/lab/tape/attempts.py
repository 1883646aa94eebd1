"""How attempts at one thing follow each other: what each met, and what was done about it.

Times are those of the recordings and of the policies, not of the wall clock, so they are the same on every machine.
They count from the beginning of each call, because calls may run side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from llmlab._utils.redaction import redact

if TYPE_CHECKING:
    from llmlab.lab.tape.trace import Exchange


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt.

    Args:
        call: which call it belongs to, from 1.
        attempt: which attempt of this call, from 1.
        time: seconds since the call began.
        service: who was asked.
        path: what was asked.
        status: HTTP status; None where there was no answer.
        seconds: until the answer ended, or failed.
        fault: what was injected, or nothing.
        wait: seconds that a policy waited then, before the next attempt; None if it did not wait, or an SDK waited.
        why: what happened, and what was done about it.
        failed: whether something went wrong.
    """

    COLUMNS: ClassVar[Mapping[str, str | None]] = {
        "call": "int64",
        "attempt": "int64",
        "time": "float64",
        "service": None,
        "path": None,
        "status": "Int64",
        "seconds": "float64",
        "fault": None,
        "wait": "float64",
        "why": None,
    }

    call: int
    attempt: int
    time: float
    service: str
    path: str
    status: int | None
    seconds: float
    fault: str
    wait: float | None
    why: str
    failed: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the attempt as a row of a table."""
        return {name: getattr(self, name) for name in self.COLUMNS}


def attempts(exchanges: Iterable[Exchange]) -> list[Attempt]:
    """Return exchanges as attempts, call by call."""
    calls: list[list[Exchange]] = []
    place: dict[int, list[Exchange]] = {}
    for exchange in exchanges:
        call = place.get(exchange.before.number) if exchange.before else None
        if call is None:
            calls.append(call := [])
        call.append(exchange)
        place[exchange.number] = call
    return [attempt for number, call in enumerate(calls, 1) for attempt in _call(number, call)]


def _call(number: int, call: list[Exchange]) -> Iterable[Attempt]:
    time = 0.0
    for index, exchange in enumerate(call):
        seconds = exchange.seconds or 0.0
        yield Attempt(
            call=number,
            attempt=index + 1,
            time=round(time, 3),
            service=exchange.alias,
            path=redact(exchange.path),
            status=exchange.status,
            seconds=round(seconds, 3),
            fault=exchange.fault,
            wait=None if exchange.wait is None else round(exchange.wait, 3),
            why=_why(exchange, last=exchange is call[-1]),
            failed=exchange.failed,
        )
        time += seconds + (exchange.wait or 0.0)


def _why(exchange: Exchange, *, last: bool) -> str:
    if exchange.fault:
        what = f"{exchange.fault} was injected"
    elif exchange.failure:
        what = "the line broke"
    elif exchange.answer is None:
        return "no answer yet"
    elif exchange.failed:
        what = "the service refused" if (exchange.status or 0) >= 400 else "the answer holds an error"
    else:
        return f"{exchange.source} answer"
    said = [what, *([exchange.failure] if exchange.failure else [])]
    if exchange.answer and (asked := exchange.answer.headers.get("retry-after")):
        said.append(f"Retry-After: {asked if asked.replace('.', '').isdigit() else 'a date'}")
    if exchange.wait is not None:
        said.append(f"tried again after {exchange.wait:.3g} s")
    elif not last:
        said.append("tried again by the SDK, after a wait of its own")
    else:
        said.append("not tried again")
    return "; ".join(said)
