"""Answers: whole, in chunks, and the tokens that they used.

Printing an answer prints its text; Jupyter shows a `Completion` as Markdown with folded details.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from llmlab._utils.text import shorten
from llmlab.types.messages import Message, Role, ToolCall

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error", "unfinished"]
"""Why an answer ended, in one vocabulary for all providers. `raw_response` keeps the vendor's own word."""

Source: TypeAlias = Literal["live", "recorded", "simulated", "cached"]


@dataclass(frozen=True, slots=True, repr=False)
class Usage:
    """Tokens that a call used; adds up with `+`.

    Args:
        input_tokens: tokens of the prompt. Anthropic leaves cached tokens out, the others count them.
        output_tokens: tokens of the answer and its reasoning.
        total_tokens: the service's total, or the sum.
        cached_tokens: tokens read from the vendor's prompt cache.
        reasoning_tokens: tokens of `output_tokens` spent on reasoning.
        cost: USD, where the service sends it (OpenRouter); else None.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Usage(**counts, cost=sum(costs) if costs else None)

    def __radd__(self, other: object) -> Usage:
        # sum() starts at 0.
        return self if other == 0 else NotImplemented

    def __repr__(self) -> str:
        parts = [f"input={self.input_tokens}", f"output={self.output_tokens}"]
        parts += [f"cached={self.cached_tokens}"] if self.cached_tokens else []
        parts += [f"reasoning={self.reasoning_tokens}"] if self.reasoning_tokens else []
        parts += [f"cost=${self.cost:.6f}"] if self.cost is not None else []
        return f"Usage({', '.join(parts)})"


_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


@dataclass(slots=True)
class Chunk:
    """One chunk of a streamed answer. `str(chunk)` is its text.

    Args:
        text: the next part of the answer.
        reasoning: the next part of the model's reasoning, which is not part of the answer.
    """

    text: str = ""
    reasoning: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class FileSearchResult:
    """A piece of a file that a search returned.

    Args:
        text: the piece.
        score: similarity to the question, 1 at most.
        file_name: the name of the file.
        file_id: the store's id of the file.
    """

    text: str
    score: float
    file_name: str
    file_id: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Completion:
    """One whole answer.

    Args:
        content: the answer's text.
        model: the model that answered, as the service names it.
        provider: the provider's name.
        finish_reason: why the answer ended; None if unknown.
        usage: tokens used.
        tool_calls: tools the model wants called.
        reasoning: the model's thoughts, where the service shows them.
        refusal: why the model refused, if it did.
        id: the service's identifier of this answer.
        parsed: the answer as an object, with `response_format`.
        file_search_results: pieces of files that the model read.
        alternatives: the further answers to a request for several, such as `extra={"n": 3}`.
        raw_response: the JSON of the service: the body, or the list of events of a stream.
        source: live, recorded, simulated or cached.
        why: why this provider answered and not the first one.
        latency: seconds from the request to the end of the answer.
        time_to_first_token: seconds from the request to the first piece of a stream, which may be one of the
            reasoning; None without a stream.
    """

    content: str
    model: str
    provider: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage = field(default_factory=Usage)
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    refusal: str = ""
    id: str = ""
    parsed: Any = None
    file_search_results: tuple[FileSearchResult, ...] = ()
    alternatives: tuple[Completion, ...] = ()
    raw_response: Mapping[str, Any] | list[dict[str, Any]] = field(default_factory=dict, compare=False)
    source: Source = "live"
    why: str = ""
    latency: float = field(default=0.0, compare=False)
    time_to_first_token: float | None = field(default=None, compare=False)

    @property
    def has_tool_calls(self) -> bool:
        """Whether the model wants tools called before it goes on."""
        return bool(self.tool_calls)

    @property
    def message(self) -> Message:
        """This answer as the next message of the conversation."""
        return Message(Role.ASSISTANT, self.content, tool_calls=self.tool_calls)

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        parts = [
            repr(shorten(self.content, 58)),
            f"model={self.model!r}",
            f"finish_reason={self.finish_reason!r}",
            f"usage={self.usage!r}",
        ]
        if self.tool_calls:
            parts.insert(1, f"tool_calls={[call.name for call in self.tool_calls]}")
        return f"Completion({', '.join(parts)})"

    def _repr_markdown_(self) -> str:
        calls = "".join(f"\n- calls {_code(call)}" for call in self.tool_calls)
        badge = "" if self.source == "live" else f" · {self.source}"
        rows = {
            "model": self.model,
            "provider": self.provider,
            "finish reason": self.finish_reason,
            "usage": repr(self.usage),
            "reasoning": self.reasoning,
            "refusal": self.refusal,
        }
        lines = "".join(f"<li>{name}: {_one_line(value)}</li>" for name, value in rows.items() if value)
        return (
            f"{_keep_lines(self.content)}{calls}\n\n<details><summary>{html.escape(self.model)} · "
            f"{self.usage.total_tokens} tokens{html.escape(badge)}</summary><ul>{lines}</ul></details>"
        )


def _keep_lines(text: str) -> str:
    """Return Markdown that shows line breaks, as in a poem. Fenced code shows them anyway."""
    parts = re.split(r"(^```.*?(?:^```|\Z))", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"(?<=\S)\n(?=\S)", "  \n", part) for part in parts[::2]]
    return "".join(parts)


def _one_line(value: object) -> str:
    # A blank line would end the HTML, and Markdown would read on.
    return "<br>".join(html.escape(str(value)).splitlines())


def _code(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    written = " ".join(f"{call.name}({call.unparsed or arguments})".split())
    # A backtick inside needs a longer fence, or the rest would be read as HTML.
    fence = "`" * (1 + max(map(len, re.findall("`+", written)), default=0))
    return f"{fence}{written}{fence}"
