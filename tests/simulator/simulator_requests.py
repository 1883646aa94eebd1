"""Helpers of the simulator's tests: send it requests, also through an SDK, and read its answers."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

from llmlab.lab.simulator import Simulator, simulate
from llmlab.lab.tape.request_parser import to_tape_request
from llmlab.lab.wire.bodies import render_body, render_event
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

HEADERS = {
    "openai": {"authorization": "Bearer sk-for-tests"},
    "anthropic": {"x-api-key": "sk-for-tests", "anthropic-version": "2023-06-01"},
    "openrouter": {"authorization": "Bearer sk-for-tests"},
    "ollama": {},
    "local_gpt_oss": {},
}
CHAT = {
    # alias: path of a chat, model that lessons use
    "openai": ("/v1/chat/completions", "gpt-6-luna"),
    "openrouter": ("/api/v1/chat/completions", "openrouter/free"),
    "ollama": ("/v1/chat/completions", "gpt-oss:20b"),
    "local_gpt_oss": ("/v1/chat/completions", "gpt-oss:120b"),
}
WEATHER = {
    "name": "get_current_weather",
    "description": "Get the current weather in a given location",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city and state, e.g. Boston, MA"}},
        "required": ["location"],
        "additionalProperties": False,
    },
}


def ask(
    alias: str, path: str, body: Any = None, *, method: str = "POST", headers: dict[str, str] | None = None
) -> TapeAnswer:
    """Send a request to the simulator, with a good key unless other headers are given."""
    return simulate(TapeRequest(method, alias, path, HEADERS[alias] if headers is None else headers, body))


def user(text: str) -> list[dict[str, Any]]:
    """One user message."""
    return [{"role": "user", "content": text}]


def chat(alias: str, text: str | list[dict[str, Any]], **more: Any) -> TapeAnswer:
    """Ask for a chat completion."""
    path, model = CHAT[alias]
    messages = user(text) if isinstance(text, str) else text
    return ask(alias, path, {"model": model, "messages": messages, **more})


def responses(given: Any, **more: Any) -> TapeAnswer:
    """Ask OpenAI's Responses API."""
    return ask("openai", "/v1/responses", {"model": "gpt-6-luna", "input": given, **more})


def messages(text: str | list[dict[str, Any]], **more: Any) -> TapeAnswer:
    """Ask Anthropic's Messages API."""
    turns = user(text) if isinstance(text, str) else text
    body = {"model": "claude-haiku-5-5", "max_tokens": 300, "messages": turns}
    return ask("anthropic", "/v1/messages", body | more)


def ollama(path: str, **body: Any) -> TapeAnswer:
    """Ask Ollama's own API."""
    return ask("ollama", path, {"model": "gpt-oss:20b", **body})


def events(answer: TapeAnswer) -> list[dict[str, Any]]:
    """The JSON events of a stream."""
    assert answer.events is not None
    return [event for _, event in answer.events if isinstance(event, dict)]


def text_of(answer: TapeAnswer) -> str:
    """The text of an answer in whatever form."""
    body = answer.body
    if "choices" in body:
        choice = body["choices"][0]
        return str(choice["message"]["content"] if "message" in choice else choice["text"])
    if "output" in body:
        parts = (part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"])
        return "".join(parts)
    if isinstance(body.get("content"), list):
        return "".join(block.get("text", "") for block in body["content"])
    return str(body["message"]["content"] if "message" in body else body.get("response", body.get("content")))


def transport(library: ModuleType, alias: str, simulator: Simulator | None = None) -> Any:
    """Give a transport of httpx or httpx2 that asks the simulator; without one of its own, the shared one."""
    answer_to = simulator.answer if simulator else simulate

    def handle(request: Any) -> Any:
        asked = to_tape_request(request.method, request.url, request.headers, request.read())
        answer = answer_to(replace(asked, alias=alias))
        if answer.events is None:
            content = render_body(answer)
        else:
            content = b"".join(render_event(event, answer.framing) for _, event in answer.events)
        return library.Response(answer.status, headers=answer.headers, content=content)

    return library.MockTransport(handle)
