"""Nothing makes the simulator raise: no body, no path, no order of calls."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator_requests import HEADERS, ask, chat, responses, user

from llmlab.lab.simulator import Simulator, simulate
from llmlab.lab.wire.messages import TapeRequest

PATHS = {
    "openai": "/v1/responses /v1/responses/input_tokens /v1/chat/completions /v1/completions /v1/embeddings /v1/files "
    "/v1/batches /v1/vector_stores /v1/vector_stores/{} /v1/vector_stores/{}/search /v1/vector_stores/{}/files "
    "/v1/vector_stores/{}/file_batches",
    "anthropic": "/v1/messages /v1/messages/count_tokens /v1/messages/batches",
    "openrouter": "/api/v1/chat/completions /api/v1/completions",
    "ollama": "/api/chat /api/generate /api/embed /api/show /api/pull /v1/chat/completions /v1/completions",
    "local_gpt_oss": "/v1/chat/completions /v1/completions /completion",
}
WHERE = st.sampled_from([(alias, path) for alias, paths in PATHS.items() for path in paths.split()])
MODELS = "gpt-6-luna gpt-6-sol claude-haiku-5-5 openrouter/free gpt-oss:20b embeddinggemma gpt-oss:120b"
INNER_FIELDS = (
    "type role content text name id input arguments function tool_calls call_id tool_call_id output tool_use_id "
    "parameters properties required enum items description input_schema effort schema format tool_use"
)
FIELDS = (
    "temperature top_p stop stop_sequences tool_choice reasoning text response_format think format options system n "
    "instructions metadata previous_response_id stream_options include reasoning_effort thinking dimensions "
    "encoding_format keep_alive seed verbosity output_config requests file_id file_ids files attributes query filters "
    "input_file_id endpoint completion_window chunking_strategy ranking_options max_num_results multipart echo name"
)
VALUES = (
    "user assistant tool system function message function_call function_call_output tool_use tool_result object array "
    "integer json_schema get_weather c1"
)
WORDS = st.sampled_from([*VALUES.split(), "What is 2 ** 3?", "Weather in Oslo?"])
KEYS = st.sampled_from(INNER_FIELDS.split()) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
MESSAGE = st.fixed_dictionaries(
    {"role": WORDS, "content": JSON},
    optional={"tool_calls": JSON, "tool_call_id": JSON, "type": WORDS, "call_id": JSON, "output": JSON, "id": WORDS},
)
TOOL = st.fixed_dictionaries(
    {"type": st.just("function") | JSON},
    optional={"name": WORDS, **dict.fromkeys(("function", "parameters", "input_schema", "description"), JSON)},
)
BODY = JSON | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(FIELDS.split(), JSON)
    | {
        "model": st.sampled_from(MODELS.split()) | JSON,
        "messages": st.lists(MESSAGE | JSON, max_size=4) | JSON,
        "input": st.text() | st.lists(MESSAGE | JSON, max_size=4) | JSON,
        "prompt": st.text() | JSON,
        "max_tokens": st.integers(-2, 300) | JSON,
        "max_output_tokens": st.integers(16, 300) | JSON,
        "stream": st.booleans() | JSON,
        "tools": st.lists(TOOL, max_size=3) | JSON,
    },
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(where=WHERE, body=BODY)
def test_no_body_makes_it_raise(where: tuple[str, str], body: Any) -> None:
    """Else a typo in a cell shows a traceback of the tape instead of the service's answer."""
    alias, path = where
    simulator = Simulator()
    store = simulator.answer(TapeRequest("POST", "openai", "/v1/vector_stores", HEADERS["openai"], {})).body["id"]
    path = path.replace("{}", store)
    answer = simulator.answer(TapeRequest("POST", alias, path, HEADERS[alias], body))
    gone = path == "/api/pull" and answer.status == 500 and "does not exist" in answer.body["error"]
    assert gone or answer.status in (200, 400, 403, 404), answer.body
    assert (answer.body is None) == (answer.events is not None)
    json.dumps([answer.body, answer.events], ensure_ascii=False, default=repr).encode("utf-8")


