"""Cancelled at any moment, a call leaves nothing behind.

If one of these fails, a user who presses stop, or a page that is closed, takes a slot or money away for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import llmlab
from llmlab import LLMError
from llmlab.policies import Policy
from llmlab.providers import Provider
from llmlab.transport.driver import Flow, OpenStream, Sleep
from tests.core.trying import spread
from tests.policies.stack import MAKERS, Streams, check_nothing_is_left, made

PROMPT = "Why is the sky blue?"
TROUBLE = ("rate_limit;retry_after=2", "server_error")
NAMES = ("openai", "ollama", "failover")


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams(monkeypatch)


def begun(llm: Provider, shape: str) -> Flow[Any]:
    request = llm.request(PROMPT)
    return llm.complete_flow(request) if shape == "complete" else llm.stream_flow(request)


class Steps:
    """Does what a flow wants, step by step, as the driver does."""

    def __init__(self, flow: Flow[Any]) -> None:
        self.flow = flow
        self.opened: OpenStream | None = None
        self.step: Any = next(flow)

    def advance(self) -> bool:
        """Do one step. Returns whether there is another one."""
        try:
            outcome = None if isinstance(self.step, Sleep) else self.step.run()
            if isinstance(outcome, OpenStream):
                self.opened = outcome
        except LLMError as error:
            self.step = self.flow.throw(error)
            return True
        try:
            self.step = self.flow.send(outcome)
        except StopIteration:
            return False
        return True

    def cancel(self, how: type[BaseException]) -> None:
        with pytest.raises(how):
            self.flow.throw(how())
        if self.opened:
            self.opened.close()


@pytest.mark.parametrize(
    ("name", "shape", "how"),
    spread(NAMES, ["complete", "stream"], [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit]),
)
def test_a_flow_that_is_stopped_at_any_step(
    frozen: None, streams: Streams, name: str, shape: str, how: type[BaseException]
) -> None:
    kinds = set()
    for stop in range(100):
        policies = MAKERS["all"]()
        with made(name, policies) as llm, llmlab.faults(TROUBLE):
            steps = Steps(begun(llm, shape))
            going = all(steps.advance() for _ in range(stop))
            kinds.add(type(steps.step).__name__)
            if not going:
                break
            steps.cancel(how)
            check_nothing_is_left(policies, streams)
    assert stop >= 6
    assert kinds >= {"Sleep", "Wait", *(("Send",) if shape == "complete" else ("Open", "Read"))}


async def asked(llm: Provider, shape: str) -> None:
    if shape == "complete_async":
        await llm.complete_async(PROMPT)
        return
    async with llm.complete_stream_async(PROMPT) as stream:
        async for _ in stream:
            pass


def turns(policies: list[Policy], name: str, shape: str) -> Iterator[bool]:
    """Cancel a task after no turn of the event loop, after one, and so on, until it is done before. Gives whether it
    was cancelled."""

    async def cancelled(after: int) -> bool:
        async with made(name, policies) as llm:
            task = asyncio.create_task(asked(llm, shape))
            for _ in range(after):
                await asyncio.sleep(0)
            was = task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert outcome is None or isinstance(outcome, (LLMError, asyncio.CancelledError)), repr(outcome)
            return was

    after, was = 0, True
    while was:
        with llmlab.faults(TROUBLE):
            yield (was := asyncio.run(cancelled(after)))
        after += 1


@pytest.mark.parametrize(("name", "shape"), spread(NAMES, ["complete_async", "complete_stream_async"]))
def test_a_task_that_is_cancelled_at_any_await(frozen: None, streams: Streams, name: str, shape: str) -> None:
    policies = [policy for policy in MAKERS["all"]() if policy.kind not in ("cache", "budget")]
    count = 0
    for _ in turns(policies, name, shape):
        check_nothing_is_left(policies, streams)
        count += 1
    assert count > 5
