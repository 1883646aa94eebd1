"""`observed`: a check sees what the learner's code sent, all of it and nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest

import llmlab
from llmlab.lab.exercises import Wrong, observed


@pytest.mark.usefixtures("lab")
def test_only_what_the_block_sent_is_seen() -> None:
    """A check that counted the cells above would praise code that sent nothing."""
    llm = llmlab.get_provider("openai")
    llm.complete("before")
    with observed() as sent:
        llm.complete("within")
        llm.complete_stream("streamed").close()
    llm.complete("after")
    assert [exchange.request["input"] for exchange in sent] == ["within", "streamed"]
    assert (sent[0].alias, sent[0].status, sent[0].source) == ("openai", 200, "simulated")


@pytest.mark.usefixtures("lab")
def test_it_works_in_a_long_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace forgets old exchanges; a check in the afternoon must still see new ones."""
    from collections import deque

    trace = llmlab.trace()
    monkeypatch.setattr(trace, "_exchanges", deque(trace.exchanges, maxlen=2))
    llm = llmlab.get_provider("openai")
    llm.complete("1")
    llm.complete("2")
    with observed() as sent:
        llm.complete("3")
    assert [exchange.request["input"] for exchange in sent] == ["3"]


@pytest.mark.usefixtures("lab")
def test_what_was_sent_before_an_error_is_seen() -> None:
    with suppress(ZeroDivisionError), observed() as sent:
        llmlab.get_provider("openai").complete("sent")
        raise ZeroDivisionError
    assert len(sent) == 1


def test_with_the_lab_off_nothing_is_run() -> None:
    """The learner's code would go to the real service, with a real bill, and the check would see nothing."""
    with pytest.raises(Wrong, match="The lab is switched off"), observed():
        raise AssertionError("the block ran")
