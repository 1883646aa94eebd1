"""The result of a run with tools, and its steps. Jupyter shows the steps as a list, and the answer below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llmlab._utils.text import shorten
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message, Role, ToolCall


@dataclass(frozen=True, slots=True, repr=False)
class ToolStep:
    """One call of a tool.

    Args:
        call: the call in the model's answer.
        arguments: the checked arguments in the function's types; empty if the check failed.
        result: the result as the model reads it: a text, or JSON (None is `null`).
        error: the reason of a failure; None after a success.
        round: the number of the round, counted from 1.
    """

    call: ToolCall
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: str = ""
    error: str | None = None
    round: int = 1

    @property
    def message(self) -> Message:
        """The result, or the error in words, as the next message of the conversation."""
        failed = self.error is not None
        content = f"Error: {self.error}" if failed else self.result
        return Message(Role.TOOL, content, name=self.call.name, tool_call_id=self.call.id, is_error=failed)

    def __str__(self) -> str:
        return f"{_format(self.call)} {self._outcome}"

    def __repr__(self) -> str:
        return f"ToolStep({self}, round={self.round})"

    def _repr_markdown_(self) -> str:
        arrow, _, rest = self._outcome.partition(" ")
        return f"{_code(_format(self.call))} {arrow} {_code(rest)}"

    @property
    def _outcome(self) -> str:
        return f"→ {_short(self.result) or '(empty)'}" if self.error is None else f"failed: {_short(self.error)}"


@dataclass(frozen=True, slots=True, repr=False)
class ToolRun:
    """A conversation in which a model called tools.

    Args:
        completion: the last answer; None before the first.
        messages: the whole conversation. Each call has its result, so it can go on.
        steps: the calls of tools, in the order of the model's answers.
        usage: tokens of all answers together.
    """

    completion: Completion | None
    messages: tuple[Message, ...] = ()
    steps: tuple[ToolStep, ...] = ()
    usage: Usage = field(default_factory=Usage)

    @property
    def content(self) -> str:
        """The text of the last answer."""
        return self.completion.content if self.completion else ""

    @property
    def rounds(self) -> int:
        """The number of rounds of tool calls."""
        return max((step.round for step in self.steps), default=0)

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        steps = f"[{', '.join(map(str, self.steps))}]"
        return f"ToolRun({_short(self.content, 60)!r}, steps={steps}, usage={self.usage!r})"

    def _repr_markdown_(self) -> str:
        lines = [f"{number}. {step._repr_markdown_()}" for number, step in enumerate(self.steps, 1)]
        answer = replace(self.completion, usage=self.usage)._repr_markdown_() if self.completion else ""
        # The rule separates the steps from an answer that begins with a list.
        return "\n\n---\n\n".join(part for part in ("\n".join(lines), answer) if part)


def _format(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.name}({_short(call.unparsed or arguments)})"


def _short(text: str, length: int = 200) -> str:
    return shorten(" ".join(text.split()), length)


def _code(text: str) -> str:
    # Text with a backtick needs a longer fence, and a space before a backtick at the edge.
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    edge = " " if "`" in text else ""
    return f"{fence}{edge}{text}{edge}{fence}"
