"""Ollama's own API: its lesson breaks when one of these does."""

from __future__ import annotations

from typing import Any

import ollama as sdk
from simulator_requests import WEATHER, ask, events, ollama, text_of, user

from llmlab.lab.simulator import Simulator
from llmlab.lab.wire.messages import TapeRequest

TOOL = {"type": "function", "function": WEATHER}
HELLO = {"messages": user("Say hello"), "stream": False}


def test_durations_add_up() -> None:
    """Else tokens per second, worked out of the answer, are nonsense."""
    end = ollama("/api/chat", messages=user("Why is the sky blue?"), stream=False).body
    parts = end["load_duration"] + end["prompt_eval_duration"] + end["eval_duration"]
    assert parts < end["total_duration"] < parts + 20_000_000
    assert 20 < end["eval_count"] / end["eval_duration"] * 1e9 < 100


def test_tool_calls_have_no_ids() -> None:
    """Else a wrapper that cannot do without ids passes its tests here and fails with the real thing."""
    text = "What's the weather in Oslo and Rome?"
    calls = ollama("/api/chat", messages=user(text), tools=[TOOL], stream=False).body["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"location": "Oslo"}, {"location": "Rome"}]
    assert all(call.keys() == {"function"} for call in calls)
    results = [{"role": "tool", "content": sky, "tool_name": "get_current_weather"} for sky in ("sunny", "rain")]
    turns = [*user(text), {"role": "assistant", "content": "", "tool_calls": calls}, *results]
    answer = text_of(ollama("/api/chat", messages=turns, tools=[TOOL], stream=False))
    assert answer == "- get_current_weather(Oslo) says: sunny.\n- get_current_weather(Rome) says: rain."
    streamed = events(ollama("/api/chat", messages=user(text), tools=[TOOL]))
    assert sum("tool_calls" in event["message"] for event in streamed) == 2


def test_models_are_described() -> None:
    """Else `client.list()`, `show()`, `ps()` and `embed()` fail offline."""
    listed = sdk.ListResponse.model_validate(ask("ollama", "/api/tags", method="GET").body)
    assert "gpt-oss:20b" in [model.model for model in listed.models]
    for model, abilities in [("gpt-oss:20b", ["completion", "tools", "thinking"]), ("embeddinggemma", ["embedding"])]:
        shown = sdk.ShowResponse.model_validate(ollama("/api/show", model=model).body)
        assert shown.capabilities == abilities
    assert sdk.ProcessResponse.model_validate(ask("ollama", "/api/ps", method="GET").body).models[0].size_vram
    assert ask("ollama", "/api/version", method="GET").body["version"]
    vectors = ollama("/api/embed", model="embeddinggemma", input=["a cat", "a dog"])
    assert [len(vector) for vector in sdk.EmbedResponse.model_validate(vectors.body).embeddings] == [768, 768]


def test_models_are_pulled_loaded_and_deleted() -> None:
    """Else a lesson on local models cannot show how one gets there."""
    simulator = Simulator()

    def call(method: str, path: str, **body: Any) -> Any:
        return simulator.answer(TapeRequest(method, "ollama", path, {}, body or None))

    def names(path: str = "/api/tags") -> list[str]:
        return [model["name"] for model in call("GET", path).body["models"]]

    assert call("POST", "/api/chat", model="gemma3:1b", messages=user("Hi")).status == 404
    steps = events(call("POST", "/api/pull", model="gemma3:1b"))
    assert (steps[0], steps[-1]) == ({"status": "pulling manifest"}, {"status": "success"})
    parts = [step for step in steps if step["status"] == steps[1]["status"]]
    assert [step["completed"] for step in parts] == sorted(step["completed"] for step in parts)
    assert parts[-1]["completed"] == parts[-1]["total"] > parts[0]["completed"]
    assert "gemma3:1b" in names()
    thinking = call("POST", "/api/chat", model="gemma3:1b", messages=user("Hi"), think=True)
    assert thinking.body == {"error": '"gemma3:1b" does not support thinking'}
    assert call("POST", "/api/chat", model="gemma3:1b", messages=user("Hi"), stream=False).status == 200
    assert names("/api/ps") == ["gpt-oss:20b", "gemma3:1b"]
    call("POST", "/api/generate", model="gpt-oss:20b", keep_alive=0)
    assert names("/api/ps") == ["gemma3:1b"]
    assert call("DELETE", "/api/delete", model="gemma3:1b").body is None
    assert "gemma3:1b" not in [*names(), *names("/api/ps")]
    assert call("DELETE", "/api/delete", model="gemma3:1b").body == {"error": "model 'gemma3:1b' not found"}
    assert call("POST", "/api/pull", model="gemma3:1b", stream=False).body == {"status": "success"}


def test_a_model_that_does_not_exist_cannot_be_pulled() -> None:
    """Else a mistyped name is pulled, and the error inside a stream that began with 200 is never met."""
    streamed = ollama("/api/pull", model="gpt-9")
    assert streamed.status == 200
    assert events(streamed)[-1] == {"error": "pull model manifest: file does not exist"}
    assert ollama("/api/pull", model="gpt-9", stream=False).status == 500
    assert ollama("/api/pull", model="").body == {"error": "model is required"}
