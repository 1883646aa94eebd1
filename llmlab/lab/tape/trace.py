"""What went over the wire since the tape was switched on, and how attempts at one call follow each other.

Times are those of the recordings and of the policies, so they are the same on every machine. They count from the
beginning of each call, because calls may run side by side.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Final

from llmlab._utils.redaction import redact
from llmlab.errors import LLMError
from llmlab.lab.tape.exchange import Exchange, event_name
from llmlab.lab.wire.messages import TapeRequest

if TYPE_CHECKING:
    import pandas as pd

LONGEST: Final = 500
"""Exchanges that a trace remembers."""
_NUMBERS: Final = {"int": "int64", "float": "float64", "int | None": "Int64", "float | None": "float64"}
"""Types of a data frame for the numbers of an `Attempt`."""

_latest: ContextVar[tuple[Trace, Exchange] | None] = ContextVar("llmlab.latest", default=None)
"""The latest exchange of this thread or task. Attempts at one call follow each other in one of them."""


class Trace:
    """All exchanges, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = 0
        self._exchanges: deque[Exchange] = deque(maxlen=LONGEST)

    def begin(self, request: TapeRequest) -> Exchange:
        """Add a request that starts now."""
        with self._lock:
            self._started += 1
            exchange = Exchange(self._started, request)
            self._exchanges.append(exchange)
        if self.latest is not None and exchange.repeats(self.latest):
            exchange.before = self.latest
        _latest.set((self, exchange))
        return exchange

    @property
    def latest(self) -> Exchange | None:
        """The exchange that this thread or task started last."""
        found = _latest.get()
        return found[1] if found and found[0] is self else None

    def add_wait(self, seconds: float) -> None:
        """Note that this thread or task waits, before it repeats what has just failed."""
        latest = self.latest
        if latest is not None and latest.failed:
            latest.wait = (latest.wait or 0.0) + seconds

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges in the order in which they were started."""
        with self._lock:
            return list(self._exchanges)

    @property
    def last(self) -> Exchange:
        """The exchange that was started last.

        Raises:
            LLMError: there is none yet.
        """
        exchanges = self.exchanges
        if not exchanges:
            raise LLMError("nothing has been asked yet. Run a cell that sends a request, then look again.")
        return exchanges[-1]

    def events(self) -> pd.Series[str]:
        """Return the names of the events of the last stream, in their order.

        Raises:
            LLMError: there was no stream yet.
        """
        streams = [exchange for exchange in self.exchanges if exchange.streamed]
        if not streams:
            raise LLMError("there was no stream yet. Ask for one with stream=True, then look again.")
        import pandas as pd

        return pd.Series([event_name(event) for event in streams[-1].response], name="event", dtype="str")

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts, call by call: when, with what outcome, how long was waited after it, and why."""
        return list(_attempts(self.exchanges))

    def frame(self) -> pd.DataFrame:
        """Return the attempts as a table with a row for each. `time`, `seconds` and `wait` are seconds.

        `time` counts from the beginning of the call, on the clock of the recordings.
        """
        import pandas as pd

        columns = [field.name for field in fields(Attempt) if field.name != "failed"]
        types = {field.name: _NUMBERS[field.type] for field in fields(Attempt) if field.type in _NUMBERS}
        return pd.DataFrame([asdict(attempt) for attempt in self.attempts], columns=columns).astype(types)

    def timeline(self) -> Timeline:
        """Return the attempts as a picture in Jupyter, and as text elsewhere."""
        return Timeline(self.attempts)

    def clear(self) -> None:
        """Forget all exchanges. Numbers go on."""
        with self._lock:
            self._exchanges.clear()

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    def __getitem__(self, index: int) -> Exchange:
        return self.exchanges[index]

    def __repr__(self) -> str:
        return "\n".join(f"{item.number:>3}  {item.summary}" for item in self) or "nothing has been asked yet"

    def _repr_markdown_(self) -> str:
        rows = []
        for item in self:
            request = f"`{item.method} {redact(item.path)}`".replace("|", "\\|")
            rows.append(f"| {item.number} | {item.alias} | {request} | {item.outcome} |")
        head = ["| # | service | request | answer |", "|--:|---|---|---|"]
        return "\n".join([*head, *rows]) if rows else "*nothing has been asked yet*"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a call.

    Args:
        call: number of the call, from 1.
        attempt: number of the attempt in its call, from 1.
        time: seconds since the call began.
        service: alias of the service.
        path: path with query.
        status: HTTP status; None without an answer.
        seconds: until the answer ended, or failed.
        fault: the fault that was injected, or nothing.
        wait: seconds that a policy waited before the next attempt; None if it did not wait, or an SDK waited.
        why: what happened, and what followed.
        failed: whether something went wrong.
    """

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

    @property
    def label(self) -> str:
        """The status as text."""
        return str(self.status) if self.status is not None else "no answer"

    @property
    def end(self) -> float:
        """Seconds from the beginning of the call to the end of the wait after this attempt."""
        return self.time + self.seconds + (self.wait or 0.0)


def _attempts(exchanges: Iterable[Exchange]) -> Iterator[Attempt]:
    calls: list[list[Exchange]] = []
    call_of: dict[int, list[Exchange]] = {}
    for exchange in exchanges:
        call = call_of.get(exchange.before.number) if exchange.before else None
        if call is None:
            calls.append(call := [])
        call.append(exchange)
        call_of[exchange.number] = call
    for number, call in enumerate(calls, 1):
        time = 0.0
        for index, one in enumerate(call, 1):
            seconds, wait = one.seconds or 0.0, one.wait if one.wait is None else round(one.wait, 3)
            shown = (one.alias, redact(one.path), one.status, round(seconds, 3), one.fault, wait)
            yield Attempt(number, index, round(time, 3), *shown, _why(one, one is call[-1]), one.failed)
            time += seconds + (one.wait or 0.0)


def _why(exchange: Exchange, last: bool) -> str:
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
    parts = [what, *([exchange.failure] if exchange.failure else [])]
    if exchange.answer and (after := exchange.answer.headers.get("retry-after")):
        parts.append(f"Retry-After: {after if after.replace('.', '').isdigit() else 'a date'}")
    if exchange.wait is not None:
        parts.append(f"tried again after {exchange.wait:.3g} s")
    else:
        parts.append("not tried again" if last else "tried again by the SDK, after a wait of its own")
    return "; ".join(parts)


LEFT, WIDTH, RIGHT, LINE, BAR, TOP, NARROWEST = 130, 560, 40, 58, 16, 28, 10
"""Pixels of the timeline: names, time, margin, height of a call and of a bar, margin, width of the shortest bar."""
STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
INK: Final = "#1a1a1a"


class Timeline:
    """Attempts as a picture with a line for each call, readable without colour; as text elsewhere.

    An answer is a full bar, a failure an open one with a cross, a wait a dashed line. The same attempts give the same
    picture, byte by byte.

    Args:
        attempts: call by call.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.calls = [list(group) for _, group in groupby(attempts, lambda attempt: attempt.call)]

    def __repr__(self) -> str:
        lines = []
        for call in self.calls:
            lines.append(f"call {call[0].call}: {call[0].service} {call[0].path}")
            lines += [f"{item.time:>9.2f} s  {item.label:<17}  {item.why}" for item in call]
        return "\n".join(lines) or "nothing has been asked yet"

    def _repr_svg_(self) -> str:
        length = max((item.end for call in self.calls for item in call), default=0.0) or 1.0
        height, width = TOP + LINE * len(self.calls) + 34, LEFT + WIDTH + RIGHT
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">',
            f"<title>Attempts over time</title><desc>{escape(repr(self))}</desc>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for number, call in enumerate(self.calls):
            parts += _draw_call(call, TOP + LINE * number + LINE // 2, WIDTH / length)
        return "\n".join([*parts, *_draw_axis(length, height - 30), "</svg>"])


def _draw_call(call: list[Attempt], middle: int, scale: float) -> list[str]:
    parts = [f'<text x="10" y="{middle + 4}">{escape(f"{call[0].call}  {call[0].service}")}</text>']
    free = 0.0
    for item in call:
        left, width = LEFT + item.time * scale, max(NARROWEST, item.seconds * scale)
        if item.wait:
            begin, end = left + width, LEFT + item.end * scale
            line = f'x1="{begin:.1f}" y1="{middle}" x2="{end:.1f}" y2="{middle}"'
            parts.append(f'<line {line} stroke="{INK}" stroke-dasharray="3 4"/>')
            if end - begin > 44:
                parts.append(_draw_text((begin + end) / 2, middle + 15, f"{item.wait:.3g} s"))
        parts += _draw_bar(item, left, middle - BAR // 2, width)
        # Labels that would cover each other are drawn at two heights.
        centre, half = left + width / 2, len(item.label) * 3.4
        crowded = centre - half < free
        parts.append(_draw_text(max(centre, LEFT + half - 20), middle - (23 if crowded else 11), item.label))
        free = 0.0 if crowded else centre + half
    return parts


def _draw_bar(item: Attempt, left: float, top: int, width: float) -> list[str]:
    fill = "#ffffff" if item.failed else "#1f5fa8"
    bar = f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{fill}" stroke="{INK}">'
    parts = [f"{bar}<title>{escape(item.why)}</title></rect>"]
    if item.failed:
        right, bottom = left + width, top + BAR
        cross = f"M{left:.1f} {top}L{right:.1f} {bottom}M{left:.1f} {bottom}L{right:.1f} {top}"
        parts.append(f'<path d="{cross}" stroke="{INK}" fill="none"/>')
    return parts


def _draw_axis(length: float, top: int) -> list[str]:
    step = next((step for step in STEPS if length / step <= 8), length / 4)
    parts = [f'<path d="M{LEFT} {top}H{LEFT + WIDTH}" stroke="{INK}"/>']
    for number in range(int(length / step + 1e-9) + 1):
        left = LEFT + number * step * WIDTH / length
        parts.append(f'<path d="M{left:.1f} {top}v5" stroke="{INK}"/>')
        parts.append(_draw_text(left, top + 18, f"{number * step:.3g} s"))
    return parts


def _draw_text(centre: float, bottom: float, text: str) -> str:
    return f'<text x="{centre:.1f}" y="{bottom:.1f}" text-anchor="middle">{escape(text)}</text>'
