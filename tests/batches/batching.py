"""Batches offline and against a scripted server, sync and async by one name."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from llmlab import Batch, open_batch, open_batch_async, submit_batch, submit_batch_async
from llmlab._utils.clock import set_clock
from llmlab.errors import LLMError
from llmlab.policies import Answer, Call, Inner
from llmlab.providers import Provider
from llmlab.transport.driver import Flow, Sleep

WAYS = ("sync", "async")
SERVICES = ("openai", "anthropic")
LOCAL = ("openrouter", "ollama", "local_gpt_oss")


def finish(way: str, made: Provider, items: Any, **options: Any) -> tuple[Batch, list[Any]]:
    """Submit, wait and close, in one of the two ways."""
    if way == "sync":
        with made:
            batch = submit_batch(items, made, **options)
            return batch, batch.wait()

    async def whole() -> tuple[Batch, list[Any]]:
        async with made:
            batch = await submit_batch_async(items, made, **options)
            return batch, await batch.wait_async()

    return asyncio.run(whole())


def reopen(way: str, batch_id: Any, made: Provider) -> tuple[Batch, list[Any]]:
    """Open a batch again and wait for it, in one of the two ways."""
    if way == "sync":
        with made:
            batch = open_batch(batch_id, made)
            return batch, batch.wait()

    async def whole() -> tuple[Batch, list[Any]]:
        async with made:
            batch = await open_batch_async(batch_id, made)
            return batch, await batch.wait_async()

    return asyncio.run(whole())


def texts(outcomes: list[Any]) -> list[str]:
    """Answers as their text, errors as their class."""
    return [type(one).__name__ if isinstance(one, LLMError) else str(one) for one in outcomes]


def jsonl(*lines: Any) -> str:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)


class Counting:
    """A policy that counts how many calls are under way at once, and can hold them."""

    kind: ClassVar[str] = "counting"

    def __init__(self) -> None:
        self.now = self.most = self.calls = 0
        self.lock = threading.Lock()
        self.gate: threading.Event | None = None

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        with self.lock:
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            if self.gate is not None:
                self.gate.wait(10)
            yield Sleep(0)
            return (yield from inner(call))
        finally:
            with self.lock:
                self.now -= 1


class NoWaits:
    """Lets no wait take time, and keeps how long each would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def wait(self, seconds: float) -> float:
        self.waits.append(seconds)
        return 0.0

    def chance(self) -> float:
        return 0.0


def no_waits() -> Iterator[list[float]]:
    host = NoWaits()
    set_clock(host)
    yield host.waits
    set_clock(None)
