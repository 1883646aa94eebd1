"""The simulator beside the authored exchanges: the same keys, types, headers, order of events and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulator_requests import HEADERS, WEATHER, ask, events, user

from llmlab.lab.simulator import Simulator
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest
from tests.exchanges import exchange

CLAUDE_TOOL = {"name": WEATHER["name"], "description": "The weather", "input_schema": WEATHER["parameters"]}
CHAT_TOOL = {"type": "function", "function": WEATHER}
OPENAI_TOOL = {"type": "function", **WEATHER}
RAIN = "What's the weather in Oslo?"
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}
OURS = (".system_fingerprint",)  # it says that the answer is simulated
CHAT, ROUTED, NATIVE = "/v1/chat/completions", "/api/v1/chat/completions", "/api/chat"
STORES = "/v1/vector_stores"


def chat(model: str, text: str = "Hi", **more: Any) -> dict[str, Any]:
    """The body of a chat."""
    return {"model": model, "messages": user(text), **more}


def shape(value: Any, at: str = "") -> set[tuple[str, str]]:
    """List every path in a JSON value with its type; whole and other numbers count as the same."""
    if isinstance(value, dict):
        return {(at, "object")}.union(*(shape(item, f"{at}.{key}") for key, item in value.items()))
    if isinstance(value, list):
        return {(at, "array")}.union(*(shape(item, f"{at}[]") for item in value))
    kind = "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    return {(at, kind)}


def differing(ours: Any, theirs: Any, *free: str) -> set[tuple[str, str]]:
    """Return the paths that only one of the two has, or has with another type; `free` names what may differ."""
    both = shape(ours) ^ shape(theirs)
    return {(path, kind) for path, kind in both if not any(path.startswith(one) for one in free)}


def kinds(streamed: list[dict[str, Any]]) -> list[str]:
    """The types of events in order, each run of the same type once."""
    types = [event["type"] for event in streamed]
    return [kind for at, kind in enumerate(types) if at == 0 or types[at - 1] != kind]


GPT5, CLAUDE, QWEN = "gpt-5-mini", "claude-haiku-4-5", {"think": False, "stream": False}
RESPONSE = {"model": "gpt-5-nano", "input": RAIN, "tools": [OPENAI_TOOL], **ENCRYPTED}
SMALL = "text-embedding-3-small"
PLAIN: list[tuple[str, str, str, Any, tuple[str, ...]]] = [
    # exchange, alias, path, body; what may differ, because it depends on the content
    ("openai-responses-loop-1", "openai", "/v1/responses", RESPONSE, (".tools[].parameters", ".metadata.")),
    ("openai-responses-input-tokens", "openai", "/v1/responses/input_tokens", {"model": "gpt-5.4", "input": "Hi"}, ()),
    ("openai-chat-tool-no-arguments", "openai", CHAT, chat(GPT5, RAIN, tools=[CHAT_TOOL]), ()),
    ("openai-chat-text", "openai", CHAT, chat(GPT5), OURS),
    ("openai-model", "openai", "/v1/models/gpt-5", None, ()),
    ("openai-models", "openai", "/v1/models", None, ()),
    ("openai-embeddings", "openai", "/v1/embeddings", {"model": SMALL, "input": "Hi"}, ()),
    (
        "openai-embeddings-base64",
        "openai",
        "/v1/embeddings",
        {"model": "text-embedding-ada-002", "input": "Hi", "encoding_format": "base64"},
        (),
    ),
    ("anthropic-loop-2", "anthropic", "/v1/messages", chat(CLAUDE, max_tokens=99), ()),
    (
        "anthropic-loop-1",
        "anthropic",
        "/v1/messages",
        chat(CLAUDE, RAIN, max_tokens=99, tools=[CLAUDE_TOOL]),
        (".content[].input",),
    ),
    ("anthropic-count-tokens", "anthropic", "/v1/messages/count_tokens", chat("claude-sonnet-4-5"), ()),
    # newer than the exchange: what a model can do, and its place in its life
    ("anthropic-models", "anthropic", "/v1/models", None, (".data[].lifecycle", ".data[].max_")),
    ("openrouter-loop-2", "openrouter", ROUTED, chat("anthropic/claude-haiku-5.5"), OURS),
    ("openrouter-loop-1", "openrouter", ROUTED, chat("anthropic/claude-haiku-5.5", RAIN, tools=[CHAT_TOOL]), OURS),
    ("ollama-compatible-loop-1", "ollama", CHAT, chat("gpt-oss:20b", RAIN, tools=[CHAT_TOOL]), ()),
    ("ollama-compatible-loop-2", "ollama", CHAT, chat("qwen3:8b"), ()),
    (
        "ollama-chat-tools",
        "ollama",
        NATIVE,
        chat("qwen3:8b", RAIN, tools=[CHAT_TOOL], **QWEN),
        (".message.tool_calls[].function.arguments.",),
    ),
    ("ollama-chat-text", "ollama", NATIVE, chat("qwen3:8b", **QWEN), ()),
    # `context` is the conversation in token numbers, which newer servers leave out; the count was missing in old ones
    (
        "ollama-generate",
        "ollama",
        "/api/generate",
        {"model": "qwen3:8b", "prompt": "Hi", **QWEN},
        (".context", ".prompt_eval_count"),
    ),
    ("ollama-embed", "ollama", "/api/embed", {"model": "embeddinggemma", "input": "Hi"}, ()),
    ("ollama-load", "ollama", NATIVE, {"model": "qwen3:8b", "messages": [], "stream": False}, ()),
    ("ollama-ps", "ollama", "/api/ps", None, ()),
]


@pytest.mark.parametrize(("name", "alias", "path", "body", "free"), PLAIN, ids=[row[0] for row in PLAIN])
def test_whole_answers(name: str, alias: str, path: str, body: Any, free: tuple[str, ...]) -> None:
    """Else code that was tried offline meets other keys live."""
    answer = ask(alias, path, body, method="GET" if body is None else "POST")
    assert answer.status == 200
    assert differing(answer.body, exchange(name).json, *free) == set()


def test_errors_word_for_word() -> None:
    """Else the lesson on errors teaches words that the service does not say."""
    gone = {"model": "gpt-pelican", "input": "Hi"}
    for name, alias, path, body in [
        ("openai-responses-error-model", "openai", "/v1/responses", gone),
        ("openai-chat-error-model", "openai", CHAT, chat("gpt-pelican")),
        ("openai-embeddings-error-model", "openai", "/v1/embeddings", gone),
        ("anthropic-count-tokens-error", "anthropic", "/v1/messages/count_tokens", chat("claude-pelican")),
    ]:
        real, answer = exchange(name), ask(alias, path, body)
        assert (answer.status, answer.body["error"]) == (real.status, real.json["error"]), name


def test_missing_and_wrong_keys_read_as_at_the_service() -> None:
    """Else the first error that most people meet looks different offline."""
    missing = ask("openrouter", ROUTED, chat("openrouter/free"), headers={})
    assert missing.body == exchange("openrouter-error-key").json
    wrong = ask("openai", "/v1/responses", {}, headers={"authorization": "Bearer sk-wrong-0123456789"})
    real = exchange("openai-responses-error-key").json["error"]
    assert wrong.body["error"].keys() == real.keys()
    assert wrong.body["error"]["code"] == real["code"]
    assert "0123456789" not in json.dumps(wrong.body)


def test_headers_have_the_names_of_real_ones() -> None:
    """Else rate limits and request ids cannot be read offline."""
    for name, alias, path, body in [
        ("openai-chat-loop-1", "openai", CHAT, chat("gpt-5.4")),
        ("openai-embeddings", "openai", "/v1/embeddings", {"model": SMALL, "input": "Hi"}),
        ("anthropic-text-and-tool", "anthropic", "/v1/messages", chat(CLAUDE, max_tokens=9)),
        ("openrouter-loop-1", "openrouter", ROUTED, chat("openrouter/free")),
        ("openrouter-stream-tool", "openrouter", ROUTED, chat("openrouter/free", stream=True)),
        ("ollama-chat-stream-text", "ollama", NATIVE, chat("gpt-oss:20b")),
    ]:
        real, ours = exchange(name).headers, ask(alias, path, body).headers
        assert set(real) <= set(ours), name
        assert ours["content-type"] == real["content-type"], name


def test_the_stream_of_responses() -> None:
    """Else the event loop of the streaming lesson fits the simulator only."""
    theirs = exchange("openai-responses-stream-tool").events
    asked = {"model": "gpt-5.5", "stream": True, **ENCRYPTED}
    ours = events(ask("openai", "/v1/responses", asked | {"input": RAIN, "tools": [OPENAI_TOOL]}))
    text = events(ask("openai", "/v1/responses", asked | {"input": "Hi"}))
    real = {event["type"]: event for event in theirs}
    for event in (*ours, *text):
        assert differing(event, real[event["type"]], ".response.", ".item.", ".part.text") == set(), event["type"]
    assert ours[-1]["response"].keys() == real["response.completed"]["response"].keys()
    assert ours[0]["response"].keys() == theirs[0]["response"].keys()
    # Theirs says something before it calls the tool; ours has the two in two answers.
    message = [kind for kind in kinds(theirs) if "function_call" not in kind]
    assert [kind for kind in kinds(text) if kind in message] == kinds(text)
    assert kinds(ours)[-4:] == kinds(theirs)[-4:]


def test_the_stream_of_anthropic() -> None:
    """Else the event loop of the Anthropic lesson fits the simulator only."""
    body = chat(CLAUDE, max_tokens=99, stream=True)
    ours = {event["type"]: event for event in events(ask("anthropic", "/v1/messages", body))}
    theirs = exchange("anthropic-stream-tools").events
    assert kinds(theirs)[:4] == list(ours)[:4]
    # message_delta counts the searches of the service's own tools, which the simulator does not have
    for event in theirs[:4] + theirs[-2:]:
        assert differing(ours[event["type"]], event, ".usage.server_tool_use") == set()


def test_the_streams_of_the_chat_services() -> None:
    """Else chunks have other keys than at the service."""
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    # Newer answers of OpenRouter name the cost, and count cache writes and sound.
    newer = (*OURS, ".usage.cost_details", ".usage.prompt_tokens_details", ".usage.completion_tokens_details")
    plain = {"model": "qwen3:8b", "reasoning_effort": "none"}
    every, tools, luna = (0, 1, -2, -1), {"tools": [CHAT_TOOL]}, "openai/gpt-6-luna"
    quiet = {"model": "qwen3:8b", "think": False}
    for name, alias, path, body, places, free in [
        ("openai-chat-stream-tool-no-arguments", "openai", CHAT, chat("gpt-5.4", RAIN, **tools, **usage), every, OURS),
        ("openrouter-stream-tool", "openrouter", ROUTED, chat(luna, RAIN, **tools, **usage), every, newer),
        ("ollama-compatible-stream-tool", "ollama", CHAT, chat("qwen3:8b", RAIN, **tools, **usage), (0, -3, -1), ()),
        ("ollama-compatible-stream-text", "ollama", CHAT, chat(**plain, **usage), (0, -1), ()),
        ("ollama-chat-stream-text", "ollama", NATIVE, chat(**quiet), (0, -1), (".context",)),
        ("ollama-generate-stream", "ollama", "/api/generate", {**quiet, "prompt": "Hi"}, (0, -1), (".context",)),
    ]:  # fmt: skip
        ours, theirs = events(ask(alias, path, body)), exchange(name).events
        for place in places:
            assert differing(ours[place], theirs[place], *free) == set(), (name, place)


# Newer than the exchanges: a store's description, a file's attributes and how it was cut.
NEWER = (".description", ".data[].description", ".attributes", ".data[].attributes", ".chunking", ".data[].chunking")


class Bench:
    """A simulator with a file, a store that holds it, and a batch of each service."""

    def __init__(self) -> None:
        self._simulator = Simulator()
        line = json.dumps({"custom_id": "a", "method": "POST", "url": CHAT, "body": chat("gpt-6-luna")})
        form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a.jsonl", "value": line}]
        self.file = self.openai("POST", "/v1/files", {"multipart": form}).body["id"]
        self.store = self.openai("POST", STORES, {"name": "s"}).body["id"]
        self.added = self.openai("POST", f"{STORES}/{self.store}/files", {"file_id": self.file})
        self.file_batch = self.openai("POST", f"{STORES}/{self.store}/file_batches", {"file_ids": [self.file]})
        body = {"input_file_id": self.file, "endpoint": CHAT, "completion_window": "24h"}
        self.batch = self.openai("POST", "/v1/batches", body)
        request = {"custom_id": "0", "params": chat(CLAUDE, max_tokens=9)}
        self.messages = self.anthropic("POST", "", {"requests": [request]})

    def openai(self, method: str, path: str, body: Any = None) -> TapeAnswer:
        return self._simulator.answer(TapeRequest(method, "openai", path, HEADERS["openai"], body))

    def anthropic(self, method: str, path: str, body: Any = None) -> TapeAnswer:
        path = f"/v1/messages/batches{path}"
        return self._simulator.answer(TapeRequest(method, "anthropic", path, HEADERS["anthropic"], body))


def assert_same(name: str, answer: TapeAnswer, *free: str) -> None:
    """Compare an answer and its headers with an exchange."""
    real = exchange(name)
    assert answer.status == real.status, name
    assert set(real.headers) <= set(answer.headers), name
    assert answer.headers["content-type"] == real.headers["content-type"], name
    assert differing(answer.body, real.json, *free) == set(), name


def test_vector_stores() -> None:
    """Else code that was tried on a simulated store meets other keys live."""
    bench = Bench()
    unnamed = bench.openai("POST", STORES, {})
    here = f"{STORES}/{unnamed.body['id']}"
    assert_same("openai-vector-stores-get", unnamed, *NEWER)
    assert_same("openai-vector-stores-get", bench.openai("GET", here), *NEWER)
    assert_same("openai-vector-stores-update", bench.openai("POST", here, {"metadata": {"modified": "true"}}), *NEWER)
    assert_same("openai-vector-stores-list", bench.openai("GET", STORES), ".data[].name", *NEWER)
    found = bench.openai("POST", f"{STORES}/{bench.store}/search", {"query": "gpt-6-luna", "max_num_results": 5})
    assert_same("openai-vector-stores-search", found, ".data[].attributes.")
    assert_same("openai-vector-stores-delete", bench.openai("DELETE", here))


def test_files_of_a_store() -> None:
    """Else code that waits for a file to be read meets other keys live."""
    bench, name = Bench(), "openai-vector-stores"
    files, batch = f"{STORES}/{bench.store}/files", f"{STORES}/{bench.store}/file_batches/{bench.file_batch.body['id']}"
    assert_same(f"{name}-files-create", bench.added, *NEWER)
    assert_same(f"{name}-files-list", bench.openai("GET", files), *NEWER)
    assert_same(f"{name}-files-get", bench.openai("GET", f"{files}/{bench.file}"), *NEWER)
    assert_same(f"{name}-file-batches-create", bench.file_batch)
    assert_same(f"{name}-file-batches-get", bench.openai("GET", batch))
    assert_same(f"{name}-file-batches-cancel", bench.openai("POST", f"{batch}/cancel"))
    listed = bench.openai("GET", f"{batch}/files")
    assert_same(f"{name}-file-batches-files", listed, ".data[].usage_bytes", *NEWER)
    assert_same(f"{name}-files-delete", bench.openai("DELETE", f"{files}/{bench.file}"))


def test_batches() -> None:
    """Else code that waits for a batch meets other keys live."""
    bench = Bench()
    here = f"/v1/batches/{bench.batch.body['id']}"
    free = (".in_progress_at",)  # the exchange had not begun yet
    assert_same("openai-batches-create", bench.batch)
    assert_same("openai-batches-get", bench.openai("GET", here), *free)
    assert_same("openai-batches-cancel", bench.openai("POST", f"{here}/cancel"), *free)
    # The page of the exchange holds batches in every state.
    times = [f".data[].{name}_at" for name in ("in_progress", "cancelling", "cancelled", "completed", "finalizing")]
    listed = bench.openai("GET", "/v1/batches")
    assert_same("openai-batches-list", listed, *times, ".data[].output_file_id", ".data[].error_file_id")


def test_message_batches() -> None:
    """Else code that waits for Anthropic's batches meets other keys live."""
    bench = Bench()
    here = f"/{bench.messages.body['id']}"
    assert_same("anthropic-batches-create", bench.messages)
    assert_same("anthropic-batches-cancel", Bench().anthropic("POST", f"{here}/cancel"))
    bench.anthropic("GET", here)
    assert_same("anthropic-batches-get", bench.anthropic("GET", here))
    results, real = bench.anthropic("GET", f"{here}/results"), exchange("anthropic-batches-results")
    assert results.headers["content-type"] == real.headers["content-type"]
    assert differing(events(results)[0], real.json) == set()


def test_old_completions() -> None:
    """Else code for the old API meets other keys live."""
    for name, stream in (("openai-completions", False), ("openai-completions-stream", True)):
        body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Tell me a joke", "stream": stream}
        answer = ask("openai", "/v1/completions", body)
        theirs = exchange(name).events if stream else [exchange(name).json]
        ours = events(answer) if stream else [answer.body]
        assert differing(ours[0], theirs[0], *OURS) == set(), name
        assert differing(ours[-1], theirs[-1], *OURS) == set(), name
        assert set(exchange(name).headers) - {"cache-control"} <= set(answer.headers), name


def test_a_pull() -> None:
    """Else a progress bar that was tried offline has nothing to show live."""
    answer = Simulator().answer(TapeRequest("POST", "ollama", "/api/pull", {}, {"model": "gemma3:1b"}))
    ours, theirs = events(answer), exchange("ollama-pull").events
    assert answer.headers["content-type"] == exchange("ollama-pull").headers["content-type"]
    assert differing(ours, theirs) == set()
    plain = [event["status"] for event in theirs if "digest" not in event]
    assert [event["status"] for event in ours if "digest" not in event] == plain
