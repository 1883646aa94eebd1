"""Bodies as bytes and as JSON, in both directions.

Three framings: one JSON document, server-sent events (WHATWG HTML standard, section 9.2; with or without event names),
and one JSON document a line. Real servers cut bodies anywhere, end lines with CRLF, leave out the end marker, or send
no JSON; what is not JSON stays text.

It shares no code with `llmlab.formats.sse`: the tape stands in for the services, and must not share a mistake with what
reads them. Left out: lone CR as a line end. The HTTP library has decompressed the bytes before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from llmlab.lab.wire.messages import Event, Framing, TapeAnswer

CONTENT_TYPES: dict[Framing, str] = {
    "json": "application/json",
    "sse": "text/event-stream; charset=utf-8",
    "named_sse": "text/event-stream; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "text": "text/plain; charset=utf-8",
}
"""Content types of answers whose recordings have none."""
_FILE = "application/octet-stream"
"""An uploaded file, or the results of a batch; it stays text, letter by letter."""

Piece: TypeAlias = tuple[float, bytes]
"""Seconds since the request, and the bytes that arrived then."""

_Block: TypeAlias = tuple[float, list[str]]


def dump(value: Any) -> bytes:
    """Return JSON as services write it: no spaces, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def read_body(content: bytes, content_type: str) -> Any:
    """Return the body of a request as JSON or text; of a file that is neither, its size and SHA-256."""
    boundary = re.search(r'multipart/[^;]+;.*\bboundary="?([^";]+)', content_type)
    if boundary:
        return {"multipart": _multipart(content, b"--" + boundary[1].encode())}
    body, _ = parse_body(content)
    return _fingerprint(body) if isinstance(body, bytes) else body


def _multipart(content: bytes, boundary: bytes) -> list[dict[str, Any]]:
    parts = []
    for raw in content.split(boundary)[1:-1]:
        head, _, data = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        data = data.removesuffix(b"\r\n")
        part: dict[str, Any] = {}
        for name in ("name", "filename"):
            if found := re.search(rf'\b{name}="([^"]*)"', head.decode("utf-8", "replace")):
                part[name] = found[1]
        try:
            part["value"] = data.decode("utf-8")
        except UnicodeDecodeError:
            part |= _fingerprint(data)
        parts.append(part)
    return parts


def _fingerprint(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def render_body(answer: TapeAnswer) -> bytes:
    """Return the bytes of a plain answer."""
    if answer.body is None:
        return b""
    if answer.framing == "text":
        return answer.body if isinstance(answer.body, bytes) else str(answer.body).encode("utf-8", "replace")
    return dump(answer.body)


def render_event(event: Event, framing: Framing) -> bytes:
    """Return the bytes of one event, its line ends included."""
    if framing == "ndjson":
        return (event.encode("utf-8", "replace") if isinstance(event, str) else dump(event)) + b"\n"
    if isinstance(event, str):
        return event.encode("utf-8", "replace") + b"\n\n"
    name = event.get("type") if framing == "named_sse" else None
    head = f"event: {name}\n".encode("utf-8", "replace") if name else b""
    return head + b"data: " + dump(event) + b"\n\n"


def parse_answer(status: int, headers: dict[str, str], pieces: Sequence[Piece], seconds: float) -> TapeAnswer:
    """Return the parsed form of an answer.

    Args:
        status: HTTP status.
        headers: names in lower case; they stay as they are.
        pieces: the body as it arrived, decompressed.
        seconds: until the end of the answer.
    """
    whole = b"".join(piece for _, piece in pieces)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    body, framing = parse_body(whole)
    events: Sequence[tuple[float, Event]] | None = None
    if kind == "text/event-stream" or (not kind and whole.lstrip().startswith((b"data:", b"event:", b":"))):
        # Some services answer a wrong request for a stream with plain JSON, under the content type of a stream.
        if framing != "json":
            events, framing = _server_sent(pieces)
    elif kind == _FILE:
        body, framing = _text_or_bytes(whole), "text"
    elif any(name in kind for name in ("ndjson", "jsonl")) or _is_json_lines(whole):
        events, framing = list(_json_lines(pieces)), "ndjson"
    if events is None:
        return TapeAnswer(status, headers, body, framing=framing, seconds=seconds, source="live")
    return TapeAnswer(status, headers, events=tuple(events), framing=framing, source="live")


def parse_body(data: bytes) -> tuple[Any, Framing]:
    """Return a body as JSON where it is JSON, else as text, else as bytes; None where it is empty."""
    if not data:
        return None, "text"
    try:
        return parse_json(data), "json"
    except ValueError:
        return _text_or_bytes(data), "text"


def parse_json(data: bytes | str) -> Any:
    """Parse JSON. Halves of characters, which JSON can hold and UTF-8 cannot, are replaced.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    try:
        value = json.loads(text)
        return json.loads(dump(value)) if "\\u" in text else value
    except RecursionError:
        raise ValueError("nested too deep") from None


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _is_json_lines(data: bytes) -> bool:
    lines = [line for line in data.splitlines() if line.strip()]
    return len(lines) > 1 and all(_object(line) is not None for line in lines)


def _lines(pieces: Iterable[Piece]) -> Iterator[tuple[float, str, bool]]:
    """Yield (seconds, line, whether it has its line end). Whole lines are decoded, so no character is cut."""
    tail, moment = b"", 0.0
    for moment, piece in pieces:
        *lines, tail = (tail + piece).split(b"\n")
        for line in lines:
            yield moment, line.removesuffix(b"\r").decode("utf-8", "replace"), True
    if tail:
        yield moment, tail.decode("utf-8", "replace"), False


def _json_lines(pieces: Iterable[Piece]) -> Iterator[tuple[float, Event]]:
    for moment, line, ended in _lines(pieces):
        value = _object(line)
        if value is not None:
            yield moment, value
        elif ended and line.strip():  # a broken stream ends with half a line
            yield moment, line


def _server_sent(pieces: Iterable[Piece]) -> tuple[list[tuple[float, Event]], Framing]:
    blocks = list(_blocks(pieces))
    named = any(_name(block) for _, block in blocks if _data(block) is not None)
    framing: Framing = "named_sse" if named else "sse"
    return [(moment, _event(block, framing)) for moment, block in blocks], framing


def _blocks(pieces: Iterable[Piece]) -> Iterator[_Block]:
    block: list[str] = []
    moment, whole = 0.0, True
    for moment, line, ended in _lines(pieces):
        whole = ended
        if line.startswith(":") and not block:
            yield moment, [line]
        elif line:
            block.append(line.removeprefix("\ufeff"))
        elif block:
            yield moment, block
            block = []
    # A last event without its blank line counts if it is whole.
    if block and (whole or _data(block) is not None):
        yield moment, block


def _event(block: list[str], framing: Framing) -> Event:
    """Return a block as JSON if it would be written the same way again, else as its lines."""
    value = _data(block)
    if value is None or not all(line.startswith(("data:", "event:")) for line in block):
        return "\n".join(block)
    wanted = value.get("type") if framing == "named_sse" else None
    return value if _name(block) == (wanted or "") else "\n".join(block)


def _name(block: list[str]) -> str:
    return next((line.removeprefix("event:").strip() for line in block if line.startswith("event:")), "")


def _data(block: list[str]) -> dict[str, Any] | None:
    return _object("\n".join(line.removeprefix("data:") for line in block if line.startswith("data:")))


def _object(text: bytes | str) -> dict[str, Any] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
