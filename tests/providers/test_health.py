"""How providers fare. If one fails, a learner does not learn why nothing answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import llmlab
from llmlab.errors import UnsupportedProviderError
from tests.core.trying import NAMES


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    llmlab.start("offline", pace=0)
    yield
    llmlab.stop()


def test_all_are_asked_and_keep_their_order() -> None:
    report = llmlab.health()
    assert tuple(one.provider for one in report) == NAMES
    assert report.ok
    assert all(one.latency > 0 for one in report)


def test_both_twins_say_the_same() -> None:
    assert repr(llmlab.health(*NAMES)) == repr(asyncio.run(llmlab.health_async(*NAMES)))


def test_who_does_not_answer_says_why() -> None:
    with llmlab.faults("connect_refused"):
        report = llmlab.health("ollama")
    assert not report.ok
    assert "no answer from" in report[0].reason
    assert "| ollama | fails | no answer from" in report._repr_markdown_()


def test_a_missing_key_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    llmlab.stop()
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    report = llmlab.health("openai")
    assert "no API key for openai" in repr(report)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnsupportedProviderError, match="Did you mean 'openai'"):
        llmlab.health("opnai")
