"""The events of each stream, as the vendors document them. If one fails, thoughts, tool calls or refusals are lost.

Real traffic is tried in tests/wire; this holds where the samples are absent.
"""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMStreamError
from llmlab.formats import ANTHROPIC_MESSAGES, FORMATS, OLLAMA, OPENAI_CHAT, OPENAI_RESPONSES, Format
from llmlab.types.completion import Completion
from llmlab.types.messages import ToolCall


def fed(format: Format, events: list[dict[str, Any]]) -> tuple[list[tuple[str, str]], Completion, bool]:
    decoder = format.stream()
    pieces = [(chunk.text, chunk.reasoning) for event in events if (chunk := decoder.feed(event))]
    return pieces, decoder.completion(), decoder.finished


def block(index: int, kind: str, **delta: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


def started(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def test_anthropic_thinks_then_speaks_then_calls_two_tools() -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 5}}},
        {"type": "ping"},
        started(0, type="thinking", thinking=""),
        block(0, "thinking_delta", thinking="Hm. "),
        block(0, "thinking_delta", thinking=""),
        block(0, "signature_delta", signature="xyz"),
        started(1, type="text", text="So: "),
        block(1, "text_delta", text="look."),
        block(1, "text_delta", text=""),
        started(2, type="tool_use", id="a", name="f", input={}),
        started(3, type="tool_use", id="b", name="g", input={"y": 2}),
        block(2, "input_json_delta", partial_json='{"x"'),
        block(2, "input_json_delta", partial_json=": 1}"),
        block(9, "input_json_delta", partial_json="for nobody"),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
        {"type": "something_new"},
    ]
    pieces, answer, finished = fed(ANTHROPIC_MESSAGES, events)
    assert pieces == [("", "Hm. "), ("So: ", ""), ("look.", "")]
    assert (answer.content, answer.reasoning, answer.finish_reason) == ("So: look.", "Hm. ", "tool_calls")
    assert answer.tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (5, 7, 12)
    assert finished


@pytest.mark.parametrize(
    ("details", "refusal"),
    [({"explanation": "not this"}, "not this"), (None, "the model refused and gave no reason")],
)
def test_a_refusal_of_anthropic_says_why(details: Any, refusal: str) -> None:
    delta = {"stop_reason": "refusal", "stop_details": details}
    _, streamed, _ = fed(ANTHROPIC_MESSAGES, [{"type": "message_delta", "delta": delta}])
    whole = ANTHROPIC_MESSAGES.decode({**delta, "content": []})
    for answer in (streamed, whole):
        assert (answer.refusal, answer.finish_reason) == (refusal, "content_filter")


def test_cached_tokens_of_anthropic_count_towards_the_total() -> None:
    counts = {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 10}
    usage = ANTHROPIC_MESSAGES.decode({"content": [], "usage": counts}).usage
    assert (usage.input_tokens, usage.cached_tokens, usage.total_tokens) == (5, 100, 118)


def responses_event(kind: str, **details: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **details}


def test_a_responses_stream_that_is_cut_keeps_thoughts_refusal_and_calls() -> None:
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": ""}
    events = [
        responses_event("created", response={"id": "resp_1", "model": "m", "status": "in_progress", "output": []}),
        responses_event("reasoning_summary_text.delta", delta="Hm."),
        responses_event("reasoning_text.delta", delta=""),
        responses_event("output_text.delta", delta="Look"),
        responses_event("output_text.delta", delta=""),
        responses_event("refusal.delta", delta="no"),
        responses_event("output_item.added", output_index=1, item=call),
        responses_event("output_item.added", output_index=2, item={"type": "message"}),
        responses_event("function_call_arguments.delta", output_index=1, delta='{"x"'),
        responses_event("function_call_arguments.delta", output_index=1, delta=": 1}"),
        responses_event("function_call_arguments.delta", output_index=9, delta="for nobody"),
        responses_event("something.new"),
    ]
    pieces, answer, finished = fed(OPENAI_RESPONSES, events)
    assert pieces == [("", "Hm."), ("Look", "")]
    assert (answer.content, answer.reasoning, answer.refusal, answer.id) == ("Look", "Hm.", "no", "resp_1")
    assert answer.tool_calls == (ToolCall("a", "f", {"x": 1}),)
    assert answer.finish_reason is None
    assert not finished


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        ({"status": "completed", "output": [{"type": "function_call", "call_id": "a", "name": "f"}]}, "tool_calls"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete"}, "unfinished"),
        ({"status": "failed"}, "error"),
        ({"status": "queued"}, "unfinished"),
        ({"status": "cancelled"}, "unfinished"),
        ({"output_text": "Hi"}, "stop"),
    ],
)
def test_every_end_of_a_responses_answer_has_its_word(body: dict[str, Any], finish: str | None) -> None:
    assert OPENAI_RESPONSES.decode(body).finish_reason == finish


