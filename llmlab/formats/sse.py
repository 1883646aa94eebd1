"""The events in the bytes of a stream.

Two framings exist: server-sent events (OpenAI, Anthropic, OpenRouter; WHATWG HTML standard, section 9.2) and one
JSON document on each line (Ollama). Both take pieces cut anywhere, also inside a UTF-8 character, and lines that end in
LF or CRLF. Left out of the standard: lone CR as a line end, `id` and `retry`. Added, because servers do it: a last
event without its blank line counts, a plain JSON body in place of a stream becomes one event, and a field `error:`
(llama.cpp) is an error. Text that is not JSON becomes an error event, so that the events before it in the same piece
are not lost.
"""

from __future__ import annotations

from typing import Any, Protocol

from llmlab.formats.parsing import items, read_json

DONE: dict[str, Any] = {"type": "[DONE]"}
"""The event for OpenAI's end marker `data: [DONE]`."""
_BOM = b"\xef\xbb\xbf"


class Framing(Protocol):
    """Divides bytes, as they come, into events."""

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        """Return the events that `piece` completes."""
        ...

    def flush(self) -> list[dict[str, Any]]:
        """Return the events that the end of the stream completes. Half an event is dropped."""
        ...


class ServerSentEvents:
    """Framing of `data:` lines that end with a blank line."""

    def __init__(self) -> None:
        self._tail = b""
        self._data: list[bytes] = []
        self._plain: list[bytes] = []
        self._started = self._failed = False

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        lines = (self._tail + piece).split(b"\n")
        self._tail = lines.pop()
        return self._events(lines)

    def flush(self) -> list[dict[str, Any]]:
        lines, self._tail = [self._tail, b""], b""
        events = self._events(lines, last=True)
        return events if self._started else _parse(b"\n".join(self._plain))

    def _events(self, lines: list[bytes], *, last: bool = False) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        data = self._data
        if not self._started and not self._plain and lines:
            lines[0] = lines[0].removeprefix(_BOM)
        for line in lines:
            if line[:5] == b"data:":
                self._started = True
                data.append(line[5:])
            elif data and (not line or line == b"\r"):
                # JSON may be spread over several data lines.
                events += _parse(data[0] if len(data) == 1 else b"\n".join(data), last=last, failed=self._failed)
                data.clear()
                self._failed = False
            elif line[:6] == b"error:":
                self._started = self._failed = True
                data.append(line[6:])
            elif line[:6] == b"event:":
                self._failed = line[6:].strip() == b"error"
            elif not self._started and not line.startswith((b":", b"id:", b"retry:")):
                self._plain.append(line)
        return events


class JSONLines:
    """Framing of one JSON document on each line (NDJSON)."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        lines = (self._tail + piece).split(b"\n")
        self._tail = lines.pop()
        return [event for line in lines for event in _parse(line.removeprefix(_BOM))]

    def flush(self) -> list[dict[str, Any]]:
        tail, self._tail = self._tail, b""
        return _parse(tail.removeprefix(_BOM), last=True)


def _parse(data: bytes, *, last: bool = False, failed: bool = False) -> list[dict[str, Any]]:
    """Return the events in the data of one; several where a server sends a list.

    Args:
        data: of one event.
        last: whether the stream ended here. Half an event is dropped.
        failed: whether the server calls this event an error.
    """
    text = data.decode("utf-8", "replace")
    try:
        event = read_json(text, halves=True)
    except ValueError:
        text = text.strip()
        if text == "[DONE]":
            return [DONE]
        if failed:
            return [{"error": {"message": text}}]
        reason = f"the stream holds something that is not JSON: {text[:80]!r}"
        return [] if last or not text else [{"error": {"message": reason}}]
    if failed and not (isinstance(event, dict) and event.get("error")):
        return [{"error": event or {"message": text}}]
    return [event] if isinstance(event, dict) else items(event)
