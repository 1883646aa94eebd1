"""Batches offline and against a scripted server, sync and async by one name."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, ClassVar

from llmlab import Batch, open_batch, open_batch_async, submit_batch, submit_batch_async
from llmlab.errors import LLMError
from llmlab.policies import Answer, Call, Inner
from llmlab.providers import Provider
from llmlab.transport.driver import Flow, Sleep

WAYS = ("sync", "async")
SERVICES = ("openai", "anthropic")
LOCAL = ("openrouter", "ollama", "local_gpt_oss")


def finish(way: str, llm: Provider, items: Any, **options: Any) -> tuple[Batch, list[Any]]:
    """Submit, wait and close, in one of the two ways."""
    return _wait(way, llm, (submit_batch, submit_batch_async), items, **options)


def reopen(way: str, batch_id: Any, llm: Provider) -> tuple[Batch, list[Any]]:
    """Open a batch again and wait for it, in one of the two ways."""
    return _wait(way, llm, (open_batch, open_batch_async), batch_id)


def _wait(way: str, llm: Provider, calls: tuple[Any, Any], what: Any, **options: Any) -> tuple[Batch, list[Any]]:
    if way == "sync":
        with llm:
            batch = calls[0](what, llm, **options)
            return batch, batch.wait()

    async def wait_async() -> tuple[Batch, list[Any]]:
        async with llm:
            batch = await calls[1](what, llm, **options)
            return batch, await batch.wait_async()

    return asyncio.run(wait_async())


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
