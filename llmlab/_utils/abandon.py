"""Call what cannot be stopped, such as a look-up of a name, and leave it when time is over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def call_within(seconds: float | None, function: Callable[..., Result], *args: Any) -> Result:
    """Call a function in a thread of its own, and return its result.

    Args:
        seconds: how long to wait for it; None for ever. Then it goes on without anybody who waits.
        function: the function.
        args: its arguments.

    Raises:
        TimeoutError: the time is over.
    """
    return _begin(function, args).result(seconds)


async def call_within_async(seconds: float | None, function: Callable[..., Result], *args: Any) -> Result:
    """The async twin of `call_within`."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(_begin(function, args))


def _begin(function: Callable[..., Result], args: tuple[Any, ...]) -> Future[Result]:
    future: Future[Result] = Future()
    # From now on nobody who stops waiting can cancel it.
    future.set_running_or_notify_cancel()
    context = copy_context()

    def work() -> None:
        try:
            result = context.run(function, *args)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)
        else:
            future.set_result(result)

    # No pool: a program, and an event loop, wait for the threads of a pool when they end.
    threading.Thread(target=work, name="llmlab-call", daemon=True).start()
    return future
