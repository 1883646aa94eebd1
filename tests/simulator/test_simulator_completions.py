"""The legacy Completions API at the four services that have it."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import Completion
from simulator_asking import HEADERS, ask, events

from llmlab.lab.simulator import simulate
from llmlab.lab.wire.messages import TapeAnswer, TapeRequest

MODELS = {
    "openai": "gpt-3.5-turbo-instruct",
    "openrouter": "openrouter/free",
    "ollama": "gpt-oss:20b",
    "local_gpt_oss": "gpt-oss:120b",
}


def complete(alias: str, prompt: Any, **more: Any) -> TapeAnswer:
    path = "/api/v1/completions" if alias == "openrouter" else "/v1/completions"
    body = {"model": MODELS[alias], "prompt": prompt, **more}
    return simulate(TapeRequest("POST", alias, path, HEADERS[alias], body))


@pytest.mark.parametrize("alias", MODELS)
def test_a_completion_is_one_of_the_sdk(alias: str) -> None:
    """Else `client.completions.create` gives the learner half an object."""
    answer = complete(alias, "What is 17 * 23?")
    parsed = Completion.model_validate({"logprobs": None} | answer.body)
    assert (parsed.choices[0].text, parsed.choices[0].finish_reason) == ("17 * 23 = 391", "stop")
    assert parsed.usage
    assert parsed.usage.total_tokens == parsed.usage.prompt_tokens + parsed.usage.completion_tokens
    assert parsed.system_fingerprint == "fp_llmlab_simulator"


@pytest.mark.parametrize("alias", MODELS)
def test_a_stream_says_the_same_as_the_plain_answer(alias: str) -> None:
    """Else streaming changes what a learner reads, or loses the usage."""
    plain = complete(alias, "Why is the sky blue?", max_tokens=30).body
    got = complete(alias, "Why is the sky blue?", max_tokens=30, stream=True, stream_options={"include_usage": True})
    assert got.events
    assert got.events[-1][1] == "data: [DONE]"
    chunks = events(got)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1]) == plain["choices"][0]["text"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-3:-1]] == [None, "length"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], plain["usage"])


def test_the_settings_of_the_old_api_are_followed() -> None:
    """Else its own parameters do nothing."""
    assert complete("openai", "Explain a rainbow to a child.").body["usage"]["completion_tokens"] == 16
    assert complete("openai", "Say hello", echo=True).body["choices"][0]["text"] == "Say helloHello"
    assert complete("openai", "Count to 10", stop="4").body["choices"][0]["text"] == "1, 2, 3, "
    several = complete("openai", ["Say a", "What is 1 + 1?"], n=2).body["choices"]
    assert [(one["index"], one["text"]) for one in several][2:] == [(2, "1 + 1 = 2"), (3, "1 + 1 = 2")]
    assert complete("openai", [[1, 2], [3]]).body["choices"][1]["index"] == 1


def test_chat_models_and_completion_models_are_kept_apart() -> None:
    """Else the error that everybody meets who mixes them up cannot be seen offline."""
    chat = complete("openai", "Hi", model="gpt-6-luna")
    assert (chat.status, "chat model" in chat.body["error"]["message"]) == (404, True)
    messages = [{"role": "user", "content": "Hi"}]
    other = ask("openai", "/v1/chat/completions", {"model": "gpt-3.5-turbo-instruct", "messages": messages})
    assert (other.status, "not a chat model" in other.body["error"]["message"]) == (404, True)
    assert complete("ollama", "Hi", model="embeddinggemma").status == 400
    assert complete("local_gpt_oss", None).body["error"]["message"] == "'prompt' is required"
    assert complete("openai", "Hi", model=None).status == 400
