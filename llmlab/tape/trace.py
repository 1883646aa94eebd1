"""What went over the wire: every request since the tape was switched on, with its answer.

Lessons show it, so its text is stable: no wall clock, no headers, and secrets are taken out. pandas is loaded only by
`Trace.events`. How an exchange is drawn is in `view.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from llmlab.errors import LLMError
from llmlab.tape.exchange import TapeAnswer, TapeRequest
from llmlab.tape.view import WireView, describe, event_name, table

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
        if self.answer is None:
            return None
        return self.answer.events[-1][0] if self.answer.events else self.answer.seconds

    def show(self) -> WireView:
        """Return the request and the answer as JSON to look at: Markdown in Jupyter, text elsewhere."""
        return WireView(self.asked, self.answer)

    def __repr__(self) -> str:
        return f"<Exchange {describe(self.asked, self.answer)}>"


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
        return exchange

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
        lines = [f"{item.number:>3}  {describe(item.asked, item.answer)}" for item in self.exchanges]
        return "\n".join(lines) or "nothing has been asked yet"

    def _repr_markdown_(self) -> str:
        return table([(item.number, item.asked, item.answer) for item in self.exchanges])
