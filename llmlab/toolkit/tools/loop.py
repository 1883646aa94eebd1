"""The loop of a run with tools, without I/O: which request comes next, and which tools an answer calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from llmlab._utils.abandon import call_within, call_within_async
from llmlab._utils.clock import now
from llmlab.errors import LLMError, LLMInvalidRequestError, LLMTimeoutError, ToolError
from llmlab.providers import Provider
from llmlab.toolkit.tools.function import Tool
from llmlab.toolkit.tools.steps import ToolRun, ToolStep
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message, Prompt, ToolCall
from llmlab.types.validation import is_count

AnyTool: TypeAlias = Tool[Any, Any] | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A call to perform: the index of its step in the run, the tool, the call, and the number of the round."""

    index: int
    tool: Tool[Any, Any]
    call: ToolCall
    round: int


class Loop:
    """The state of one run with tools. Wrong messages, tools and options are refused here, before anything is sent."""

    def __init__(
        self, provider: Provider, prompt: Prompt, tools: Sequence[AnyTool], max_rounds: int, options: dict[str, Any]
    ) -> None:
        if not is_count(max_rounds):
            raise LLMInvalidRequestError(f"max_rounds must be a whole number above 0, not {max_rounds!r}")
        if not isinstance(tools, Sequence) or isinstance(tools, str):
            raise LLMInvalidRequestError(f"tools is a list, such as [add], not a {type(tools).__name__}")
        self._tools: dict[str, Tool[Any, Any]] = {}
        for each in tools:
            added = each if isinstance(each, Tool) else Tool(each)
            if self._tools.setdefault(added.name, added) is not added:
                raise ToolError(f"two tools are named {added.name!r}; give one another name with @tool(name=…)")
        self.provider = provider
        self.has_answer = self.closed = False
        self._options = {**options, "tools": [each.definition for each in self._tools.values()]}
        self._messages = list(provider.request(prompt, **self._options).messages)
        self._max_rounds = max_rounds
        self._round = 0
        self._end = now() + options["deadline"] if options.get("deadline") else None
        self._completion: Completion | None = None
        self._usage = Usage()
        self._steps: list[ToolStep | None] = []

    @property
    def run(self) -> ToolRun:
        """The run so far."""
        steps = tuple(step for step in self._steps if step is not None)
        return ToolRun(self._completion, tuple(self._messages), steps, self._usage)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the run so far to an error, and close the loop at the end."""
        try:
            yield
        except LLMError as error:
            error.run = self.run
            raise
        finally:
            self.closed = True

    def next_request(self) -> tuple[tuple[Message, ...], dict[str, Any]]:
        """Return the messages and options of the next request.

        Raises:
            LLMTimeoutError: the deadline of the run is over.
        """
        if self._completion is not None:
            # Added together, so that the conversation never holds a call without its result.
            done = [step.message for step in self._steps if step and step.round == self._round]
            self._messages += [self._completion.message, *done]
            if self._options.get("tool_choice") not in (None, "auto", "none"):
                # A model that must call a tool in every round could never answer.
                self._options = {**self._options, "tool_choice": None}
        left = self._remaining()
        return tuple(self._messages), self._options if left is None else {**self._options, "deadline": left}

    def receive(self, answer: Completion) -> list[Job]:
        """Take an answer, and return its calls with the index of their steps. The run ends without calls.

        Raises:
            ToolError: an unknown tool is called, a call has no id, or there were `max_rounds` rounds.
        """
        self._completion = answer
        self._usage += answer.usage
        if not answer.tool_calls:
            self._messages.append(answer.message)
            self.has_answer = True
            return []
        self._round += 1
        first = len(self._steps)
        jobs = [Job(index, self._find(call), call, self._round) for index, call in enumerate(answer.tool_calls, first)]
        self._steps += [None] * len(jobs)
        return jobs

    def perform(self, job: Job) -> ToolStep:
        """Perform a job. With a deadline, its tool works in a thread of its own, which is left at the end."""
        with self._in_time() as left:
            work = partial(job.tool.perform, job.call, job.round)
            return self._finish(job, work() if left is None else call_within(left, work))

    async def perform_async(self, job: Job) -> ToolStep:
        """The async twin of `perform`. A sync tool always works in a thread, so that it does not block the loop."""
        with self._in_time() as left:
            if job.tool.is_async:
                async with asyncio.timeout(left):
                    return self._finish(job, await job.tool.perform_async(job.call, job.round))
            return self._finish(job, await call_within_async(left, job.tool.perform, job.call, job.round))

    def _finish(self, job: Job, step: ToolStep) -> ToolStep:
        self._steps[job.index] = step
        return step

    @contextmanager
    def _in_time(self) -> Iterator[float | None]:
        """Give the seconds left, and turn the end of a wait into the error of the deadline."""
        try:
            yield self._remaining()
        except TimeoutError:
            raise self._too_late() from None

    def _remaining(self) -> float | None:
        """Return the seconds left, None without a deadline, or raise an `LLMTimeoutError`."""
        left = None if self._end is None else self._end - now()
        if left is not None and left <= 0:
            raise self._too_late()
        return left

    def _too_late(self) -> LLMTimeoutError:
        calls = f"{len(self._steps)} call{'' if len(self._steps) == 1 else 's'} of tools"
        return LLMTimeoutError(
            f"the deadline of {self._options['deadline']:g} s was over after {calls}. "
            "error.run holds the run so far; give the run more time: deadline=<seconds>.",
            provider=self.provider.name,
            code="deadline",
        )

    def _find(self, call: ToolCall) -> Tool[Any, Any]:
        name = call.name
        if self._round > self._max_rounds:
            problem = (
                f"after {self._max_rounds} rounds of tool calls the model still asks for {name!r}. "
                "error.run.steps shows what it repeats; allow more rounds with max_rounds."
            )
        elif name not in self._tools:
            known = f"It may call {', '.join(self._tools)}" if self._tools else "It has none"
            problem = f"the model called {name!r}, and there is no such tool. {known}; error.run holds the run so far."
        elif not call.id:
            problem = (
                f"the service sent a call of {name!r} without an id, so its result cannot be assigned. "
                "error.run holds the run so far; try again, or use another model."
            )
        else:
            return self._tools[name]
        raise ToolError(problem, provider=self.provider.name)
