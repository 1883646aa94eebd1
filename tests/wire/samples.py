"""Reads the samples of real traffic and says what llmlab should make of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab.formats import ANTHROPIC_MESSAGES, OLLAMA, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, Format
from llmlab.types.completion import Completion
from tests.conftest import SAMPLES

_ENDINGS: dict[str, Format] = {
    "/responses": OPENAI_RESPONSES,
    "/chat/completions": OPENAI_CHAT,
    "/completions": OPENAI_COMPLETIONS,
    "/v1/messages": ANTHROPIC_MESSAGES,
    "/api/chat": OLLAMA,
    "/api/generate": OLLAMA,
}

READ: dict[str, Callable[[Completion], Any]] = {
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
"""Where a `Completion` holds what a sample expects."""

FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "completed": "stop",
    "queued": "unfinished",
    "load": "stop",
}
"""The vendors' words for llmlab's, as a table of its own: the formats' tables could share a mistake."""


@dataclass(frozen=True)
class Sample:
    """One exchange."""

    name: str
    provider: str
    path: str
    request: dict[str, Any] | None
    status: int
    headers: dict[str, str]
    stream: bool
    body: str
    expect: dict[str, Any]

    @property
    def format(self) -> Format | None:
        path = self.path.partition("?")[0]
        return next((format for ending, format in _ENDINGS.items() if path.endswith(ending)), None)

    @property
    def finish(self) -> str | None:
        for key in ("finish_reason", "stop_reason", "done_reason", "status"):
            if word := self.expect.get(key):
                # OpenAI's Responses API and Ollama have no word for an answer that ends in tool calls.
                derived = key in ("done_reason", "status") and self.expect.get("tool_calls")
                return "tool_calls" if derived else FINISH.get(word, word)
        return None

    def differences(self, answer: Completion) -> dict[str, tuple[Any, Any]]:
        """Return what `answer` says, and what the sample expects, wherever the two differ."""
        found = {
            key: (read(answer), self.expect[key])
            for key, read in READ.items()
            if key in self.expect and read(answer) != self.expect[key]
        }
        calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
        wanted = self.expect.get("tool_calls", calls)
        if calls != [{"name": call["name"], "arguments": call["arguments"]} for call in wanted]:
            found["tool_calls"] = (calls, wanted)
        for call, expected in zip(answer.tool_calls, wanted, strict=False):
            if expected.get("id", call.id) != call.id:
                found["tool_call_id"] = (call.id, expected["id"])
        if len({call.id for call in answer.tool_calls}) != len(answer.tool_calls):
            found["ids"] = ("two calls share an id", None)
        if answer.finish_reason != self.finish:
            found["finish_reason"] = (answer.finish_reason, self.finish)
        return found


def load(folder: Path) -> list[Sample]:
    """Return all samples, by name."""
    samples = []
    for file in sorted(folder.glob("*.json")):
        raw = json.loads(file.read_text(encoding="utf-8"))
        body = raw["body"] if isinstance(raw["body"], str) else json.dumps(raw["body"])
        samples.append(
            Sample(
                file.stem,
                raw["provider"],
                raw["path"],
                raw.get("request"),
                raw["status"],
                raw.get("response_headers") or {},
                bool(raw.get("stream")),
                body,
                raw["expect"],
            )
        )
    return samples


SAMPLES_FOUND = load(SAMPLES) if SAMPLES.is_dir() else []
ANSWERS = [sample for sample in SAMPLES_FOUND if sample.format and sample.status == 200]
ERRORS = [sample for sample in SAMPLES_FOUND if sample.status >= 400]
