"""Reports of other projects, tried over loopback; `tests/README.md` says what each showed. Texts are our own."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

import llmlab
from llmlab.policies.retry import is_passing
from tests.core.bodies import ndjson, sse
from tests.core.trying import ask, provider
from tests.loopback import LoopbackServer


def chat(*choices: dict[str, Any], **fields: Any) -> str:
    """Return a Chat Completions stream of one choice for each event, with its end marker."""
    return sse([{"id": "a", "model": "m", "choices": [choice], **fields} for choice in choices], done=True)


CALL = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}
GOOD: dict[str, tuple[str, str, str]] = {
    "adolfousier/opencrabs#1499": (
        "openrouter",
        chat(
            {"delta": {"content": "One "}, "finish_reason": ""},
            {"delta": {"content": "two"}, "finish_reason": ""},
            {"delta": {}, "finish_reason": "stop"},
        ),
        "One two",
    ),
    "mlflow/mlflow#23139": (
        "openrouter",
        chat({"delta": {"content": "Hi"}}, {"delta": {}, "finish_reason": "stop"}),
        "Hi",
    ),
    "cline/cline#1786": (
        "openrouter",
        sse([{"choices": [{"delta": {"content": "Hi"}}]}, {"choices": None, "usage": None}], done=True),
        "Hi",
    ),
    "perplexityai/api-discussion#209": (
        "openrouter",
        chat(
            {"delta": {"content": "One "}, "message": {"content": "One "}},
            {"delta": {"content": "two"}, "message": {"content": "One two"}},
            {"delta": {}, "message": {"content": "One two"}, "finish_reason": "stop"},
        ),
        "One two",
    ),
    "BerriAI/litellm#28116, NousResearch/hermes-agent#60700": (
        "anthropic",
        sse(
            [
                {"type": "message_start", "message": {"id": "a", "content": [], "usage": None}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None},
                {"type": "message_stop"},
            ]
        ),
        "Hi",
    ),
    "ollama/ollama-python#393": (
        "ollama",
        "\n\n" + ndjson([{"message": {"content": "Hi"}, "done": True}]) + "\n",
        "Hi",
    ),
    "TokenNotIncluded/api.lmm.best#251": (
        "ollama",
        ndjson([{"message": {"content": "H"}}, {"message": {"content": "i"}, "done": True, "done_reason": "stop"}]),
        "Hi",
    ),
}


@pytest.mark.parametrize("source", GOOD)
def test_an_odd_stream_is_read(source: str, server: LoopbackServer) -> None:
    name, body, text = GOOD[source]
    server.answer(body, piece=11)
    for shape in ("complete_stream", "complete_stream_async"):
        assert ask(provider(name, server.url, max_retries=0), shape).content == text


INCOMPLETE = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
BAD: dict[str, tuple[str, int, str, type[llmlab.LLMError], str, bool]] = {
    "earendil-works/pi#2537": ("openrouter", 200, "", llmlab.LLMStreamError, "before its first event", True),
    "apache/rocketmq-dashboard#2178": (
        "openrouter",
        200,
        sse([{"error": {"message": "the quota is used up"}}], done=True),
        llmlab.LLMStreamError,
        "the quota is used up",
        True,
    ),
    "farzaa/clicky#132": (
        "anthropic",
        200,
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
        llmlab.LLMStreamError,
        "busy",
        True,
    ),
    "editor-code-assistant/eca#559": (
        "openai",
        200,
        'event: error\ndata: {"type":"error","code":"server_is_overloaded","message":"busy"}\n\n',
        llmlab.LLMStreamError,
        "busy",
        True,
    ),
    "openclaw/openclaw#108989": (
        "openai",
        200,
        sse([{"type": "response.output_item.done", "item": {"type": "function_call", "call_id": "c", "name": "f"}}]),
        llmlab.LLMStreamError,
        "ended early",
        True,
    ),
    "vercel/ai#19165, earendil-works/pi#7441": (
        "openrouter",
        200,
        sse([{"choices": [{"delta": {"content": ""}}]}, {"choices": [], "usage": {"prompt_tokens": 1}}]),
        llmlab.LLMStreamError,
        "ended early",
        True,
    ),
    "langchain-ai/langchain#34746": (
        "ollama",
        200,
        ndjson([{"error": "error parsing tool call: raw='{'"}]),
        llmlab.LLMStreamError,
        "error parsing tool call",
        True,
    ),
    "google-gemini/gemini-cli#14831, googleapis/python-genai#1875": (
        "openrouter",
        429,
        json.dumps([{"error": {"code": 429, "message": "exhausted", "details": [{"retryDelay": "53s"}]}}]),
        llmlab.LLMRateLimitError,
        "Wait 53 s",
        True,
    ),
    "diegosouzapw/OmniRoute#8163": (
        "openrouter",
        429,
        json.dumps({"error": {"code": 429, "message": "Resource has been exhausted. (reset after 24h)"}}),
        llmlab.LLMRateLimitError,
        "Wait 86400 s",
        True,
    ),
    "tsundereraws/aisub-translator#2": (
        "openrouter",
        404,
        "<html>\n<head><title>404 Not Found</title></head>\n<body><hr>nginx</body></html>",
        llmlab.LLMInvalidRequestError,
        "a page with the title 404 Not Found",
        False,
    ),
    "EleutherAI/lm-evaluation-harness#2863": (
        "openrouter",
        200,
        "<!doctype html><title>Welcome</title>",
        llmlab.LLMStreamError,
        "not JSON",
        True,
    ),
}


@pytest.mark.parametrize("source", BAD)
def test_a_failure_is_an_error_of_its_kind(source: str, server: LoopbackServer) -> None:
    name, status, body, kind, words, passes = BAD[source]
    server.answer(body, status)
    for shape in ("complete_stream", "complete_stream_async"):
        with pytest.raises(kind, match=words.replace("(", r"\(")) as caught:
            ask(provider(name, server.url, max_retries=0), shape)
        assert type(caught.value) is kind
        assert is_passing(caught.value) is passes


def test_an_answer_that_names_no_model_has_that_of_the_request(server: LoopbackServer) -> None:
    """openvinotoolkit/model_server#3553 and others leave fields out; a ledger needs the model."""
    for shape, body in (
        ("complete_stream", sse([{"id": None, "model": None, "choices": [{"delta": {"content": "Hi"}}]}], done=True)),
        ("complete", {"id": None, "model": None, "choices": [{"message": {"content": "Hi"}}]}),
    ):
        server.answers.clear()
        server.answer(body)
        answer = ask(provider("openrouter", server.url, model="m-7"), shape)
        assert (answer.content, answer.model, answer.id) == ("Hi", "m-7", "")


