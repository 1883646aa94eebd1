"""Exchanges through the formats alone. If one fails, an answer that a service gives would be misread."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmlab import Image
from llmlab.errors import LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, OPENAI_CHAT
from llmlab.formats.errors import find_problem, to_error
from llmlab.formats.parsing import text
from llmlab.types.completion import Chunk, Completion
from llmlab.types.messages import Message, Role
from llmlab.types.request import Request, build_request
from tests.exchanges import ANSWERS, ERRORS, EXCHANGES, Exchange, exchange, loops

Links = tuple[list[tuple[str, str, Any]], list[tuple[str, str]]]


def read_stream(one: Exchange, data: bytes, size: int) -> tuple[Completion, list[Chunk], bool, LLMStreamError | None]:
    """Feed a stream in pieces of `size` bytes; return the answer, its chunks, whether it ended, and its error."""
    assert one.format
    framing, decoder = one.format.framing(), one.format.stream()
    chunks: list[Chunk] = []
    error = None
    try:
        for start in range(0, len(data) + size, size):
            piece = data[start : start + size]
            for event in framing.feed(piece) if piece else framing.flush():
                if chunk := decoder.feed(event):
                    chunks.append(chunk)
    except LLMStreamError as raised:
        error = raised
    return decoder.completion(), chunks, decoder.finished, error


def read(one: Exchange) -> Completion:
    assert one.format
    return read_stream(one, one.body.encode(), 7)[0] if one.stream else one.format.decode(one.json)


@pytest.mark.parametrize("one", [one for one in ANSWERS if not one.stream], ids=lambda one: one.name)
def test_a_whole_answer_is_read(one: Exchange) -> None:
    """Else text, tool calls, tokens or the reason of the end are lost."""
    assert one.format
    assert find_problem(one.json) is None
    assert one.differences(one.format.decode(one.json)) == {}


@pytest.mark.parametrize("one", [one for one in ANSWERS if one.stream], ids=lambda one: one.name)
def test_a_stream_is_read_however_it_is_cut(one: Exchange) -> None:
    """With LF and CRLF, and cut within UTF-8 characters. Thoughts come in chunks of their own."""
    for ends in ("\n", "\r\n"):
        data = one.body.replace("\r\n", "\n").replace("\n", ends).encode()
        for size in (1, 7, len(data)):
            answer, chunks, finished, error = read_stream(one, data, size)
            assert one.differences(answer) == {}
            shown = "".join(chunk.text for chunk in chunks)
            # The text in the event of an error is in the answer, though no chunk can show it.
            assert answer.content.startswith(shown) if error else answer.content == shown
            assert "".join(chunk.reasoning for chunk in chunks) == answer.reasoning
            if one.expect.get("stream_error"):
                assert error is not None
                assert one.expect["error_message"] in error.message
                assert error.code == one.expect.get("error_code", error.code)
            else:
                assert error is None
                assert finished is not bool(one.expect.get("cut"))


def test_a_cut_stream_is_never_taken_for_a_whole_one() -> None:
    """Half an answer that passes for a whole one is the worst answer."""
    for one in (one for one in ANSWERS if one.stream):
        data = one.body.encode()
        answer, _, finished, error = read_stream(one, data[: len(data) // 3], len(data))
        assert not finished, one.name
        assert error is None or one.expect["stream_error"]
        assert answer.content in one.expect.get("text", ""), one.name


@pytest.mark.parametrize("one", ERRORS, ids=lambda one: one.name)
def test_an_error_is_read(one: Exchange) -> None:
    """Else a learner does not see why the service refused, or when to try again."""
    error = to_error(one.status, one.headers, one.json, provider="tried")
    expect = one.expect
    assert error.status_code == expect.get("http_status", expect.get("error_code"))
    assert error.code == expect.get("error_code", expect.get("error_type"))
    assert error.request_id == expect.get("request_id")
    if "retry_after_ms" in expect:
        assert error.retry_after == float(expect["retry_after_ms"]) / 1000
    assert expect["error_message"].split("provided:")[0].strip(" .") in error.message


def test_thoughts_are_no_part_of_the_answer() -> None:
    """Who prints an answer must not print its thoughts."""
    thoughtful = [one for one in ANSWERS if one.expect.get("reasoning") or one.expect.get("thinking")]
    assert {one.stream for one in thoughtful} == {True, False}
    for one in thoughtful:
        answer = read(one)
        assert answer.reasoning not in answer.content
        assert answer.message.content == answer.content == one.expect["text"]


def links(body: dict[str, Any], ids: set[str]) -> Links:
    """Return the tool calls and the results in a body, whatever its format, as far as their ids are in `ids`."""
    calls: list[tuple[str, str, Any]] = []
    results: list[tuple[str, str]] = []
    turns = body.get("messages") or [item for item in body["input"] if isinstance(item, dict)]
    blocks = [block for turn in turns if isinstance(turn.get("content"), list) for block in turn["content"]]
    for item in [*turns, *blocks]:
        kind = item.get("type")
        if kind == "function_call":
            calls.append((item["call_id"], item["name"], json_of(item["arguments"])))
        elif kind == "function_call_output":
            results.append((item["call_id"], text(item["output"])))
        elif kind == "tool_use":
            calls.append((item["id"], item["name"], item["input"]))
        elif kind == "tool_result":
            results.append((item["tool_use_id"], text(item["content"])))
        elif item.get("role") == "tool":
            results.append((item["tool_call_id"], text(item["content"])))
        for call in item.get("tool_calls") or []:
            calls.append((call["id"], call["function"]["name"], json_of(call["function"]["arguments"])))
    return [call for call in calls if call[0] in ids], [result for result in results if result[0] in ids]


def json_of(arguments: str) -> Any:
    return json.loads(arguments or "{}")


@pytest.mark.parametrize(("first", "second"), loops(), ids=lambda one: one.name)
def test_the_next_step_of_a_tool_loop_ties_each_result_to_its_call(first: Exchange, second: Exchange) -> None:
    """Else a service no longer knows which call a result belongs to."""
    assert first.format
    assert second.request
    answer = read(first)
    ids = {call.id for call in answer.tool_calls}
    sent = links(second.request, ids)
    results = dict(sent[1])
    assert set(results) == ids != set()
    messages = (
        Message(Role.USER, "the question"),
        answer.message,
        *(Message(Role.TOOL, results[call.id], tool_call_id=call.id) for call in answer.tool_calls),
    )
    body = first.format.encode(Request(messages, "m"), second.stream)
    assert links(body, ids) == sent
    assert read(second).content == second.expect["text"]


def test_a_picture_goes_where_clients_put_it() -> None:
    one = exchange("openrouter-image")
    assert one.request
    (turn,) = one.request["messages"]
    words, picture = turn["content"]
    asked = {"role": "user", "content": words["text"], "images": [Image(b"\x89PNG\r\n\x1a\n....")]}
    body: dict[str, Any] = OPENAI_CHAT.encode(build_request(asked, one.request["model"], {}), False)
    (mine,) = body["messages"]
    assert mine["content"][0] == words
    assert mine["content"][1].keys() == picture.keys()
    assert mine["content"][1]["image_url"].keys() == picture["image_url"].keys()
    head = picture["image_url"]["url"].partition(",")[0]
    assert mine["content"][1]["image_url"]["url"].startswith(f"{head},")


def test_a_failed_tool_is_marked_where_clients_mark_it() -> None:
    failed = [one for one in EXCHANGES if '"is_error"' in json.dumps(one.request)]
    assert failed
    for one in failed:
        assert one.request
        blocks = [block for turn in one.request["messages"] for block in turn["content"] if isinstance(block, dict)]
        (block,) = (block for block in blocks if block.get("type") == "tool_result")
        message = Message(Role.TOOL, "no", tool_call_id=block["tool_use_id"], is_error=True)
        (turn,) = ANTHROPIC_MESSAGES.encode(build_request(message, "m", {}), False)["messages"]
        assert turn["content"] == [{**block, "content": "no", "is_error": True}]
