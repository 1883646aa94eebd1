"""Real traffic through the formats alone. If one fails, an answer that a real service gave would be misread."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmlab.errors import LLMStreamError
from llmlab.formats.errors import to_error
from llmlab.types.completion import Completion
from tests.wire.samples import ANSWERS, ERRORS, Sample


def decoded(sample: Sample, data: bytes, size: int) -> tuple[Completion, LLMStreamError | None]:
    assert sample.format
    if not sample.stream:
        return sample.format.decode(json.loads(data)), None
    framing, decoder = sample.format.framing(), sample.format.stream()
    try:
        for start in range(0, len(data), size):
            for event in framing.feed(data[start : start + size]):
                decoder.feed(event)
        for event in framing.flush():
            decoder.feed(event)
    except LLMStreamError as error:
        return decoder.completion(), error
    assert decoder.finished
    return decoder.completion(), None


def test_the_samples_are_there(wire_samples: Any) -> None:
    """Without this, an empty folder would pass as proof."""
    assert len(ANSWERS) >= 40
    assert len(ERRORS) >= 10


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("size", [1, 7, 10**9])
@pytest.mark.parametrize("sample", ANSWERS, ids=lambda sample: sample.name)
def test_an_answer_means_what_it_meant(sample: Sample, size: int, ends: str) -> None:
    body = sample.body.replace("\r\n", "\n").replace("\n", ends) if sample.stream else sample.body
    answer, error = decoded(sample, body.encode(), size)
    if not sample.expect.get("stream_error"):
        assert error is None
        assert sample.differences(answer) == {}
        return
    assert error is not None
    differences = sample.differences(answer)
    # After an error, only the reason why the answer ended may be unknown.
    differences.pop("finish_reason", None)
    assert differences == {}
    assert sample.expect["error_message"] in error.message
    if "error_code" in sample.expect:
        assert error.code == sample.expect["error_code"]


@pytest.mark.parametrize("sample", ERRORS, ids=lambda sample: sample.name)
def test_an_error_says_what_it_said(sample: Sample) -> None:
    error = to_error(sample.status, sample.headers, json.loads(sample.body), provider="tried")
    assert error.status_code == sample.expect["http_status"]
    assert error.code == sample.expect.get("error_code", sample.expect.get("error_type"))
    assert error.request_id == sample.expect.get("request_id")
    if "retry_after_ms" in sample.expect:
        assert error.retry_after == float(sample.expect["retry_after_ms"]) / 1000
    words = sample.expect["error_message"].split("provided:")[0].strip(" .")
    assert words in error.message


@pytest.mark.parametrize("sample", [s for s in ANSWERS if s.stream], ids=lambda sample: sample.name)
def test_a_cut_stream_is_never_taken_for_a_whole_one(sample: Sample) -> None:
    """Half an answer that passes for a whole one is the worst answer."""
    assert sample.format
    data = sample.body.encode()
    framing, decoder = sample.format.framing(), sample.format.stream()
    for event in framing.feed(data[: len(data) // 3]):
        decoder.feed(event)
    assert not decoder.finished
    assert decoder.completion().content in sample.expect.get("text", "")
