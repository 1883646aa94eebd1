"""What a responder reads and writes, in no wire format: a conversation goes in, a reply comes out.

A wire format reads its request into a `Conversation` and writes the `Reply`. A responder (`reply.compose`, or a real
model in its place) never sees JSON of a service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

_ABOUT_IMAGE = re.compile(r"\b(?:picture|image|photo|drawing|screenshot|colou?r)s?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its type (PNG, JPEG, GIF, WebP), pixels, bytes and tokens; an address alone has no type."""

    kind: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    address: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call: the id that links it to its result, the tool's name, and the arguments."""

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer: its name, its description, and the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message.

    Args:
        role: system, user, assistant or tool.
        text: its text; for a tool, the result.
        calls: tool calls of an assistant.
        call_id: the call that a tool's result answers; empty in wire formats without ids.
        failed: the tool reports a failure.
        images: images of a user.
    """

    role: str
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    failed: bool = False
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a file: where it comes from, its text, and its similarity to the question, from 0 to 1."""

    file_id: str
    filename: str
    attributes: Mapping[str, Any]
    text: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that decides a reply.

    Args:
        turns: the messages, oldest first.
        tools: the tools on offer.
        tool_choice: auto, none, required, or the name of the one tool to call.
        parallel: several tool calls at once are allowed.
        stop: texts at which the answer ends.
        max_tokens: upper limit of reasoning and answer together.
        effort: reasoning effort, from none to max.
        schema: the answer must be JSON of this schema; an empty one means any JSON object.
        variant: which of several possible answers; 0 unless a temperature asks for variety.
        verbosity: low, medium or high.
        passages: results of a search in files; None without a search.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel: bool = True
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    effort: str = "none"
    schema: dict[str, Any] | None = None
    variant: int = 0
    verbosity: str = "medium"
    passages: tuple[Passage, ...] | None = None

    @property
    def prompt(self) -> str:
        """The last text of the user; empty where an image came without a word."""
        asked = (turn for turn in reversed(self.turns) if turn.role == "user" and (turn.text.strip() or turn.images))
        return next((turn.text for turn in asked), "")

    @property
    def images(self) -> tuple[Image, ...]:
        """The images of the user's last message, or earlier ones that the message mentions."""
        shown = [turn.images for turn in self.turns if turn.role == "user"] or [()]
        if not shown[-1] and _ABOUT_IMAGE.search(self.prompt):
            return next((images for images in reversed(shown) if images), ())
        return shown[-1]

    @property
    def instructions(self) -> str:
        """The text of all system messages."""
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")


@dataclass(frozen=True, slots=True)
class Reply:
    """A responder's reply.

    Args:
        text: the answer.
        reasoning: the thoughts before it, for wire formats that show them.
        calls: tool calls without ids; a wire format gives them ids.
        finish: stop, length, tool, or stop_text when one of the stop texts ended the answer.
        stopped_at: that stop text.
        tokens: tokens of the answer, without reasoning.
        reasoning_tokens: tokens of the reasoning.
        cited: the passage that the answer comes from.
    """

    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    stopped_at: str | None = None
    tokens: int = 0
    reasoning_tokens: int = 0
    cited: Passage | None = None


Compose: TypeAlias = Callable[[Conversation], Reply]
"""A responder: the built-in one is `reply.compose`."""


def unmatched_results(turns: tuple[Turn, ...]) -> tuple[list[str], list[str], int]:
    """Find the first place where tool calls and their results do not match.

    Returns:
        The ids of results without a call, the ids of calls without a result right after them, and the turn.
    """
    waiting: list[str] = []
    for at, turn in enumerate(turns):
        if turn.role == "tool" and turn.call_id not in waiting:
            return [turn.call_id], [], at
        if turn.role != "tool" and waiting:
            return [], waiting, at
        waiting = [one for one in waiting if one != turn.call_id] + [call.id for call in turn.calls]
    return [], waiting, len(turns)
