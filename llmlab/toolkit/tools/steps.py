"""What a person reads of a run with tools: each step, and the whole of it.

Plain values. Printing a run prints its answer; Jupyter shows the steps as a list, and the answer below it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message, Role, ToolCall

_SHOWN = 200
"""Characters of a result that a list of steps shows."""


@dataclass(frozen=True, slots=True, repr=False)
class ToolStep:
    """One call of a tool.

    Args:
        call: what the model asked for.
        arguments: what the function got, checked and in its own types; empty if the check failed.
        result: what it gave, as the text that the model reads: text as it is, anything else as JSON (None as `null`).
        error: what went wrong instead; None if nothing did.
        round: in which round of the run, counted from 1.
    """

    call: ToolCall
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: str = ""
    error: str | None = None
    round: int = 1

    @property
    def message(self) -> Message:
        """The result, or the error in words, as the next message of the conversation."""
        content = self.result if self.error is None else f"Error: {self.error}"
        failed = self.error is not None
        return Message(Role.TOOL, content, name=self.call.name, tool_call_id=self.call.id, is_error=failed)

    def __str__(self) -> str:
        return f"{_called(self.call)} {self._outcome}"

    def __repr__(self) -> str:
        return f"ToolStep({self}, round={self.round})"

    def _repr_markdown_(self) -> str:
        arrow, _, rest = self._outcome.partition(" ")
        return f"{_code(_called(self.call))} {arrow} {_code(rest)}"

    @property
    def _outcome(self) -> str:
        return f"→ {_short(self.result) or '(empty)'}" if self.error is None else f"failed: {_short(self.error)}"


@dataclass(frozen=True, slots=True, repr=False)
class ToolRun:
    """A conversation in which a model called tools.

    Args:
        completion: the last answer; None if there was none.
        messages: the whole conversation, which can go on as it is: no call in it lacks its result.
        steps: the calls of tools, in the order in which the model asked for them.
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
        """How often the model had tools called."""
        return max((step.round for step in self.steps), default=0)

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        steps = f"[{', '.join(map(str, self.steps))}]"
        return f"ToolRun({_short(self.content, 60)!r}, steps={steps}, usage={self.usage!r})"

    def _repr_markdown_(self) -> str:
        lines = [f"{place}. {step._repr_markdown_()}" for place, step in enumerate(self.steps, 1)]
        answer = replace(self.completion, usage=self.usage)._repr_markdown_() if self.completion else ""
        # Without the rule, an answer that begins with a list would go on with this one.
        return "\n\n---\n\n".join(part for part in ("\n".join(lines), answer) if part)


def _called(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.name}({_short(call.unparsed or arguments)})"


def _short(text: str, most: int = _SHOWN) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _code(text: str) -> str:
    # A backtick within needs a longer fence, and one at the edge a space before it.
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    edge = " " if "`" in text else ""
    return f"{fence}{edge}{text}{edge}{fence}"
