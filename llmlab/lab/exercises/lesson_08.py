"""The exercises of lesson 08: many questions at once, and many questions at once but not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from llmlab.errors import LLMError
from llmlab.lab.exercises.inspect import Answer, Wrong, a_kind
from llmlab.lab.exercises.messages import quoted, returned
from llmlab.lab.exercises.registry import exercise
from llmlab.lab.tape import faults
from llmlab.transport.base import WireReply, WireRequest
from llmlab.transport.http import HttpTransport

NUMBERS = (11, 12, 13, 14, 15, 16)
QUESTIONS = [f"What is {n} * {n}?" for n in NUMBERS]
MOST = 2


@exercise(
    "8.1",
    hints=[
        "A loop with await in it asks one after the other. What starts all of them and waits for all?",
        "asyncio.gather takes coroutines, and a star before a list hands all of its items over.",
        "answers = await asyncio.gather(*(llm.complete_async(question) for …)), then a list of their content.",
    ],
    is_async=True,
)
def ask_all(function: Answer) -> str:
    """Six questions must be on their way at the same time, and come back as texts in their order."""
    with crowd() as seen:
        texts = function(QUESTIONS)
    _expect_texts(texts)
    if not seen.total:
        raise Wrong("Nobody was asked with llm.complete_async. It waits without holding up the others.")
    if seen.most < len(QUESTIONS):
        raise Wrong(
            f"Of {len(QUESTIONS)} questions, {seen.most} at most were on their way together. Start all at once."
        )
    return f"All {len(QUESTIONS)} questions were on their way together, and the answers came back in their order."


@exercise(
    "8.2",
    hints=[
        "Who may go in when there are two seats? A semaphore, or Limits, knows. Make it inside your function.",
        "The inner coroutine waits for a seat with async with, and catches llmlab.LLMError.",
        "async with seats: then try to return (await …).content, and except llmlab.LLMError return None.",
    ],
    is_async=True,
)
def ask_gently(function: Answer) -> str:
    """Never more than two at once, all of them answered, and a failure is None in its place."""
    with crowd() as seen:
        texts = function(QUESTIONS, MOST)
    _expect_texts(texts)
    if seen.most > MOST:
        raise Wrong(f"There were {seen.most} questions on their way at once, and {MOST} are allowed.")
    if seen.most < MOST:
        raise Wrong(f"Your function asks one after the other. {MOST} at once are allowed.")
    with crowd() as seen, faults("unauthorized", times=1):
        try:
            texts = function(QUESTIONS, MOST + 1)
        except Wrong as stopped:
            if not isinstance(stopped.__cause__, LLMError):
                raise
            raise Wrong(
                "One of six questions failed, and your function failed with it: "
                f"{type(stopped.__cause__).__name__}. Catch llmlab.LLMError around each call, and return None for it."
            ) from None
    if not isinstance(texts, list) or len(texts) != len(QUESTIONS) or texts.count(None) != 1:
        count = f"a list of {len(texts)}" if isinstance(texts, list) else quoted(texts)
        raise Wrong(f"One of six questions failed. Return None in its place; you returned {count}.")
    if seen.most != MOST + 1:
        raise Wrong(f"With most={MOST + 1} there were {seen.most} questions on their way at once. Use most.")
    return f"Never more than {MOST} at once, and one failure cost one answer, not six."


class _Seen:
    now = most = total = 0


@contextmanager
def crowd() -> Iterator[_Seen]:
    """Count how many questions are on their way at the same time."""
    # At the transport, so that a call that waits in a policy is not on its way yet.
    seen, send = _Seen(), HttpTransport.send_async

    async def counted(self: HttpTransport, request: WireRequest) -> WireReply:
        seen.now, seen.total = seen.now + 1, seen.total + 1
        seen.most = max(seen.most, seen.now)
        try:
            # Whoever is about to ask does it now.
            await asyncio.sleep(0.01)
            return await send(self, request)
        finally:
            seen.now -= 1

    with patch.object(HttpTransport, "send_async", counted):
        yield seen


def _expect_texts(texts: Any) -> None:
    others = [text for text in texts if not isinstance(text, str)] if isinstance(texts, list) else None
    if others is None:
        raise Wrong(f"{returned(texts)} Return a list of texts, one for each question.")
    if others:
        for call in filter(asyncio.iscoroutine, others):
            # Python warns about a call that nobody awaits, and the sentence below says it better.
            call.close()
        kinds = " and ".join(sorted({a_kind(one) for one in others}))
        raise Wrong(f"Your list holds {kinds}. Return a list of texts: the .content of each awaited answer.")
    if len(texts) != len(QUESTIONS) or not all(str(n * n) in text for n, text in zip(NUMBERS, texts, strict=True)):
        raise Wrong("The answers do not stand in the order of their questions, or some are missing.")
