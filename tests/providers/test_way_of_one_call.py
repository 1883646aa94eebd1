"""The way of one call stays short. If this fails, a reader has to open more files, and every call is slower."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import httpx2
import pytest

import llmlab
from tests.core import bodies

PACKAGE = str(Path(llmlab.__file__).parent)
MOST_CALLS = 80
MOST_FILES = 19


def test_complete_takes_few_calls_and_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted are calls of llmlab's own functions, in a call after the first one, without a tape and tracing."""
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    answer = httpx2.MockTransport(lambda request: httpx2.Response(200, json=bodies.RESPONSES))
    seen: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen[frame.f_code.co_filename] += 1

    with llmlab.get_provider("openai", api_key="k") as llm, httpx2.Client(transport=answer) as client:
        llm.transport._client = client  # type: ignore[attr-defined]
        llm.complete("Hi")
        sys.setprofile(count)
        try:
            llm.complete("Hi")
        finally:
            sys.setprofile(None)
    assert seen.total() <= MOST_CALLS
    assert len(seen) <= MOST_FILES
