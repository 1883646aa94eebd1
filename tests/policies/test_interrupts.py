"""Ctrl-C at any moment in a sync call leaves nothing behind.

If this fails, a user who presses stop in a notebook takes a slot, money, a lock or a connection away for good. An
interrupt is raised at each line of the code that carries a call, one after the other, also where it cleans up.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import llmlab
from llmlab import Budget, Cache, Limits, RetryPolicy
from llmlab._utils.locks import Lock
from llmlab.policies import Policy
from llmlab.providers import Provider
from tests.core import bodies
from tests.core.trying import provider
from tests.loopback import LoopbackServer
from tests.policies.stack import Streams, check_nothing_is_left

PACKAGE = Path(llmlab.__file__).parent
AIMED_AT = tuple(
    str(PACKAGE / part)
    for part in (
        "policies",
        "providers/call",
        "transport/driver",
        "transport/streams",
        "transport/http",
        "_utils/locks",
    )
)


class Tracer:
    """Notes the lines that run, and raises KeyboardInterrupt at one of them."""

    def __init__(self, at: int | None = None) -> None:
        self.lines: list[str] = []
        self._at = at

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(AIMED_AT):
            return None
        if event == "line":
            self.lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            if len(self.lines) == self._at:
                raise KeyboardInterrupt
        return self

    def run(self, work: Callable[[], object]) -> str:
        """Do work, and return the last line that ran."""
        # Coverage may be tracing, and goes on after it.
        before = sys.gettrace()
        sys.settrace(self)
        try:
            work()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        return self.lines[-1]


def moments(lines: list[str]) -> list[int]:
    """Return when each line runs for the first time, and when for the last."""
    first = {line: number for number, line in reversed(list(enumerate(lines, 1)))}
    return sorted({*first.values(), *{line: number for number, line in enumerate(lines, 1)}.values()})


def whole(llm: Provider) -> None:
    llm.complete("Hi")


def left(llm: Provider) -> None:
    with llm.complete_stream("Hi") as stream:
        next(stream)


def policies() -> list[Policy]:
    budget = Budget(max_usd=1, max_tokens=1_000_000, max_calls=9, allow_unpriced=True)
    return [Cache(), budget, RetryPolicy(1, 0), Limits(requests_per_minute=9, tokens_per_minute=900_000, in_flight=1)]


def is_free(lock: Any) -> bool:
    """Return whether another thread can have a lock."""
    free: list[bool] = []
    thread = threading.Thread(target=lambda: free.append(lock.acquire(timeout=5) and (lock.release() or True)))
    thread.start()
    thread.join()
    return free == [True]


def check_that_all_is_usable(used: list[Policy], llm: Provider, streams: Streams, where: str) -> None:
    assert not streams.open, f"a stream is open after {where}"
    check_nothing_is_left(used, streams)
    for policy in used:
        for one in vars(policy).values() if hasattr(policy, "__dict__") else ():
            lock = one if isinstance(one, Lock) else getattr(one, "_lock", None)
            assert not isinstance(lock, Lock) or is_free(lock.lock), f"a lock is held after {where}"
    counted = threading.Thread(target=lambda: len(list(llmlab.ledger())), daemon=True)
    counted.start()
    counted.join(5)
    assert not counted.is_alive(), f"the ledger is locked after {where}"
    client = getattr(llm.transport, "_client", None)
    if client is not None:
        assert not [one for one in client._transport._pool.connections if not one.is_idle() and not one.is_closed()], (
            f"a connection is busy after {where}"
        )


# Python itself closes a socket whose `close` was interrupted, and mentions it, as it does an interrupted finaliser.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("work", [whole, left], ids=lambda work: work.__name__)
def test_an_interrupt_at_any_line_leaves_nothing(
    server: LoopbackServer, work: Callable[[Provider], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(monkeypatch)
    good = bodies.CHAT if work is whole else bodies.STREAM["openrouter"]

    def call(tracer: Tracer) -> None:
        used = policies()
        server.answers.clear()
        server.answer({"error": {"message": "slow down"}}, status=503)
        server.answer(good)
        with provider("local_gpt_oss", server.url, policies=used, max_tokens=9) as llm:
            where = tracer.run(partial(work, llm))
            check_that_all_is_usable(used, llm, streams, where)

    call(Tracer())
    call(undisturbed := Tracer())
    for moment in moments(undisturbed.lines):
        call(Tracer(moment))
    assert len(undisturbed.lines) > 300
