"""Reasoning and pictures in real traffic. If one fails, thoughts are mixed into an answer, or a picture is not sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmlab import Image
from llmlab.errors import LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, OPENAI_CHAT
from llmlab.types.completion import Chunk
from llmlab.types.messages import Message, Role
from llmlab.types.request import build_request
from tests.wire.samples import ANSWERS, SAMPLES_FOUND, Sample

THOUGHT = [one for one in ANSWERS if one.expect.get("reasoning") or one.expect.get("thinking")]
FAILED = [one for one in SAMPLES_FOUND if '"is_error"' in json.dumps(one.request)]


@pytest.mark.skipif(not SAMPLES_FOUND, reason="no real traffic at ../shared/wire-samples")
def test_the_samples_are_there() -> None:
    """Without this, a folder without reasoning would pass as proof."""
    assert len([one for one in THOUGHT if one.stream]) >= 3
    assert len([one for one in THOUGHT if not one.stream]) >= 3
    assert FAILED


@pytest.mark.parametrize("sample", [one for one in THOUGHT if one.stream], ids=lambda one: one.name)
def test_thoughts_come_in_pieces_of_their_own(sample: Sample) -> None:
    """Who prints the pieces of an answer must not print its thoughts."""
    assert sample.format
    framing, decoder = sample.format.framing(), sample.format.stream()
    chunks: list[Chunk] = []
    for event in [*framing.feed(sample.body.encode()), *framing.flush()]:
        try:
            found = decoder.feed(event)
        except LLMStreamError:
            assert sample.expect["stream_error"]
            break
        chunks += [found] if found else []
    wanted = sample.expect.get("reasoning") or sample.expect["thinking"]
    assert "".join(chunk.text for chunk in chunks) == sample.expect["text"]
    assert "".join(chunk.reasoning for chunk in chunks) == wanted


@pytest.mark.parametrize("sample", [one for one in THOUGHT if not one.stream], ids=lambda one: one.name)
def test_thoughts_are_no_part_of_the_answer(sample: Sample) -> None:
    assert sample.format
    answer = sample.format.decode(json.loads(sample.body))
    assert answer.reasoning == sample.expect.get("reasoning", sample.expect.get("thinking"))
    assert answer.reasoning not in answer.content
    assert answer.message.content == answer.content == sample.expect["text"]


@pytest.mark.skipif(not SAMPLES_FOUND, reason="no real traffic at ../shared/wire-samples")
def test_a_picture_goes_where_a_real_client_put_it() -> None:
    """The bytes in the sample are cut, so only their place is compared."""
    (sample,) = (one for one in SAMPLES_FOUND if one.name == "openrouter-chat-plain-07")
    assert sample.request
    (turn,) = sample.request["messages"]
    words, real = turn["content"][:2]
    asked = {"role": turn["role"], "content": words["text"], "images": [Image(b"\x89PNG\r\n\x1a\n....")]}
    body: dict[str, Any] = OPENAI_CHAT.encode(build_request(asked, sample.request["model"], {}), False)
    (mine,) = body["messages"]
    assert mine["content"][0] == words
    assert mine["content"][1].keys() == real.keys()
    head = real["image_url"]["url"].partition(",")[0]
    assert mine["content"][1]["image_url"]["url"].startswith(f"{head},")
    assert mine["content"][1]["image_url"].keys() == real["image_url"].keys()


@pytest.mark.parametrize("sample", FAILED, ids=lambda one: one.name)
def test_a_failed_tool_is_marked_where_a_real_client_marks_it(sample: Sample) -> None:
    """The result in the sample is of a kind of its own, so only its fields are compared."""
    assert sample.request
    blocks = [block for turn in sample.request["messages"] for block in turn["content"] if isinstance(block, dict)]
    (real,) = (block for block in blocks if block.get("type") == "tool_result")
    told = Message(Role.TOOL, "no", tool_call_id=real["tool_use_id"], is_error=True)
    (turn,) = ANTHROPIC_MESSAGES.encode(build_request(told, "m", {}), False)["messages"]
    assert turn["content"] == [{**real, "content": "no", "is_error": True}]
