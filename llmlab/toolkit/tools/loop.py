"""The loop of a run with tools, written once: ask, call what the model wants called, tell it the results, ask again.

A flow like those of the providers: a generator that yields what it wants done and is resumed when it is done. Who
drives it, blocking or awaiting, is `llmlab.toolkit.tools.run`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from llmlab._utils.clock import now
from llmlab._utils.redaction import redact
from llmlab.errors import LLMError, LLMInvalidRequestError, LLMTimeoutError, ToolError
from llmlab.providers import Provider
from llmlab.toolkit.tools.function import Tool
from llmlab.toolkit.tools.steps import ToolRun, ToolStep
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message, Prompt, ToolCall

AnyTool: TypeAlias = Tool[Any, Any] | Callable[..., Any]

_LONGEST = 1000
"""Characters of an exception that the model is told."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model; the outcome is its `Completion`."""

    messages: tuple[Message, ...]
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a tool, to be performed.

    Args:
        place: the number of the call in the whole run.
        tool: the tool that is meant.
        call: what the model asked for.
        round: in which round.
    """

    place: int
    tool: Tool[Any, Any]
    call: ToolCall
    round: int

    def perform(self) -> ToolStep:
        """Call the tool. Whatever goes wrong is told in the step, not raised."""
        step = self._checked()
        try:
            return step if step.error else replace(step, result=self.tool.perform(step.arguments))
        except Exception as error:  # noqa: BLE001 - a tool may fail in any way, and the model is told how
            return replace(step, error=_told(error))

    async def perform_async(self) -> ToolStep:
        """The async twin of `perform`. A sync tool goes to a thread, so that it holds up nobody."""
        if not self.tool.is_async:
            return await asyncio.to_thread(self.perform)
        step = self._checked()
        try:
            return step if step.error else replace(step, result=await self.tool.perform_async(step.arguments))
        except Exception as error:  # noqa: BLE001 - a tool may fail in any way, and the model is told how
            return replace(step, error=_told(error))

    def _checked(self) -> ToolStep:
        call, step = self.call, ToolStep(self.call, round=self.round)
        if call.unparsed:
            wrong = f"they are not a JSON object: {call.unparsed[:100]!r}"
        else:
            try:
                return replace(step, arguments=self.tool.check(call.arguments))
            except Exception as error:  # noqa: BLE001 - a validator is the tool's own code, too
                wrong = str(error) if type(error) is ValueError else _told(error)
        return replace(step, error=_cut(f"the arguments of {call.name} are wrong: {wrong}"))


@dataclass(frozen=True, slots=True)
class Perform:
    """Perform these calls, all at once where that can be. Each `ToolStep` goes to `Loop.done`; there is no outcome."""

    jobs: tuple[Job, ...]


class Loop:
    """One run with tools: its flow, and what it has come to so far.

    Args:
        provider: who is asked.
        prompt: the conversation so far.
        tools: what the model may call; a function that is no tool yet is made one.
        max_rounds: how often the model may have tools called.
        options: what `complete` takes. A `deadline` holds for the run; a tool that is at work is not interrupted.

    Raises:
        ToolError: a tool is no function, or two share a name.
        LLMInvalidRequestError: the messages, an option or `max_rounds` is wrong.
    """

    def __init__(
        self, provider: Provider, prompt: Prompt, tools: Sequence[AnyTool], max_rounds: int, options: dict[str, Any]
    ) -> None:
        if not isinstance(max_rounds, int) or isinstance(max_rounds, bool) or max_rounds < 1:
            raise LLMInvalidRequestError(f"max_rounds must be a whole number above 0, not {max_rounds!r}")
        if not isinstance(tools, Sequence) or isinstance(tools, str):
            raise LLMInvalidRequestError(f"tools is a list, such as [add], not a {type(tools).__name__}")
        self._tools: dict[str, Tool[Any, Any]] = {}
        for each in tools:
            made = each if isinstance(each, Tool) else Tool(each)
            if self._tools.setdefault(made.name, made) is not made:
                raise ToolError(f"two tools are named {made.name!r}; give one another name with @tool(name=…)")
        self._options = {**options, "tools": [each.definition for each in self._tools.values()]}
        self._max_rounds = max_rounds
        self._name = provider.name
        # Checked here, so that a wrong option is refused before anything is sent.
        self._messages = list(provider.request(prompt, **self._options).messages)
        self._steps: dict[int, ToolStep] = {}
        self._completion: Completion | None = None
        self._usage = Usage()

    @property
    def run(self) -> ToolRun:
        """What the run has come to so far."""
        steps = tuple(self._steps[place] for place in sorted(self._steps))
        return ToolRun(self._completion, tuple(self._messages), steps, self._usage)

    def done(self, job: Job, step: ToolStep) -> None:
        """Take the outcome of a job."""
        self._steps[job.place] = step

    def flow(self) -> Generator[Ask | Perform, Any, None]:
        """Ask and call until there is an answer without calls.

        Raises:
            ToolError: the model called a tool that there is not, or `max_rounds` times was not enough.
            LLMError: what asking raised. Either way, the error's `run` holds the run so far.
        """
        end = now() + self._options["deadline"] if self._options.get("deadline") else None
        try:
            for number in range(1, self._max_rounds + 2):
                answer = yield Ask(tuple(self._messages), self._options | self._rest(end))
                self._completion = answer
                self._usage += answer.usage
                if not answer.tool_calls:
                    self._messages.append(answer.message)
                    return
                jobs = self._jobs(answer.tool_calls, number)
                yield Perform(jobs)
                # Together, so that the conversation never holds a call without its result.
                self._messages += [answer.message, *(self._steps[job.place].message for job in jobs)]
                if self._options.get("tool_choice") not in (None, "auto", "none"):
                    # It was forced to call; forced again and again, it could never answer.
                    self._options = {**self._options, "tool_choice": None}
        except LLMError as error:
            error.run = self.run
            raise

    def _rest(self, end: float | None) -> dict[str, float]:
        if end is None:
            return {}
        if (left := end - now()) > 0:
            return {"deadline": left}
        calls = f"{len(self._steps)} call{'' if len(self._steps) == 1 else 's'} of tools"
        raise LLMTimeoutError(
            f"the deadline of {self._options['deadline']:g} s was over after {calls}. "
            "error.run holds the conversation up to there; give the run more time: deadline=<seconds>.",
            provider=self._name,
            code="deadline",
        )

    def _jobs(self, calls: Sequence[ToolCall], number: int) -> tuple[Job, ...]:
        if number > self._max_rounds:
            raise ToolError(
                f"after {self._max_rounds} rounds of tool calls the model still asks for {calls[0].name!r}. "
                "Look at error.run.steps for what it goes round about, or allow more with max_rounds.",
                provider=self._name,
            )
        for call in calls:
            if call.name not in self._tools:
                known = f"It may call {', '.join(self._tools)}" if self._tools else "It has none"
                raise ToolError(
                    f"the model called {call.name!r}, and there is no such tool. {known}; "
                    "error.run holds the conversation up to there.",
                    provider=self._name,
                )
            if not call.id:
                raise ToolError(
                    f"the service sent a call of {call.name!r} without an id, so its result cannot be told apart. "
                    "error.run holds the conversation up to there; try again, or ask another model.",
                    provider=self._name,
                )
        place = len(self._steps)
        return tuple(Job(place + offset, self._tools[call.name], call, number) for offset, call in enumerate(calls))


def _told(error: Exception) -> str:
    """Return an exception as the model is told it: kind and message, without keys and without a traceback."""
    said = str(error)
    return _cut(f"{type(error).__name__}: {said}" if said else type(error).__name__)


def _cut(text: str) -> str:
    clean = redact(text)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"
