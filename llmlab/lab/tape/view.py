"""How an exchange is shown: one line, one row of a table, or the JSON that went over the wire.

Headers are never shown and secrets are taken out. What is long is shortened, and fields that hold nothing are left out
and counted, so that a reader can take it in. `Exchange.response` holds all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from llmlab._utils.redaction import redact
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

LONG_RUN = 3
"""More events of one kind in a row than this are shown by their first ones."""
LONG_LIST = 12
LONG_LINE = 200
LONG_TEXT = 1000
"""Characters of one text in a body."""
WIDTH = 90
"""Characters on a line of JSON."""


def describe(request: TapeRequest, answered: str) -> str:
    """Return an exchange as one line."""
    return f"{request.method} {request.alias} {redact(request.path)} → {answered}"


def outcome(answer: TapeAnswer | None, fault: str = "", failure: str = "") -> str:
    """Return in a few words what was answered.

    Args:
        answer: the answer, if one came.
        fault: the fault that was injected, if one was.
        failure: how the line broke, if it did.
    """
    parts = [failure or "no answer yet"]
    if answer is not None:
        parts = [str(answer.status), answer.source]
        parts += [f"{len(answer.events)} events"] if answer.events is not None else []
        parts += [f"then {failure}"] if failure else []
    return ", ".join([*parts, f"injected {fault}"] if fault else parts)


def table(rows: Sequence[tuple[int, TapeRequest, str]]) -> str:
    """Return exchanges as a Markdown table: number, request, and what was answered."""
    if not rows:
        return "*nothing has been asked yet*"
    lines = ["| # | service | request | answer |", "|--:|---|---|---|"]
    for number, request, answered in rows:
        asked = f"`{request.method} {redact(request.path)}`".replace("|", "\\|")
        lines.append(f"| {number} | {request.alias} | {asked} | {answered} |")
    return "\n".join(lines)


class WireView:
    """A request and its answer, as JSON to look at.

    Args:
        request: what was sent.
        answer: what came back, if it has.
        answered: that in a few words.
    """

    def __init__(self, request: TapeRequest, answer: TapeAnswer | None, answered: str) -> None:
        self._sent = f"{request.method} {redact(request.path)}"
        self._body = _pretty(request.body)
        self._outcome = answered
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
        return redact(_cut(value, 4 * LONG_TEXT))
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    kept, left_out = _without_empty(_short(value))
    note = f"\n… and {left_out} fields that hold nothing" if left_out else ""
    return redact(_laid_out(kept)) + note


def _without_empty(value: Any) -> tuple[Any, int]:
    """Return parsed JSON without the fields that are null or empty, and how many they were."""
    left_out = 0
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            kept[name], inner = _without_empty(item)
            left_out += inner
            if item is None or item in ([], {}):
                del kept[name]
                left_out += 1
        return kept, left_out
    if isinstance(value, list):
        pairs = [_without_empty(item) for item in value]
        return [item for item, _ in pairs], sum(inner for _, inner in pairs)
    return value, 0


def _laid_out(value: Any, indent: str = "") -> str:
    """Return JSON in which whatever fits on a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, (dict, list)):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [f"{json.dumps(name, ensure_ascii=False)}: {_laid_out(item, deeper)}" for name, item in value.items()]
    else:
        inner = [_laid_out(item, deeper) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(inner) + f"\n{indent}{closing}"


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
