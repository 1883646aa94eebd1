"""What a fault looks like on the wire, service by service. If one is wrong, a lesson teaches what nobody ever meets."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from llmlab.lab.faults import FaultPlan as faults
from llmlab.lab.faults import inject
from llmlab.lab.faults.damage import Arrival
from llmlab.lab.wire.messages import Event, TapeAnswer, TapeRequest

SERVICES = ("openai", "anthropic", "openrouter", "ollama", "local_gpt_oss")
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


def asking(service: str, stream: bool = False) -> TapeRequest:
    return TapeRequest("POST", service, PATHS[service], {}, {"model": "some-model", "stream": stream})


def met(
    text: str, request: TapeRequest | None = None, answer: TapeAnswer = PLAIN, limit: float | None = None
) -> Arrival:
    request = request or asking("openai", answer.events is not None)
    fault = faults(text).due(request)
    assert fault is not None
    return inject(fault, request, lambda: answer, limit)


def refused(text: str, service: str) -> TapeAnswer:
    answer = met(text, asking(service)).answer
    assert answer is not None
    return answer


def rendered(damage: Arrival) -> bytes:
    return b"".join(piece for _, piece in damage.pieces)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "fault", ["unauthorized", "forbidden", "rate_limit", "quota", "server_error", "overloaded;after=0"]
)
def test_each_service_says_no_in_its_own_form(fault: str, service: str) -> None:
    body = refused(fault, service).body
    if service == "anthropic":
        assert set(body) == {"type", "error", "request_id"}
        assert set(body["error"]) == {"type", "message"}
    elif service == "ollama":
        assert isinstance(body["error"], str)
    elif service == "openai":
        assert set(body["error"]) == {"message", "type", "param", "code"}
    else:
        assert body["error"]["code"] == refused(fault, service).status


@pytest.mark.parametrize(
    ("service", "fault", "status", "kind", "code"),
    [
        ("openai", "unauthorized", 401, "invalid_request_error", "invalid_api_key"),
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
    ],
)
def test_types_and_codes_are_the_services_own(service: str, fault: str, status: int, kind: str, code: Any) -> None:
    answer = refused(fault, service)
    assert (answer.status, answer.body["error"]["type"]) == (status, kind)
    assert answer.body["error"].get("code") == code


def test_no_key_and_no_organisation_is_ever_repeated() -> None:
    for service in SERVICES:
        for fault in ("unauthorized", "rate_limit", "quota"):
            said = json.dumps(refused(fault, service).body)
            assert "sk-" not in said
            assert "org-" not in said


def test_retry_after_comes_in_seconds_or_as_a_date_or_not_at_all() -> None:
    assert refused("rate_limit;retry_after=2.5", "anthropic").headers["retry-after"] == "2.5"
    assert "retry-after" not in refused("rate_limit;retry_after=none", "anthropic").headers
    given = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert refused(f"rate_limit;retry_after={given}", "openai").headers["retry-after"] == given
    headers = refused("rate_limit;retry_after=30;as_date=true", "openai").headers
    now, then = (parsedate_to_datetime(headers[name]) for name in ("date", "retry-after"))
    assert (then - now).total_seconds() == 30


def test_an_unknown_server_is_answered_in_its_wire_format() -> None:
    unknown = TapeRequest("POST", "llm.example.com:1", "/v1/messages", {"anthropic-version": "2023-06-01"}, {})
    assert met("server_error", unknown).answer.body["type"] == "error"  # type: ignore[union-attr]
    ollama = TapeRequest("POST", "10.0.0.9:11434", "/api/chat", {}, {"stream": False})
    assert isinstance(met("server_error", ollama).answer.body["error"], str)  # type: ignore[union-attr]
    compatible = TapeRequest("POST", "ollama", "/v1/chat/completions", {}, {})
    assert met("server_error", compatible).answer.body["error"]["type"] == "api_error"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("service", "last"),
    [
        ("openai", {"type": "error", "sequence_number": 2}),
        ("anthropic", {"type": "error"}),
        ("openrouter", {"object": "chat.completion.chunk"}),
        ("ollama", {}),
        ("local_gpt_oss", {}),
    ],
)
def test_a_stream_breaks_off_with_the_services_error_event(service: str, last: dict[str, Any]) -> None:
    damage = met("overloaded;after=2", asking(service, stream=True), STREAM)
    assert damage.answer is not None
    *kept, (moment, event) = damage.answer.events or ()
    assert kept == list(EVENTS[:2])
    assert moment > kept[-1][0]
    assert isinstance(event, dict)
    assert event["error"]
    assert last.items() <= event.items()


def test_a_cut_stream_ends_after_as_many_events_as_were_asked_for() -> None:
    damage = met("cut_stream;after=2", answer=STREAM)
    assert rendered(damage).count(b"data:") == 2
    assert damage.failure == "RemoteProtocolError"
    assert rendered(met("cut_stream", answer=STREAM)).count(b"data:") == 3
    assert rendered(met("cut_stream;after=99", answer=STREAM)).count(b"data:") == len(EVENTS) - 1


def test_a_cut_answer_promises_more_than_comes() -> None:
    damage = met("cut_stream")
    assert damage.length is not None
    assert 0 < len(rendered(damage)) < damage.length


def test_half_a_json_document_is_no_json() -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(rendered(met("malformed_json")))
    lines = [line for line in rendered(met("malformed_json", answer=STREAM)).split(b"\n\n") if line]
    assert len(lines) == len(EVENTS)
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[2].removeprefix(b"data: "))


def test_counts_come_twice() -> None:
    pairs = json.loads(rendered(met("duplicate_usage")), object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["text", "usage", "usage"]
    damage = met("duplicate_usage", answer=STREAM)
    assert [event for _, event in damage.answer.events or ()].count(USAGE) == 2  # type: ignore[union-attr]
    nothing = TapeAnswer(200, {}, {"data": []})
    assert rendered(met("duplicate_usage", answer=nothing)) == b'{"data":[]}'


def test_every_torn_character_is_whole_again_in_the_end() -> None:
    for answer in (PLAIN, STREAM):
        intact, torn = met("slow_first_token;seconds=0", answer=answer), met("split_utf8", answer=answer)
        assert rendered(torn) == rendered(intact)
        with pytest.raises(UnicodeDecodeError):
            [piece.decode() for _, piece in torn.pieces]


def test_delays_are_those_that_were_asked_for() -> None:
    assert [round(moment, 1) for moment, _ in met("slow_first_token;seconds=2", answer=STREAM).pieces][:2] == [2.1, 2.2]
    assert [round(moment, 1) for moment, _ in met("slow_chunks;seconds=1", answer=STREAM).pieces][:3] == [0.1, 1.2, 2.3]
    assert met("slow_first_token;seconds=2").pieces[0][0] == 2.4
    assert [round(moment, 1) for moment, _ in met("slow_chunks;seconds=1").pieces] == [0.4, 1.4, 2.4, 3.4]


def test_a_client_waits_no_longer_than_it_said() -> None:
    damage = met("slow_chunks;seconds=5", answer=STREAM, limit=3)
    assert (damage.failure, damage.pieces[-1]) == ("ReadTimeout", (3.1, b""))
    assert len(damage.answer.events or ()) == 1  # type: ignore[union-attr]
    assert met("timeout", limit=12).seconds == 12
    assert met("timeout").seconds == 60
    assert met("dns", limit=12).seconds == 0


def test_an_empty_answer_keeps_its_head() -> None:
    for answer in (PLAIN, STREAM):
        damage = met("empty_stream", answer=answer)
        assert rendered(damage) == b""
        assert damage.answer is not None
        assert (damage.answer.status, damage.answer.headers) == (200, answer.headers)


def test_only_the_head_lies_about_the_type() -> None:
    damage = met("wrong_content_type;content_type=text/plain")
    assert damage.answer is not None
    assert damage.answer.headers["content-type"] == "text/plain"
    assert json.loads(rendered(damage)) == PLAIN.body


@pytest.mark.parametrize(
    "fault", ["cut_stream", "malformed_json", "empty_stream", "slow_chunks", "duplicate_usage", "split_utf8"]
)
@pytest.mark.parametrize(
    "answer",
    [
        TapeAnswer(204, {}, None),
        TapeAnswer(200, {}, "not JSON", framing="text"),
        TapeAnswer(200, {}, b"\xff\x00", framing="text"),
        TapeAnswer(200, {}, events=(), framing="sse"),
        TapeAnswer(200, {}, events=((0.0, ": comment"),), framing="sse"),
        TapeAnswer(200, {}, [1, 2]),
    ],
    ids=["nothing", "text", "bytes", "no events", "a comment", "a list"],
)
def test_no_answer_is_too_odd_to_be_broken(fault: str, answer: TapeAnswer) -> None:
    damage = met(fault, answer=answer)
    assert damage.answer is not None
    assert damage.length is None or damage.pieces


def test_a_wrong_request_for_a_stream_is_refused_as_it_would_be() -> None:
    """The service says 400 before it finds that it has too much to do."""
    wrong = TapeAnswer(400, {}, {"error": {"message": "no"}})
    assert met("overloaded", asking("openai", stream=True), wrong).answer == wrong
