"""Every policy under every fault: an answer or an `LLMError`, and nothing is left behind.

If one of these fails, one bad minute of a service leaves a program with a slot, a connection or money that never comes
back.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import llmlab
from llmlab import Completion, LLMError
from llmlab.providers import Provider
from tests.core.trying import NAMES, SHAPES, ask
from tests.policies.stack import MAKERS, Streams, check_nothing_is_left, made

FAULTS = tuple(llmlab.faults.kinds())
STACKS = [("openai", kind) for kind in MAKERS] + [(name, "all") for name in (*NAMES[1:], "failover")]
# Every fault meets every call shape; the providers and their policies take turns.
CASES = [
    (fault, shape, *STACKS[(number + len(SHAPES) * place) % len(STACKS)])
    for place, fault in enumerate(FAULTS)
    for number, shape in enumerate(SHAPES)
]


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams(monkeypatch)


def outcome(llm: Provider, shape: str, **options: Any) -> object:
    """Return how a call ends. One that hangs fails."""
    with ThreadPoolExecutor(1) as threads:
        try:
            return threads.submit(ask, llm, shape, "Why is the sky blue?", **options).result(30)
        except LLMError as error:
            return error


@pytest.mark.parametrize(("fault", "shape", "name", "kind"), CASES)
def test_it_ends_and_leaves_nothing_behind(
    frozen: None, streams: Streams, name: str, kind: str, fault: str, shape: str
) -> None:
    policies = MAKERS[kind]()
    for times in (None, 1):
        with llmlab.faults(fault, times=times):
            ended = outcome(made(name, policies), shape)
        assert isinstance(ended, (Completion, LLMError)), repr(ended)
        check_nothing_is_left(policies, streams)
    assert isinstance(outcome(made(name, policies), shape), Completion), "after the trouble, all is well"
    check_nothing_is_left(policies, streams)


@pytest.mark.parametrize(("fault", "place"), [(fault, place) for place, fault in enumerate(FAULTS)])
@pytest.mark.parametrize("kind", ["retry", "all"])
def test_waits_end_before_the_deadline(
    frozen: None, streams: Streams, monkeypatch: pytest.MonkeyPatch, fault: str, kind: str, place: int
) -> None:
    """Whatever the policies wait for, together they do not wait for longer."""
    waits: list[float] = []
    monkeypatch.setattr("llmlab.lab.tape.tape.Tape.wait", lambda tape, seconds: waits.append(seconds) or 0.0)
    policies = MAKERS[kind]()
    with llmlab.faults(fault):
        ended = outcome(made("openai", policies), SHAPES[(place + (kind == "all")) % len(SHAPES)], deadline=10)
    assert isinstance(ended, (Completion, LLMError)), repr(ended)
    assert sum(waits) < 10
    check_nothing_is_left(policies, streams)