def test_thoughts_of_a_responses_answer_are_read_from_summary_or_content() -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "one"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "two"}]},
        {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]},
    ]
    answer = OPENAI_RESPONSES.decode({"output": output})
    assert (answer.reasoning, answer.refusal) == ("one\n\ntwo", "no")


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields}]}


def test_chat_reads_thoughts_and_refusals_under_either_name() -> None:
    events: list[dict[str, Any]] = [
        delta(role="assistant", content=None),
        delta(reasoning="Hm. "),
        delta(reasoning_content="Well."),
        delta(refusal="no"),
        delta(content=[{"type": "text", "text": "in parts"}]),
        {"choices": [{"delta": None}]},
        {"choices": []},
        {"choices": None},
    ]
    pieces, answer, _ = fed(OPENAI_CHAT, events)
    assert pieces == [("", "Hm. "), ("", "Well."), ("in parts", "")]
    assert (answer.reasoning, answer.refusal, answer.content) == ("Hm. Well.", "no", "in parts")


def test_the_legacy_format_streams_text() -> None:
    def piece(text: str, finish: str | None = None) -> dict[str, Any]:
        return {"id": "cmpl_1", "model": "m", "choices": [{"text": text, "finish_reason": finish}]}

    used = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
    pieces, answer, finished = fed(FORMATS["openai_completions"], [piece("Hel"), piece("lo", "length"), used])
    assert [text for text, _ in pieces] == ["Hel", "lo"]
    assert (answer.content, answer.finish_reason, answer.usage.total_tokens, answer.id) == (
        "Hello",
        "length",
        8,
        "cmpl_1",
    )
    assert finished


def test_ollama_streams_thoughts_and_calls_and_generate_is_read_too() -> None:
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    events: list[dict[str, Any]] = [
        {"model": "m", "message": {"content": "", "thinking": "Hm."}, "done": False},
        {"model": "m", "response": "Hi", "done": False},
        {"model": "m", "message": {"content": "", "tool_calls": [call]}, "done": False},
        {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 3},
    ]
    pieces, answer, finished = fed(OLLAMA, events)
    assert pieces == [("", "Hm."), ("Hi", "")]
    assert (answer.finish_reason, answer.usage.output_tokens, answer.tool_calls[0].arguments) == (
        "tool_calls",
        3,
        {"x": 1},
    )
    assert finished


@pytest.mark.parametrize(
    ("name", "event", "says", "code", "status"),
    [
        ("openai_responses", {"type": "error", "message": "no", "code": "server_error"}, "no", "server_error", 500),
        (
            "openai_responses",
            {"type": "error", "error": {"message": "no", "code": "rate_limit_exceeded"}},
            "no",
            "rate_limit_exceeded",
            429,
        ),
        (
            "openai_responses",
            {"type": "response.failed", "response": {"error": {"message": "no", "code": "server_error"}}},
            "no",
            "server_error",
            500,
        ),
        ("openai_responses", {"type": "response.failed", "response": {}}, "gave no reason", "server_error", 500),
        ("openai_responses", {"error": {"message": "no"}}, "no", None, None),
        ("openai_chat", {"error": {"message": "no", "code": 502}, "choices": []}, "no", 502, 502),
        ("openai_chat", {"choices": [{"error": {"message": "no", "code": 429}}]}, "no", 429, 429),
        ("openai_completions", {"error": {"message": "no", "type": "server_error"}}, "no", "server_error", 500),
        (
            "anthropic_messages",
            {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
            "no",
            "overloaded_error",
            529,
        ),
        ("ollama", {"error": "no"}, "no", None, None),
    ],
)
def test_an_error_in_the_middle_of_a_stream_is_told_with_its_code(
    name: str, event: dict[str, Any], says: str, code: object, status: int | None
) -> None:
    with pytest.raises(LLMStreamError, match=says) as caught:
        FORMATS[name].stream().feed(event)
    assert (caught.value.code, caught.value.status_code) == (code, status)


def test_text_and_usage_beside_an_error_are_not_lost() -> None:
    decoder = OPENAI_CHAT.stream()
    event = {**delta(content="Hel"), "error": {"message": "no"}, "usage": {"prompt_tokens": 5}}
    with pytest.raises(LLMStreamError):
        decoder.feed(event)
    assert (decoder.completion().content, decoder.completion().usage.input_tokens) == ("Hel", 5)