def test_a_count_that_is_no_count_is_an_error(server: LoopbackServer) -> None:
    """0 tokens would pass for a count."""
    server.answer({"status": "ok"})
    with provider("anthropic", server.url) as made, pytest.raises(llmlab.LLMAPIError, match="with no answer"):
        made.count_tokens("Hi")


def test_an_answer_that_was_cut_by_its_limit_is_one(server: LoopbackServer) -> None:
    """openclaw/openclaw#108989: `response.incomplete` is an end, too."""
    server.answer(sse([{"type": "response.incomplete", "response": INCOMPLETE}]))
    assert ask(provider("openai", server.url), "complete_stream").finish_reason == "length"


@pytest.mark.parametrize(("scheme", "requests"), [("http", 1), ("https", 2)])
def test_a_redirect_from_https_to_http_is_not_followed(
    scheme: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """letta-ai/letta#3189: a server behind a proxy names its address without TLS; the key would be sent in the open."""
    sent: list[str] = []

    def handle(transport: object, request: httpx2.Request) -> httpx2.Response:
        sent.append(str(request.url))
        return httpx2.Response(307, headers={"location": f"{scheme}://host.example/v1/responses/"}, content=b"")

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    with pytest.raises(llmlab.LLMAPIError, match="the address has moved to"):
        ask(provider("openai", "https://host.example/v1"), "complete")
    assert len(sent) == requests