KEPT = (
    "files files/{} files/{}/content batches batches/{} batches/{}/cancel vector_stores vector_stores/{} "
    "vector_stores/{}/search vector_stores/{}/files vector_stores/{}/files/{} vector_stores/{}/files/{}/content "
    "vector_stores/{}/file_batches vector_stores/{}/file_batches/{} responses responses/{}"
)
METHODS = st.sampled_from(["GET", "POST", "DELETE"])
QUERIES = st.sampled_from(["", "?limit=1", "?limit=x", "?order=asc", "?after=nobody"])
STEPS = st.lists(st.tuples(METHODS, st.sampled_from(KEPT.split()), st.integers(0, 9), QUERIES), max_size=12)


@given(steps=STEPS)
def test_no_order_of_calls_makes_it_raise(steps: list[tuple[str, str, int, str]]) -> None:
    """Else reading what was deleted, or cancelling what has ended, shows a traceback of the tape."""
    simulator, ids = Simulator(), ["nobody"]
    form = [{"name": "purpose", "value": "batch"}, {"name": "file", "value": '{"custom_id": "a"}'}]
    for method, path, pick, query in steps:
        one = ids[pick % len(ids)]
        body: dict[str, Any] = {
            "file_id": one,
            "file_ids": [one],
            "input_file_id": one,
            "query": "a",
            "multipart": form,
        }
        body |= {"endpoint": "/v1/responses", "completion_window": "24h", "model": "gpt-6-luna", "input": "Hi"}
        where = "/v1/" + path.replace("{}", one) + query
        answer = simulator.answer(TapeRequest(method, "openai", where, HEADERS["openai"], body))
        assert answer.status in (200, 400, 404, 405, 409), answer.body
        if isinstance(answer.body, dict) and isinstance(answer.body.get("id"), str):
            ids.append(answer.body["id"])


@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "x"]),
    alias=st.sampled_from([*HEADERS, "example.org:9", ""]),
    path=st.text(),
)
def test_no_path_makes_it_raise(method: str, alias: str, path: str) -> None:
    """Else a wrong URL in a cell shows a traceback of the tape."""
    assert simulate(TapeRequest(method, alias, "/" + path, {}, None)).status >= 400


def test_json_inside_a_text_is_read_with_care() -> None:
    """Else a tool result, or a line of a batch, that is nested without end or half a character breaks the tape."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\ud83d"}'}}
    for result in ("[" * 100_000, '{"a": "\\ud83d"}'):
        turns = [*user("Hi"), {"role": "assistant", "tool_calls": [call]}]
        answer = chat("openai", [*turns, {"role": "tool", "tool_call_id": "c1", "content": result}])
        assert answer.status == 200
        json.dumps(answer.body, ensure_ascii=False).encode("utf-8")


def test_a_body_nested_without_end_is_no_body() -> None:
    """Else a loop that wraps a value once too often shows a traceback of the tape."""
    content: Any = "Hi"
    for _ in range(300):
        content = [{"type": "text", "content": content}]
    answer = chat("openai", [{"role": "user", "content": content}])
    assert (answer.status, "parse the JSON body" in answer.body["error"]["message"]) == (400, True)


def test_unpaired_surrogates_do_not_reach_the_wire() -> None:
    """Else one broken emoji in a prompt makes an answer that cannot be written as UTF-8."""
    for answer in (
        responses("Say \ud83d"),
        responses("\ude00?", stream=True),
        chat("ollama", "Say \ud83d", model="\ud83d"),
    ):
        json.dumps([answer.body, answer.events], ensure_ascii=False).encode("utf-8")


def test_wrong_methods_and_bodies_that_are_no_json() -> None:
    """Else a typo in raw REST code has an answer that the service never gives."""
    wrong = ask("openai", "/v1/chat/completions", method="GET")
    assert (wrong.status, wrong.body["error"]["code"]) == (405, "method_not_supported")
    for body in ([1], None, {"model": {1, 2}}):
        assert "parse the JSON body" in ask("openai", "/v1/responses", body).body["error"]["message"]
