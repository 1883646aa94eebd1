"""One request with its answer, and how a lesson shows it.

The text is the same on every machine: no headers, no wall clock, and no secrets. Long values are shortened, and empty
fields are left out and counted. `Exchange.response` holds everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from llmlab._utils.redaction import redact
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

LONGEST_RUN = 3
"""Events of one kind in a row; of more, only the first two are shown."""
LONGEST_LIST, LONGEST_LINE, LONGEST_TEXT = 12, 200, 1000
"""Items of a list, characters of an event, and characters of one text in a body."""
WIDTH = 90
"""Characters on a line of JSON."""


@dataclass(slots=True, eq=False, repr=False)
class Exchange:
    """One request and its answer.

    Args:
        number: counts the requests since the tape was switched on, from 1.
        sent: the request.
        answer: the answer, once there is one.
        delivered: how many events of the stream were read.
        fault: the fault that was injected, if any.
        failure: name of the httpx exception with which the line broke, if it did.
        took: seconds until that failure.
        wait: seconds that a policy waited after this exchange, before the next attempt.
        before: the attempt that this one repeats.
    """

    number: int
    sent: TapeRequest
    answer: TapeAnswer | None = None
    delivered: int = 0
    fault: str = ""
    failure: str = ""
    took: float | None = None
    wait: float | None = None
    before: Exchange | None = None

    @property
    def method(self) -> str:
        """GET, POST or DELETE."""
        return self.sent.method

    @property
    def alias(self) -> str:
        """The service: openai, anthropic, openrouter, ollama, local_gpt_oss, or `host:port`."""
        return self.sent.alias

    @property
    def path(self) -> str:
        """Path with query."""
        return self.sent.path

    @property
    def request(self) -> Any:
        """The parsed body of the request."""
        return self.sent.body

    @property
    def response(self) -> Any:
        """The parsed body of the answer; for a stream, the list of its events; None while there is no answer."""
        if self.answer is None or self.answer.events is None:
            return self.answer and self.answer.body
        return [event for _, event in self.answer.events]

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream."""
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
        """Whether there was a fault, a status of 400 or more, a broken line, or an error inside the answer."""
        last = self.response[-1:] if self.streamed else [self.response]
        inside = any(isinstance(item, dict) and item.get("error") for item in last)
        return bool(self.fault or self.failure or inside) or (self.status or 0) >= 400

    @property
    def outcome(self) -> str:
        """The answer in a few words, such as `200, recorded, 7 events`."""
        parts = [self.failure or "no answer yet"]
        if self.answer is not None:
            parts = [str(self.answer.status), self.answer.source]
            parts += [f"{len(self.answer.events)} events"] if self.answer.events is not None else []
            parts += [f"then {self.failure}"] if self.failure else []
        return ", ".join([*parts, f"injected {self.fault}"] if self.fault else parts)

    @property
    def summary(self) -> str:
        """Request and outcome in one line."""
        return f"{self.method} {self.alias} {redact(self.path)} → {self.outcome}"

    def attempts_before(self) -> Iterator[Exchange]:
        """Yield the attempts that this one repeats, the latest first."""
        before = self.before
        while before is not None:
            yield before
            before = before.before

    def repeats(self, other: Exchange) -> bool:
        """Return whether this is the next attempt after `other` failed: a policy waited, or an SDK says so."""
        same = (self.method, self.alias, self.path) == (other.method, other.alias, other.path)
        counted = self.sent.headers.get("x-stainless-retry-count", "0") != "0"
        return same and (other.wait is not None or counted) and self.request == other.request

    def show(self) -> WireView:
        """Return the request and the answer as JSON: Markdown in Jupyter, text elsewhere."""
        answer = None
        if self.answer is not None:
            answer = _stream(self.answer.events) if self.answer.events else _json(self.answer.body)
        sent = f"{self.method} {redact(self.path)}"
        return WireView(sent, _json(self.request), self.outcome, answer, "text" if self.streamed else "json")

    def __repr__(self) -> str:
        return f"<Exchange {self.summary}>"


@dataclass(frozen=True, slots=True, repr=False)
class WireView:
    """A request and its answer as JSON.

    Args:
        sent: method and path.
        body: of the request, if any.
        outcome: the answer in a few words.
        answer: body or events of the answer, if any.
        language: of `answer`, for its colours.
    """

    sent: str
    body: str | None
    outcome: str
    answer: str | None
    language: str

    def __repr__(self) -> str:
        parts = [f"→ {self.sent}", self.body, "", f"← {self.outcome}", self.answer or None]
        return "\n".join(part for part in parts if part is not None)

    def _repr_markdown_(self) -> str:
        parts = [f"**→ `{self.sent}`**"]
        parts += [_fenced(self.body, "json")] if self.body is not None else []
        parts += [f"**← {self.outcome}**"]
        parts += [_fenced(self.answer, self.language)] if self.answer else []
        return "\n\n".join(parts)


def event_name(event: Event) -> str:
    """Return the kind of an event: its type, if the wire format names one."""
    if isinstance(event, str):
        return "[DONE]" if event.endswith("[DONE]") else "comment" if event.startswith(":") else "text"
    if "done" in event:
        return "done" if event["done"] else "message"
    return str(event.get("type") or event.get("object") or ("error" if "error" in event else "message"))


def _stream(events: Sequence[tuple[float, Event]]) -> str:
    """Return a line for each event; of a long run of one kind, the first two and a count."""
    lines = []
    for name, same in groupby(events, lambda item: event_name(item[1])):
        run = list(same)
        shown = run if len(run) <= LONGEST_RUN else run[:2]
        for moment, event in shown:
            text = event if isinstance(event, str) else json.dumps(_shorten(event), ensure_ascii=False)
            lines.append(f"{moment:.2f} s  {_cut(redact(text), LONGEST_LINE)}")
        if len(run) > len(shown):
            lines.append(f"        … {len(run) - len(shown)} more of {name}")
    return "\n".join(lines)


def _json(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return redact(_cut(value, 4 * LONGEST_TEXT))
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    filled, empty = _without_empty(_shorten(value))
    note = f"\n… and {empty} fields that hold nothing" if empty else ""
    return redact(_format(filled)) + note


def _without_empty(value: Any) -> tuple[Any, int]:
    """Return parsed JSON without the fields that are null or empty, and their number."""
    if isinstance(value, list):
        pairs = [_without_empty(item) for item in value]
        return [item for item, _ in pairs], sum(count for _, count in pairs)
    if not isinstance(value, dict):
        return value, 0
    inner = {name: _without_empty(item) for name, item in value.items()}
    empty = [name for name, item in value.items() if item is None or item in ([], {})]
    filled = {name: item for name, (item, _) in inner.items() if name not in empty}
    return filled, len(empty) + sum(count for _, count in inner.values())


def _format(value: Any, indent: str = "") -> str:
    """Return JSON in which everything that fits on a line is on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [f"{json.dumps(name, ensure_ascii=False)}: {_format(item, deeper)}" for name, item in value.items()]
    else:
        inner = [_format(item, deeper) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(inner) + f"\n{indent}{closing}"


def _shorten(value: Any) -> Any:
    """Shorten long lists and long text, at every depth."""
    if isinstance(value, dict):
        return {key: _shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value) - 4} more"] if len(value) > LONGEST_LIST else []
        return [*map(_shorten, value[:4] if more else value), *more]
    return _cut(value, LONGEST_TEXT) if isinstance(value, str) else value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… {len(text) - length} more characters"


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
