"""Exchanges with the services: what was sent, what came back, and what llmlab must read in it.

The JSON files beside this one are authored: written from the documented wire formats, with texts and numbers of our
own. A `body` is the exact text, a list of its lines, or the JSON value. The folder named by LLMLAB_WIRE_SAMPLES is read
too, so that a maintainer can try recorded traffic in the same form.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from llmlab.formats import ANTHROPIC_MESSAGES, OLLAMA, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, Format
from llmlab.types.completion import Completion

FOLDER = Path(__file__).parent

_FORMATS: dict[str, Format] = {
    "/responses": OPENAI_RESPONSES,
    "/chat/completions": OPENAI_CHAT,
    "/completions": OPENAI_COMPLETIONS,
    "/v1/messages": ANTHROPIC_MESSAGES,
    "/api/chat": OLLAMA,
    "/api/generate": OLLAMA,
}

_READ: dict[str, Callable[[Completion], Any]] = {
    "text": lambda answer: answer.content,
    "model": lambda answer: answer.model,
    "response_id": lambda answer: answer.id,
    "refusal": lambda answer: answer.refusal,
    "reasoning": lambda answer: answer.reasoning,
    "thinking": lambda answer: answer.reasoning,
    "input_tokens": lambda answer: answer.usage.input_tokens,
    "output_tokens": lambda answer: answer.usage.output_tokens,
    "total_tokens": lambda answer: answer.usage.total_tokens,
    "cached_tokens": lambda answer: answer.usage.cached_tokens,
    "cache_read_tokens": lambda answer: answer.usage.cached_tokens,
    "reasoning_tokens": lambda answer: answer.usage.reasoning_tokens,
    "cost": lambda answer: answer.usage.cost,
}
"""Where a `Completion` holds what an exchange expects."""

_FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "completed": "stop",
    "queued": "unfinished",
    "load": "stop",
}
"""The vendors' words for llmlab's, as a table of its own: the formats' tables could share a mistake."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    Args:
        name: the file's name.
        provider: which service answered.
        method: of the request.
        path: of the request, with its query.
        request: the body that was sent.
        status: HTTP status of the answer.
        headers: of the answer.
        stream: whether the answer is a stream.
        body: the answer's exact text.
        expect: what must be read in it.
        group: the tool loop that it is a step of; else empty.
        step: which step.
    """

    name: str
    provider: str
    method: str
    path: str
    request: dict[str, Any] | None
    status: int
    headers: dict[str, str]
    stream: bool
    body: str
    expect: dict[str, Any]
    group: str
    step: int

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON events of a stream."""
        lines = (line.removeprefix("data:").strip() for line in self.body.splitlines())
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def format(self) -> Format | None:
        """The wire format; None for a path that answers no prompt."""
        path = self.path.partition("?")[0]
        return next((format for ending, format in _FORMATS.items() if path.endswith(ending)), None)

    @property
    def is_error(self) -> bool:
        """Whether no answer but an error came back, with an error status or inside a 200."""
        return self.status >= 400 or "error_in_200" in self.expect

    @property
    def finish(self) -> str | None:
        """The finish reason that a `Completion` must have."""
        if "finish" in self.expect:
            return str(self.expect["finish"])
        for key in ("finish_reason", "stop_reason", "done_reason", "status"):
            if word := self.expect.get(key):
                # OpenAI's Responses API and Ollama have no word for an answer that ends in tool calls.
                derived = key in ("done_reason", "status") and self.expect.get("tool_calls")
                return "tool_calls" if derived else _FINISH.get(word, word)
        return None

    def differences(self, answer: Completion) -> dict[str, tuple[Any, Any]]:
        """Return what `answer` has and what is expected, wherever the two differ."""
        differences = {
            key: (read(answer), self.expect[key])
            for key, read in _READ.items()
            if key in self.expect and read(answer) != self.expect[key]
        }
        calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
        expected = self.expect.get("tool_calls", calls)
        if calls != [{"name": call["name"], "arguments": call["arguments"]} for call in expected]:
            differences["tool_calls"] = (calls, expected)
        for call, one in zip(answer.tool_calls, expected, strict=False):
            if one.get("id", call.id) != call.id:
                differences["tool_call_id"] = (call.id, one["id"])
        if len({call.id for call in answer.tool_calls}) != len(answer.tool_calls):
            differences["ids"] = ("two calls share an id", None)
        # After an error, the reason why the answer ended may be unknown.
        if answer.finish_reason != self.finish and not self.expect.get("stream_error"):
            differences["finish_reason"] = (answer.finish_reason, self.finish)
        return differences


def _load(file: Path) -> Exchange:
    raw = json.loads(file.read_text(encoding="utf-8"))
    body = raw["body"]
    if isinstance(body, list):
        body = "\n".join(body)
    return Exchange(
        file.stem,
        raw["provider"],
        raw["method"],
        raw["path"],
        raw.get("request"),
        raw["status"],
        raw.get("response_headers") or {},
        bool(raw.get("stream")),
        body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
        raw["expect"],
        raw.get("group") or "",
        raw.get("step") or 0,
    )


def exchange(name: str) -> Exchange:
    """Return one of our own exchanges."""
    return _load(FOLDER / f"{name}.json")


def _all() -> list[Exchange]:
    more = os.environ.get("LLMLAB_WIRE_SAMPLES")
    folders = [FOLDER, *([Path(more)] if more else [])]
    return [_load(file) for folder in folders for file in sorted(folder.glob("*.json"))]


EXCHANGES = _all()
ANSWERS = [one for one in EXCHANGES if one.format and not one.is_error]
ERRORS = [one for one in EXCHANGES if one.is_error]


def loops() -> list[tuple[Exchange, Exchange]]:
    """Return neighbouring steps of tool loops, of which the first asks for tools."""
    groups: dict[str, list[Exchange]] = {}
    for one in EXCHANGES:
        if one.group:
            groups.setdefault(one.group, []).append(one)
    return [
        (first, second)
        for steps in groups.values()
        for first, second in pairwise(sorted(steps, key=lambda one: one.step))
        if second.step == first.step + 1 and first.expect.get("tool_calls")
    ]
