"""A request and its answer, as the tape, the faults and the simulator exchange them.

Bodies are parsed JSON, so that a recording can be read and compared. `bodies.py` converts them from and to bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode

Event: TypeAlias = dict[str, Any] | str
"""One event of a stream: its JSON, or a line that is not JSON, such as `: OPENROUTER PROCESSING` or `data: [DONE]`."""

Framing: TypeAlias = Literal["json", "sse", "named_sse", "ndjson", "text"]
"""How a body is written: one JSON document, server-sent events without or with event names, a JSON line an event, or
something that is not JSON at all."""


@dataclass(frozen=True, slots=True)
class TapeRequest:
    """A request as the tape sees it.

    Args:
        method: GET, POST or DELETE.
        alias: which service is meant: openai, anthropic, openrouter, ollama, local_gpt_oss, or `host:port`.
        path: path with query, such as `/v1/responses`.
        headers: names in lower case. They never reach a recording.
        body: parsed JSON, or None without a body.
    """

    method: str
    alias: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = None

    @property
    def model(self) -> str:
        """The model in the body, or nothing."""
        model = self.body.get("model") if isinstance(self.body, dict) else None
        return model if isinstance(model, str) else ""

    def __str__(self) -> str:
        return f"{self.method} {self.alias} {self.path}"


@dataclass(frozen=True, slots=True)
class TapeAnswer:
    """An answer as the tape gives it.

    Args:
        status: HTTP status.
        headers: names in lower case; only those that may be stored.
        body: parsed JSON of a plain answer; with framing `text`, a string or bytes.
        events: for a stream, pairs of (seconds since the request, event).
        framing: how the body or the events are written.
        seconds: how long a plain answer took.
        source: recorded, simulated or live.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    events: tuple[tuple[float, Event], ...] | None = None
    framing: Framing = "json"
    seconds: float = 0.0
    source: str = "recorded"


def key_of(request: TapeRequest) -> str:
    """Return the text that is the same for two requests that mean the same.

    It holds the method, the service, the path with its query in order, and the body as canonical JSON.
    """
    path, mark, query = request.path.partition("?")
    if mark:
        path += "?" + urlencode(sorted(parse_qsl(query, keep_blank_values=True)))
    return f"{request.method.upper()} {request.alias} {path} {canonical_json(request.body)}"


def canonical_json(body: Any) -> str:
    """Return JSON with sorted names and without spaces, in which 1.0 is 1, because clients disagree about it."""
    return json.dumps(_plain_numbers(body), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=repr)


def _plain_numbers(value: Any) -> Any:
    """Return parsed JSON with whole floats as integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain_numbers(item) for name, item in value.items()}
    return [_plain_numbers(item) for item in value] if isinstance(value, list) else value
