"""What a lesson sees of faults and of what the policies did about them: the same on every machine, with no waiting."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

import llmlab
from llmlab._utils import clock
from llmlab.errors import LLMError
from llmlab.lab.tape.trace import COLUMNS, Attempt, Timeline, Trace
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.faults.conftest import no_sleep as no_sleep
from tests.faults.shapes import SHAPES, ask

pytestmark = pytest.mark.usefixtures("no_socket")
ASKED = TapeRequest("POST", "openai", "/v1/responses?key=abcdefgh", {}, {"input": "Hi"})


def tried(*faults: str, shape: str = "whole", **options: Any) -> list[Attempt]:
    llmlab.start("offline")
    with llmlab.get_provider("openai", **options) as llm, llmlab.faults(faults):
        ask(llm, shape)
    return llmlab.trace().attempts


@pytest.mark.parametrize("shape", SHAPES)
def test_each_attempt_is_a_row_with_time_status_wait_and_reason(shape: str, no_sleep: None) -> None:
    rows = tried("rate_limit;retry_after=2;times=2", shape=shape)
    shown = [(row.call, row.attempt, row.time, row.status, row.fault, row.wait) for row in rows]
    assert shown[:2] == [(1, 1, 0.0, 429, "rate_limit", 2.0), (1, 2, 2.2, 429, "rate_limit", 2.0)]
    assert shown[2] == (1, 3, 4.4, 200, "", None)
    assert rows[0].why == "rate_limit was injected; Retry-After: 2; tried again after 2 s"
    assert rows[2].why == "simulated answer"


@pytest.mark.parametrize("shape", ["whole", "async stream"])
def test_the_same_lesson_gives_the_same_picture(shape: str, no_sleep: None) -> None:
    """Waits have jitter, which on a network is drawn by chance."""
    faults = ("server_error", "connect_refused", "timeout")
    first = tried(*faults, shape=shape, timeout=5)
    picture = llmlab.trace().timeline()._repr_svg_()
    llmlab.stop()
    assert tried(*faults, shape=shape, timeout=5) == first
    assert llmlab.trace().timeline()._repr_svg_() == picture
    assert [row.status for row in first] == [500, None, None, 200]
    assert [row.failed for row in first] == [True, True, True, False]
    assert len({(row.wait or 0) / 2**number for number, row in enumerate(first[:3])}) == 3


def test_a_date_is_waited_for_exactly() -> None:
    """A date that is told against the wall clock would be another wait in every run."""
    rows = tried("rate_limit;retry_after=3;as_date=true")
    assert rows[0].wait == 3.0
    assert rows[0].why == "rate_limit was injected; Retry-After: a date; tried again after 3 s"


def test_what_is_given_up_says_so(no_sleep: None) -> None:
    with pytest.raises(LLMError):
        tried("unauthorized")
    assert llmlab.trace().attempts[0].why == "unauthorized was injected; not tried again"


def test_calls_side_by_side_keep_their_attempts_apart(no_sleep: None) -> None:
    llmlab.start("offline")

    async def ask() -> None:
        async with llmlab.get_provider("openai") as llm:
            with llmlab.faults("rate_limit", times=3, retry_after=1):
                await asyncio.gather(*(llm.complete_async("Hi") for _ in range(3)))

    asyncio.run(ask())
    rows = llmlab.trace().attempts
    assert [(row.call, row.attempt, row.status) for row in rows] == [
        (call, attempt, status) for call in (1, 2, 3) for attempt, status in ((1, 429), (2, 200))
    ]


def test_asking_the_same_again_is_a_call_of_its_own(no_sleep: None) -> None:
    llmlab.start("offline")
    with llmlab.get_provider("openai", max_retries=0) as llm, llmlab.faults("server_error", times=1):
        with pytest.raises(LLMError):
            llm.complete("Hi")
        llm.complete("Hi")
    assert [(row.call, row.attempt) for row in llmlab.trace().attempts] == [(1, 1), (2, 1)]


@pytest.mark.parametrize(("pace", "real"), [(0, 0.0), (0.5, 3.5), (2, 14.0)])
def test_policies_wait_at_the_lessons_pace(pace: float, real: float, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    llmlab.start("offline", pace=pace)
    with llmlab.get_provider("openai") as llm, llmlab.faults("rate_limit", retry_after=7, times=1):
        llm.complete("Hi")
    assert real in waits
    assert llmlab.trace().attempts[0].wait == 7


def test_live_and_without_the_tape_a_second_is_a_second() -> None:
    llmlab.start("offline", pace=0)
    assert clock.real_seconds(3) == 0
    llmlab.start("live", pace=0)
    assert clock.real_seconds(3) == 3
    llmlab.stop()
    assert clock.real_seconds(3) == 3
    assert len({clock.chance() for _ in range(20)}) > 1


def test_the_table_is_a_data_frame_of_fixed_columns(no_sleep: None) -> None:
    tried("rate_limit", "timeout")
    frame = llmlab.trace().frame()
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["status"].dropna()) == [429, 200]
    assert frame["wait"].isna().tolist() == [False, False, True]
    llmlab.trace().clear()
    empty = llmlab.trace().frame()
    assert (list(empty.columns), len(empty)) == (list(COLUMNS), 0)


def test_the_trace_names_what_was_injected(no_sleep: None) -> None:
    tried("rate_limit", "connect_refused")
    lines = repr(llmlab.trace()).splitlines()
    assert lines[0] == "  1  POST openai /v1/responses → 429, simulated, injected rate_limit"
    assert lines[1] == "  2  POST openai /v1/responses → ConnectError, injected connect_refused"
    assert "429, simulated, injected rate_limit |" in llmlab.trace()._repr_markdown_()
    assert repr(llmlab.trace()[1].show()).endswith("← ConnectError, injected connect_refused")


def test_an_error_inside_an_answer_counts_as_a_failure() -> None:
    trace = Trace()
    trace.begin(ASKED).answer = TapeAnswer(200, {}, {"error": {"code": 502}}, source="live")
    trace.add_wait(1.5)
    trace.begin(ASKED)
    first, second = trace.attempts
    assert (first.why, first.wait) == ("the answer holds an error; tried again after 1.5 s", 1.5)
    assert (second.attempt, second.why) == (2, "no answer yet")


def test_secrets_stay_out_of_the_table() -> None:
    trace = Trace()
    trace.begin(ASKED)
    assert "abcdefgh" not in str(trace.attempts) + repr(trace.timeline()) + trace.timeline()._repr_svg_()


def test_the_picture_is_read_without_colour(no_sleep: None) -> None:
    """Failures are open bars with a cross and answers full ones, and each bar has its status as text."""
    tried("rate_limit", "server_error")
    picture = ElementTree.fromstring(llmlab.trace().timeline()._repr_svg_())
    found = [element.tag.rpartition("}")[2] for element in picture.iter()]
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    assert found.count("line") == 2
    assert {"429", "500", "200", "1  openai", "0 s"} <= set(texts)
    fills = [element.get("fill") for element in picture.iter() if element.tag.endswith("rect")][1:]
    assert fills[:2] == ["#ffffff", "#ffffff"]
    assert fills[2] != "#ffffff"
    description = next(element.text for element in picture.iter() if element.tag.endswith("desc"))
    assert description == repr(llmlab.trace().timeline())


def test_nothing_asked_is_an_empty_picture() -> None:
    assert repr(Timeline([])) == "nothing has been asked yet"
    assert ElementTree.fromstring(Timeline([])._repr_svg_()).tag.endswith("svg")


def test_names_cannot_break_the_picture() -> None:
    row = Attempt(1, 1, 0, "<b>&", "/v1", 200, 0.5, "", None, "<script>", False)
    assert ElementTree.fromstring(Timeline([row])._repr_svg_()) is not None
