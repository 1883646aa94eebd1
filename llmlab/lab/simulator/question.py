"""What the brain is asked and what it replies, in nobody's wire format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from llmlab.lab.simulator.images import Picture
from llmlab.lab.simulator.retrieval import Passage

_PICTURE = re.compile(r"\b(?:picture|image|photo|drawing|screenshot|colou?r)s?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call: the id that links it to its result, the tool's name, and the arguments."""

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message.

    Args:
        role: system, user, assistant or tool.
        text: what it says; for a tool, the result.
        calls: the tools that an assistant turn asked for.
        call_id: which call a tool turn answers; empty where the wire has no ids.
        failed: the tool says that it failed.
        pictures: what a user shows.
    """

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    failed: bool = False
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer: its name, what it does, and the JSON schema of its arguments."""

    name: str
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that decides what is said.

    Args:
        turns: the conversation, oldest first.
        tools: the tools on offer.
        tool_choice: auto, none, required, or the name of the one tool to call.
        parallel: several tool calls at once are allowed.
        stop: texts at which the answer ends.
        max_tokens: upper limit of reasoning and answer together.
        effort: reasoning effort, from none to xhigh.
        schema: the answer must be JSON of this schema; an empty one means any JSON object.
        variant: which of several possible answers is given; 0 unless a temperature asks for variety.
        verbosity: low, medium or high.
        passages: what a search in files has found; None without such a search.
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
        """The last thing that the user said; empty where a picture was shown without a word."""
        said = (turn for turn in reversed(self.turns) if turn.role == "user" and (turn.text.strip() or turn.pictures))
        return next((turn.text for turn in said), "")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures that the last message of the user shows, or that it speaks of."""
        shown = [turn.pictures for turn in self.turns if turn.role == "user"]
        if shown and not shown[-1] and _PICTURE.search(self.prompt):
            return next((pictures for pictures in reversed(shown) if pictures), ())
        return shown[-1] if shown else ()

    @property
    def instructions(self) -> str:
        """Everything that system messages say."""
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the simulator says.

    Args:
        text: the answer.
        reasoning: what it thought before, for wires that show it.
        calls: tool calls; their arguments only, ids are the wire format's business.
        finish: stop, length, tool, or stop_text when one of the stop texts ended it.
        stopped_at: that stop text.
        tokens: tokens of the answer, without reasoning.
        reasoning_tokens: tokens of the reasoning.
        cited: the passage that the answer comes from.
    """

    text: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    stopped_at: str | None = None
    tokens: int = 0
    reasoning_tokens: int = 0
    cited: Passage | None = None
