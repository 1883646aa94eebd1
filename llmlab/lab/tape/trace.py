"""What went over the wire: every request since the tape was switched on, with its answer.

Lessons show it, so its text is stable: no wall clock, no headers, and secrets are taken out. pandas is loaded only by
`Trace.events` and `Trace.frame`. How an exchange is shown is in `view.py`, how attempts follow each other in
`attempts.py` and `timeline.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from llmlab.errors import LLMError
from llmlab.lab.tape.attempts import Attempt, attempts
from llmlab.lab.tape.timeline import Timeline
from llmlab.lab.tape.view import WireView, describe, event_name, outcome, table
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

if TYPE_CHECKING:
    import pandas as pd

KEPT = 500
"""So many exchanges are remembered; older ones are forgotten."""


class Exchange:
    """One request and its answer.

    Args:
        number: counts the requests since the tape was switched on, from 1, in the order in which they were started.
        asked: the request.
        answer: the answer, once there is one.
    """

    def __init__(self, number: int, asked: TapeRequest, answer: TapeAnswer | None = None) -> None:
        self.number = number
        self.asked = asked
        self.answer = answer
        self.delivered = 0
        """How many events of the stream the reader has taken."""
        self.fault = ""
        """The fault that was injected, if one was."""
        self.failure = ""
        """How the line broke, if it did: the name of the exception of httpx."""
        self.took: float | None = None
        """Seconds from the request to the failure."""
        self.wait: float | None = None
        """Seconds that somebody waited after this exchange, to try again."""
        self.before: Exchange | None = None
        """The attempt that this one repeats."""

    @property
    def method(self) -> str:
        """GET, POST or DELETE."""
        return self.asked.method

    @property
    def alias(self) -> str:
        """Which service was meant: openai, anthropic, openrouter, ollama, local_gpt_oss, or `host:port`."""
        return self.asked.alias

    @property
    def path(self) -> str:
        """Path with query."""
        return self.asked.path

    @property
    def request(self) -> Any:
        """The parsed body of the request."""
        return self.asked.body

    @property
    def response(self) -> Any:
        """The parsed body of the answer; for a stream, the list of its events; None while there is no answer."""
        if self.answer is None:
            return None
        if self.answer.events is None:
            return self.answer.body
        return [event for _, event in self.answer.events]

    @property
    def streamed(self) -> bool:
        """Whether the answer was a stream."""
        return self.answer is not None and self.answer.events is not None

    @property
    def status(self) -> int | None:
        """HTTP status, or None while there is no answer."""
        return self.answer.status if self.answer else None

    @property
    def source(self) -> str | None:
        """recorded, simulated or live; None while there is no answer."""
        return self.answer.source if self.answer else None

    @property
    def seconds(self) -> float | None:
        """Seconds from the request to the end of the answer, as recorded; None while there is no answer."""
        if self.answer is None or self.took is not None:
            return self.took
        return self.answer.events[-1][0] if self.answer.events else self.answer.seconds

    @property
    def failed(self) -> bool:
        """Whether something went wrong: a fault, a status of 400 or more, a broken line, an error inside the answer."""
        said = self.response[-1:] if self.streamed else [self.response]
        inside = any(isinstance(item, dict) and item.get("error") for item in said)
        return bool(self.fault or self.failure or inside) or (self.status or 0) >= 400

    @property
    def outcome(self) -> str:
        """What was answered, in a few words."""
        return outcome(self.answer, self.fault, self.failure)

    def attempts_before(self) -> Iterator[Exchange]:
        """Give the attempts that this one repeats, the latest first."""
        before = self.before
        while before is not None:
            yield before
            before = before.before

    def repeats(self, other: Exchange) -> bool:
        """Whether this is another attempt at what `other` failed at: a policy waited, or an SDK says so."""
        same = (self.method, self.alias, self.path) == (other.method, other.alias, other.path)
        counted = self.asked.headers.get("x-stainless-retry-count", "0") != "0"
        return other.failed and same and (other.wait is not None or counted) and self.request == other.request

    def show(self) -> WireView:
        """Return the request and the answer as JSON to look at: Markdown in Jupyter, text elsewhere."""
        return WireView(self.asked, self.answer, self.outcome)

    def __repr__(self) -> str:
        return f"<Exchange {describe(self.asked, self.outcome)}>"


_latest: ContextVar[tuple[Trace, Exchange] | None] = ContextVar("llmlab.latest", default=None)
"""What this thread or task asked last. Attempts at one thing follow each other in one of them."""


class Trace:
    """All exchanges, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = 0
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT)

    def begin(self, request: TapeRequest) -> Exchange:
        """Note a request that has just been started."""
        with self._lock:
            self._started += 1
            exchange = Exchange(self._started, request)
            self._exchanges.append(exchange)
        latest = self.latest
        if latest is not None and exchange.repeats(latest):
            exchange.before = latest
        _latest.set((self, exchange))
        return exchange

    @property
    def latest(self) -> Exchange | None:
        """The exchange that this thread or task started last."""
        found = _latest.get()
        return found[1] if found and found[0] is self else None

    def waits(self, seconds: float) -> None:
        """Note that this thread or task waits, which means that it tries again what has just failed."""
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
        return attempts(self.exchanges)

    def frame(self) -> pd.DataFrame:
        """Return the attempts as a table, one in a row. `time`, `seconds` and `wait` are seconds.

        `time` counts from the beginning of the call, on the clock of the recordings: it is the same on every machine.
        """
        import pandas as pd

        rows = [attempt.as_dict() for attempt in self.attempts]
        types = {name: kind for name, kind in Attempt.COLUMNS.items() if kind}
        return pd.DataFrame(rows, columns=list(Attempt.COLUMNS)).astype(types)

    def timeline(self) -> Timeline:
        """Return the attempts as a picture: a picture in Jupyter, text elsewhere."""
        return Timeline(self.attempts)

    def clear(self) -> None:
        """Forget everything seen so far."""
        with self._lock:
            self._exchanges.clear()

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    def __getitem__(self, index: int) -> Exchange:
        return self.exchanges[index]

    def __repr__(self) -> str:
        lines = [f"{item.number:>3}  {describe(item.asked, item.outcome)}" for item in self.exchanges]
        return "\n".join(lines) or "nothing has been asked yet"

    def _repr_markdown_(self) -> str:
        return table([(item.number, item.asked, item.outcome) for item in self.exchanges])
