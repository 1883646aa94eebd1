"""How a fault looks on the wire, service by service. If one is wrong, a lesson teaches what nobody ever meets."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from llmlab.lab.faults import FaultPlan, inject
from llmlab.lab.faults.damage import Arrival
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

PATHS = {
    "openai": "/v1/responses",
    "anthropic": "/v1/messages",
    "openrouter": "/api/v1/chat/completions",
    "ollama": "/api/chat",
    "local_gpt_oss": "/v1/chat/completions",
}
USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
EVENTS: tuple[tuple[float, Event], ...] = (
    (0.1, {"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
    (0.2, {"choices": [{"delta": {"content": "caf"}}]}),
    (0.3, {"choices": [{"delta": {"content": "é"}}]}),
    (0.4, {"choices": [{"delta": {"content": "!"}}]}),
    (0.5, USAGE),
    (0.6, "data: [DONE]"),
)
STREAM = TapeAnswer(200, {"content-type": "text/event-stream"}, events=EVENTS, framing="sse")
PLAIN = TapeAnswer(200, {"content-type": "application/json"}, {"text": "café", "usage": {"tokens": 5}}, seconds=0.4)


def request(service: str, stream: bool = False) -> TapeRequest:
    return TapeRequest("POST", service, PATHS[service], {}, {"model": "some-model", "stream": stream})


def arrive(
    text: str, asked: TapeRequest | None = None, answer: TapeAnswer = PLAIN, limit: float | None = None
) -> Arrival:
    asked = asked or request("openai", answer.events is not None)
    fault = FaultPlan(text).due(asked)
    assert fault is not None
    return inject(fault, asked, lambda: answer, limit)


def refused(text: str, service: str | TapeRequest) -> TapeAnswer:
    answer = arrive(text, request(service) if isinstance(service, str) else service).answer
    assert answer is not None
    return answer


def data(arrival: Arrival) -> bytes:
    return b"".join(piece for _, piece in arrival.pieces)


def times(arrival: Arrival) -> list[float]:
    return [round(moment, 1) for moment, _ in arrival.pieces]


@pytest.mark.parametrize(
    "fault", ["unauthorized", "forbidden", "not_found", "rate_limit", "quota", "server_error", "overloaded;after=0"]
)
def test_each_service_refuses_in_its_own_format_and_repeats_no_key(fault: str) -> None:
    for service in PATHS:
        answer = refused(fault, service)
        body, error = answer.body, answer.body["error"]
        assert "sk-" not in json.dumps(body)
        assert "org-" not in json.dumps(body)
        if service == "anthropic":
            assert (set(body), set(error)) == ({"type", "error", "request_id"}, {"type", "message"})
        elif service == "ollama":
            assert isinstance(error, str)
        elif service == "openai":
            assert set(error) == {"message", "type", "param", "code"}
        else:
            assert error["code"] == answer.status


def test_types_and_codes_are_the_services_own() -> None:
    expected = [
        ("openai", "unauthorized", 401, "invalid_request_error", "invalid_api_key"),
        ("openai", "forbidden", 403, "request_forbidden", "unsupported_country_region_territory"),
        ("openai", "rate_limit", 429, "requests", "rate_limit_exceeded"),
        ("openai", "quota", 429, "insufficient_quota", "insufficient_quota"),
        ("openai", "not_found", 404, "invalid_request_error", "model_not_found"),
        ("openai", "server_error", 500, "server_error", None),
        ("anthropic", "unauthorized", 401, "authentication_error", None),
        ("anthropic", "forbidden", 403, "permission_error", None),
        ("anthropic", "not_found", 404, "not_found_error", None),
        ("anthropic", "rate_limit", 429, "rate_limit_error", None),
        ("anthropic", "quota", 400, "invalid_request_error", None),
        ("anthropic", "server_error", 500, "api_error", None),
        ("anthropic", "overloaded", 529, "overloaded_error", None),
    ]
    for service, fault, status, kind, code in expected:
        answer = refused(fault, service)
        error = answer.body["error"]
        assert (answer.status, error["type"], error.get("code")) == (status, kind, code), (service, fault)


def test_retry_after_comes_in_seconds_or_as_a_date_or_not_at_all() -> None:
    assert refused("rate_limit;retry_after=2.5", "anthropic").headers["retry-after"] == "2.5"
    assert "retry-after" not in refused("rate_limit;retry_after=none", "anthropic").headers
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert refused(f"rate_limit;retry_after={date}", "openai").headers["retry-after"] == date
    headers = refused("rate_limit;retry_after=30;as_date=true", "openai").headers
    now, then = (parsedate_to_datetime(headers[name]) for name in ("date", "retry-after"))
    assert (then - now).total_seconds() == 30


def test_an_unknown_server_refuses_in_its_wire_format() -> None:
    claude = TapeRequest("POST", "llm.example.com:1", "/v1/messages", {"anthropic-version": "2023-06-01"}, {})
    assert refused("server_error", claude).body["type"] == "error"
    ollama = TapeRequest("POST", "10.0.0.9:11434", "/api/chat", {}, {"stream": False})
    assert isinstance(refused("server_error", ollama).body["error"], str)
    compatible = TapeRequest("POST", "ollama", "/v1/chat/completions", {}, {})
    assert refused("server_error", compatible).body["error"]["type"] == "api_error"


@pytest.mark.parametrize("service", PATHS)
def test_a_stream_breaks_off_with_the_services_error_event(service: str) -> None:
    last: dict[str, dict[str, Any]] = {
        "openai": {"type": "error", "sequence_number": 2},
        "anthropic": {"type": "error"},
        "openrouter": {"object": "chat.completion.chunk"},
    }
    arrival = arrive("overloaded;after=2", request(service, stream=True), STREAM)
    assert arrival.answer is not None
    *before, (moment, event) = arrival.answer.events or ()
    assert before == list(EVENTS[:2])
    assert moment > before[-1][0]
    assert isinstance(event, dict)
    assert event["error"]
    assert last.get(service, {}).items() <= event.items()


def test_a_cut_answer_ends_early() -> None:
    for fault, events in (("cut_stream;after=2", 2), ("cut_stream", 3), ("cut_stream;after=99", len(EVENTS) - 1)):
        arrival = arrive(fault, answer=STREAM)
        assert (data(arrival).count(b"data:"), arrival.failure) == (events, "RemoteProtocolError")
    plain = arrive("cut_stream")
    assert 0 < len(data(plain)) < (plain.length or 0)


def test_half_a_json_document_is_no_json() -> None:
    lines = [line for line in data(arrive("malformed_json", answer=STREAM)).split(b"\n\n") if line]
    assert len(lines) == len(EVENTS)
    for broken in (data(arrive("malformed_json")), lines[2].removeprefix(b"data: ")):
        with pytest.raises(json.JSONDecodeError):
            json.loads(broken)


def test_token_counts_come_twice() -> None:
    pairs = json.loads(data(arrive("duplicate_usage")), object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["text", "usage", "usage"]
    streamed = arrive("duplicate_usage", answer=STREAM).answer
    assert streamed
    assert [event for _, event in streamed.events or ()].count(USAGE) == 2
    assert data(arrive("duplicate_usage", answer=TapeAnswer(200, {}, {"data": []}))) == b'{"data":[]}'


def test_a_character_in_two_pieces_is_whole_again_in_the_end() -> None:
    for answer in (PLAIN, STREAM):
        intact, split = arrive("slow_first_token;seconds=0", answer=answer), arrive("split_utf8", answer=answer)
        assert data(split) == data(intact)
        with pytest.raises(UnicodeDecodeError):
            [piece.decode() for _, piece in split.pieces]


def test_delays_are_as_long_as_asked_for() -> None:
    assert times(arrive("slow_first_token;seconds=2", answer=STREAM))[:2] == [2.1, 2.2]
    assert times(arrive("slow_chunks;seconds=1", answer=STREAM))[:3] == [0.1, 1.2, 2.3]
    assert times(arrive("slow_first_token;seconds=2")) == [2.4]
    assert times(arrive("slow_chunks;seconds=1")) == [0.4, 1.4, 2.4, 3.4]


def test_a_client_waits_no_longer_than_its_limit() -> None:
    arrival = arrive("slow_chunks;seconds=5", answer=STREAM, limit=3)
    assert (arrival.failure, arrival.pieces[-1]) == ("ReadTimeout", (3.1, b""))
    assert arrival.answer
    assert len(arrival.answer.events or ()) == 1
    seconds = [arrive("timeout", limit=12).seconds, arrive("timeout").seconds, arrive("dns", limit=12).seconds]
    assert seconds == [12, 60, 0]


def test_an_empty_answer_has_a_head_and_a_wrong_type_a_body() -> None:
    for answer in (PLAIN, STREAM):
        arrival = arrive("empty_stream", answer=answer)
        assert arrival.answer is not None
        assert (data(arrival), arrival.answer.status, arrival.answer.headers) == (b"", 200, answer.headers)
    wrong = arrive("wrong_content_type;content_type=text/plain")
    assert wrong.answer is not None
    assert wrong.answer.headers["content-type"] == "text/plain"
    assert json.loads(data(wrong)) == PLAIN.body


@pytest.mark.parametrize(
    "fault", ["cut_stream", "malformed_json", "empty_stream", "slow_chunks", "duplicate_usage", "split_utf8"]
)
def test_every_answer_can_be_damaged(fault: str) -> None:
    for answer in (
        TapeAnswer(204, {}, None),
        TapeAnswer(200, {}, "not JSON", framing="text"),
        TapeAnswer(200, {}, b"\xff\x00", framing="text"),
        TapeAnswer(200, {}, events=(), framing="sse"),
        TapeAnswer(200, {}, events=((0.0, ": comment"),), framing="sse"),
        TapeAnswer(200, {}, [1, 2]),
    ):
        arrival = arrive(fault, answer=answer)
        assert arrival.answer is not None
        assert arrival.length is None or arrival.pieces


def test_a_wrong_request_for_a_stream_is_refused_as_it_would_be() -> None:
    """The service answers 400 before it finds that it is overloaded."""
    wrong = TapeAnswer(400, {}, {"error": {"message": "no"}})
    assert arrive("overloaded", request("openai", stream=True), wrong).answer == wrong
