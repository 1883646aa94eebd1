"""How an exchange is shown: one line, one row of a table, or the JSON that went over the wire.

Headers are never shown, secrets are taken out, and long streams and long lists are shortened, so that a lesson can
print this and compare it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from llmlab.redaction import redact
from llmlab.tape.exchange import Event, TapeAnswer, TapeRequest

LONG_RUN = 3
"""More events of one kind in a row than this are shown by their first ones."""
LONG_LIST = 12
LONG_LINE = 200
LONG_TEXT = 1000
"""Characters of one text in a body."""


def describe(request: TapeRequest, answer: TapeAnswer | None) -> str:
    """Return an exchange as one line."""
    return f"{request.method} {request.alias} {redact(request.path)} → {outcome(answer)}"


def outcome(answer: TapeAnswer | None) -> str:
    """Return in a few words what was answered."""
    if answer is None:
        return "no answer yet"
    size = f", {len(answer.events)} events" if answer.events is not None else ""
    return f"{answer.status}, {answer.source}{size}"


def table(rows: Sequence[tuple[int, TapeRequest, TapeAnswer | None]]) -> str:
    """Return exchanges as a Markdown table."""
    if not rows:
        return "*nothing has been asked yet*"
    lines = ["| # | service | request | answer |", "|--:|---|---|---|"]
    for number, request, answer in rows:
        asked = f"`{request.method} {redact(request.path)}`".replace("|", "\\|")
        lines.append(f"| {number} | {request.alias} | {asked} | {outcome(answer)} |")
    return "\n".join(lines)


class WireView:
    """A request and its answer, as JSON to look at.

    Args:
        request: what was sent.
        answer: what came back, if it has.
    """

    def __init__(self, request: TapeRequest, answer: TapeAnswer | None) -> None:
        self._sent = f"{request.method} {redact(request.path)}"
        self._body = _pretty(request.body)
        self._outcome = outcome(answer)
        self._streamed = answer is not None and answer.events is not None
        self._answer = None
        if answer is not None:
            self._answer = _pretty(answer.body) if answer.events is None else _stream(answer.events)

    def __repr__(self) -> str:
        parts = [f"→ {self._sent}"]
        if self._body is not None:
            parts.append(self._body)
        parts += ["", f"← {self._outcome}"]
        return "\n".join([*parts, self._answer] if self._answer else parts)

    def _repr_markdown_(self) -> str:
        parts = [f"**→ `{self._sent}`**"]
        if self._body is not None:
            parts.append(_fenced(self._body, "json"))
        parts.append(f"**← {self._outcome}**")
        if self._answer:
            parts.append(_fenced(self._answer, "text" if self._streamed else "json"))
        return "\n\n".join(parts)


def event_name(event: Event) -> str:
    """Return what kind of event this is: its type, where the wire names one."""
    if isinstance(event, str):
        return "[DONE]" if event.endswith("[DONE]") else "comment" if event.startswith(":") else "text"
    if "done" in event:
        return "done" if event["done"] else "message"
    return str(event.get("type") or event.get("object") or ("error" if "error" in event else "message"))


def _stream(events: Iterable[tuple[float, Event]]) -> str:
    """Return a line for each event; of many of one kind in a row, the first ones stand for all."""
    lines = []
    for name, same in groupby(events, lambda item: event_name(item[1])):
        run = list(same)
        shown = run if len(run) <= LONG_RUN else run[:2]
        lines += [f"{moment:.2f} s  {_line(event)}" for moment, event in shown]
        if len(run) > len(shown):
            lines.append(f"        … {len(run) - len(shown)} more of {name}")
    return "\n".join(lines)


def _pretty(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return redact(_cut(value, LONG_TEXT))
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return redact(json.dumps(_short(value), ensure_ascii=False, indent=2))


def _line(event: Any) -> str:
    text = event if isinstance(event, str) else json.dumps(_short(event), ensure_ascii=False)
    return _cut(redact(text), LONG_LINE)


def _short(value: Any) -> Any:
    """Shorten long lists and long text, at every depth."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) > LONG_LIST:
            return [*map(_short, value[:4]), f"… {len(value) - 4} more"]
        return [_short(item) for item in value]
    return _cut(value, LONG_TEXT) if isinstance(value, str) else value


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… {len(text) - length} more characters"


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
