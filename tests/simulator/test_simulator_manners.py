"""How it behaves in a conversation: memory, context, seed, verbosity, effort, and what it refuses to read."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from simulator_asking import HEADERS, WEATHER, ask, chat, events, messages, ollama, responses, said, user

from llmlab.lab.simulator import Simulator
from llmlab.lab.simulator.question import Call, Question, Tool, Turn
from llmlab.lab.simulator.reply import think
from llmlab.lab.wire.messages import TapeRequest

CONTEXT = "Context:\nThe lighthouse was built in 1871. Its keeper was Maud Ellery.\n\nQuestion: {}"


def test_the_last_tool_result_is_remembered() -> None:
    """Else the turn after a tool call forgets what the tool said."""
    tools = (Tool("get_weather", "Get the weather", {"properties": {"city": {"type": "string"}}}),)
    before = (
        Turn("user", "Weather in Oslo?"),
        Turn("assistant", "", (Call("c1", "get_weather", {"city": "Oslo"}),)),
        Turn("tool", '{"temperature": 4, "sky": "grey"}', call_id="c1"),
        Turn("assistant", "get_weather(Oslo) says: temperature 4, sky grey."),
    )

    def later(text: str) -> str:
        return think(Question((*before, Turn("user", text)), tools)).text

    assert later("What did the tool say?") == "get_weather(Oslo) says: temperature 4, sky grey."
    assert later("And what was the temperature?") == "get_weather(Oslo) says: temperature 4."
    assert later("What is 2 + 2?") == "2 + 2 = 4"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who was the keeper of the lighthouse?", "Its keeper was Maud Ellery."),
        ("When was the lighthouse built?", "The lighthouse was built in 1871."),
        ("What is 2 + 2?", "2 + 2 = 4"),
    ],
)
def test_it_answers_from_the_context_it_is_given(question: str, answer: str) -> None:
    """Else retrieval by hand finds the passage, and the answer ignores it."""
    assert said(responses(CONTEXT.format(question))) == answer
    system = CONTEXT.format("").removesuffix("\n\nQuestion: ")
    assert said(messages(question, system=system)) == answer


def test_a_seed_fixes_the_answer() -> None:
    """Else `seed` does nothing: the same one must repeat an answer, another one may change it."""
    body = {"temperature": 1.0, "max_tokens": 100}
    same = {said(chat("local_gpt_oss", "Tell me a joke", seed=7, top_p=p, **body)) for p in (0.5, 0.7, 0.9)}
    assert len(same) == 1
    assert len({said(chat("local_gpt_oss", "Tell me a joke", seed=seed, **body)) for seed in range(9)}) == 3
    cold = {said(chat("local_gpt_oss", "Tell me a joke", seed=seed, temperature=0)) for seed in range(9)}
    assert len(cold) == 1
    options = [{"seed": seed, "temperature": 0.8} for seed in range(9)]
    jokes = {said(ollama("/api/generate", prompt="Tell me a joke", options=one, stream=False)) for one in options}
    assert len(jokes) == 3


def test_verbosity_changes_the_length() -> None:
    """Else `verbosity` does nothing."""
    sizes = [len(said(responses("Explain a rainbow.", text={"verbosity": how}))) for how in ("low", "medium", "high")]
    assert sizes[0] < sizes[1] < sizes[2]
    assert said(chat("openai", "Explain a rainbow.", verbosity="low")).count(".") == 1
    assert responses("Hi", text={"verbosity": "loud"}).body["error"]["param"] == "text.verbosity"


def test_effort_and_summary_are_checked() -> None:
    """Else a reasoning setting that the model does not have works offline."""
    assert responses("Hi", model="gpt-4o", reasoning={"effort": "low"}).body["error"]["param"] == "reasoning.effort"
    assert responses("Hi", reasoning={"summary": "long"}).body["error"]["param"] == "reasoning.summary"
    assert responses("Hi", model="gpt-6-sol", temperature=0.2).body["error"]["param"] == "temperature"
    assert responses("Hi", model="gpt-6-sol", temperature=0.2, reasoning={"effort": "none"}).status == 200


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "`max_tokens` must be greater"),
        ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"thinking": {"type": "adaptive"}, "tool_choice": {"type": "any"}}, "tool_choice forces tool use"),
        ({"thinking": {"type": "deep"}}, "does not match any of the expected tags"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "huge"}}, "output_config.effort"),
    ],
)
def test_anthropic_thinking_has_conditions(change: dict[str, Any], part: str) -> None:
    """Else the conditions of thinking are learned live, one error after the other."""
    answer = messages("Hi", **change)
    assert answer.status == 400
    assert part in answer.body["error"]["message"]


def test_anthropic_effort_changes_the_thinking() -> None:
    """Else `effort` does nothing."""
    sizes, counts = [], []
    for effort in ("low", "medium", "high"):
        thinking = {"type": "adaptive", "display": "summarized"}
        body = messages("Why is the sky blue?", thinking=thinking, output_config={"effort": effort}).body
        sizes.append(len(body["content"][0]["thinking"]))
        counts.append(body["usage"]["output_tokens_details"]["thinking_tokens"])
    assert sizes[0] < sizes[1] < sizes[2]
    assert 0 < counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        ("claude-haiku-5-5", {"type": "adaptive"}, False),
        ("claude-haiku-5-5", {"type": "adaptive", "display": "summarized"}, True),
        ("claude-haiku-5-5", {"type": "adaptive", "display": "omitted"}, False),
        ("claude-sonnet-4-6", {"type": "adaptive"}, True),
        ("claude-haiku-4-5", {"type": "enabled", "budget_tokens": 1024}, True),
        ("claude-haiku-4-5", {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}, False),
    ],
)
def test_anthropic_shows_thoughts_as_the_model_does(model: str, thinking: dict[str, Any], shown: bool) -> None:
    """Else a program that never sees a thought live is shown some offline."""
    asked = {"model": model, "thinking": thinking, "max_tokens": 4096}
    block = messages("Why is the sky blue?", **asked).body["content"][0]
    assert (block["type"], bool(block["thinking"]), bool(block["signature"])) == ("thinking", shown, True)
    deltas = [event["delta"] for event in events(messages("Why?", **asked, stream=True)) if "delta" in event]
    assert any(delta.get("type") == "thinking_delta" for delta in deltas) is shown
    assert any(delta.get("type") == "signature_delta" for delta in deltas)


@pytest.mark.parametrize(
    ("model", "thinking", "part"),
    [
        ("claude-haiku-5-5", {"type": "enabled", "budget_tokens": 1024}, '"thinking.type.enabled" is not supported'),
        ("claude-haiku-4-5", {"type": "adaptive"}, "adaptive thinking is not supported"),
    ],
)
def test_anthropic_models_think_in_their_own_way(model: str, thinking: dict[str, Any], part: str) -> None:
    """Else a budget works offline, and live the model refuses it."""
    answer = messages("Hi", model=model, thinking=thinking, max_tokens=4096)
    assert (answer.status, part in answer.body["error"]["message"]) == (400, True)


def test_openrouter_takes_a_budget_for_thoughts() -> None:
    """Else `reasoning: {max_tokens: …}` is not heard."""
    assert chat("openrouter", "Why is the sky blue?", reasoning={"max_tokens": 500}).body["choices"][0]["message"][
        "reasoning"
    ]
    assert not chat("openrouter", "Why is the sky blue?").body["choices"][0]["message"]["reasoning"]


def test_ollama_refuses_thoughts_of_a_model_that_has_none() -> None:
    """Else `think` works offline for every model."""
    ask("ollama", "/api/pull", {"model": "gemma3:4b", "stream": False})
    asked = {"model": "gemma3:4b", "messages": user("Hi"), "stream": False}
    assert "does not support thinking" in ollama("/api/chat", **asked, think=True).body["error"]
    assert ollama("/api/chat", **asked, think=False).status == 200
    assert ask("ollama", "/api/show", {"model": "gemma3:4b"}).body["capabilities"] == ["completion", "vision"]


LONG = "word " * 140_000


@pytest.mark.parametrize(
    ("alias", "path", "body", "part"),
    [
        ("openai", "/v1/chat/completions", {"model": "gpt-4o", "messages": user(LONG)}, "maximum context length is"),
        ("openai", "/v1/responses", {"model": "gpt-4o", "input": LONG}, "exceeds the context window"),
        ("openai", "/v1/embeddings", {"model": "text-embedding-3-small", "input": LONG}, "maximum context length is"),
        (
            "anthropic",
            "/v1/messages",
            {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": user(LONG * 2)},
            "prompt is too long: ",
        ),
        (
            "openrouter",
            "/api/v1/chat/completions",
            {"model": "openai/gpt-oss-20b:free", "messages": user(LONG)},
            "maximum context length is",
        ),
        (
            "local_gpt_oss",
            "/v1/chat/completions",
            {"model": "gpt-oss:120b", "messages": user(LONG)},
            "exceeds the available context size",
        ),
    ],
)
def test_a_request_can_be_too_long(alias: str, path: str, body: Any, part: str) -> None:
    """Else the one limit that every program meets cannot be practised."""
    answer = ask(alias, path, body)
    assert answer.status == 400
    assert part in answer.body["error"]["message"]


def test_openrouter_counts_what_is_spent_and_limits_the_free_models() -> None:
    """Else `/key` says nothing, and the limit that every free user meets cannot be practised."""
    simulator = Simulator(free_requests=2)
    headers = HEADERS["openrouter"]

    def post(model: str, text: str = "Hi") -> Any:
        body = {"model": model, "messages": user(text)}
        return simulator.answer(TapeRequest("POST", "openrouter", "/api/v1/chat/completions", headers, body))

    def key() -> Any:
        return simulator.answer(TapeRequest("GET", "openrouter", "/api/v1/key", headers)).body["data"]

    assert (key()["usage"], key()["is_free_tier"]) == (0, True)
    cost = post("openai/gpt-6-luna").body["usage"]["cost"]
    assert key()["usage"] == cost > 0
    assert [post("openrouter/free", text).status for text in "abc"] == [200, 200, 429]
    refused = post("qwen/qwen3-coder:free")
    assert refused.body["error"]["message"].startswith("Rate limit exceeded: free-models-per-day")
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert post("openai/gpt-6-luna").status == 200
    assert simulator.answer(TapeRequest("GET", "openrouter", "/api/v1/key", {})).status == 401


def test_ollama_pulls_and_deletes_models() -> None:
    """Else a lesson on local models cannot show how one gets there."""
    simulator = Simulator()

    def call(method: str, path: str, **body: Any) -> Any:
        return simulator.answer(TapeRequest(method, "ollama", path, {}, body or None))

    def names(path: str = "/api/tags") -> list[str]:
        return [model["name"] for model in call("GET", path).body["models"]]

    assert call("POST", "/api/chat", model="gemma3:1b", messages=user("Hi")).status == 404
    pulled = call("POST", "/api/pull", model="gemma3:1b")
    steps = [event for _, event in pulled.events]
    assert (steps[0], steps[-1]) == ({"status": "pulling manifest"}, {"status": "success"})
    parts = [step for step in steps if step["status"] == steps[1]["status"]]
    assert [step["completed"] for step in parts] == sorted(step["completed"] for step in parts)
    assert parts[-1]["completed"] == parts[-1]["total"] > parts[0]["completed"]
    assert "gemma3:1b" in names()
    assert call("POST", "/api/chat", model="gemma3:1b", messages=user("Hi"), stream=False).status == 200
    assert names("/api/ps") == ["gpt-oss:20b", "gemma3:1b"]
    call("POST", "/api/generate", model="gpt-oss:20b", keep_alive=0)
    assert names("/api/ps") == ["gemma3:1b"]
    assert call("DELETE", "/api/delete", model="gemma3:1b").body is None
    assert "gemma3:1b" not in [*names(), *names("/api/ps")]
    assert call("DELETE", "/api/delete", model="gemma3:1b").body == {"error": "model 'gemma3:1b' not found"}
    assert call("POST", "/api/pull", model="gemma3:1b", stream=False).body == {"status": "success"}


def test_ollama_cannot_pull_what_does_not_exist() -> None:
    """Else a mistyped name is pulled, and the error inside a stream that began with 200 is never met."""
    streamed = ollama("/api/pull", model="gpt-9")
    assert streamed.status == 200
    assert streamed.events is not None
    assert streamed.events[-1][1] == {"error": "pull model manifest: file does not exist"}
    assert ollama("/api/pull", model="gpt-9", stream=False).status == 500
    assert ollama("/api/pull", model="").body == {"error": "model is required"}


def test_threads_may_share_a_simulator() -> None:
    """Else two threads that upload at once lose a file, or share an id."""
    simulator, ids = Simulator(), []
    form = [{"name": "purpose", "value": "batch"}, {"name": "file", "filename": "a", "value": "x"}]
    request = TapeRequest("POST", "openai", "/v1/files", HEADERS["openai"], {"multipart": form})
    threads = [
        threading.Thread(target=lambda: ids.extend(simulator.answer(request).body["id"] for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 160
    listing = TapeRequest("GET", "openai", "/v1/files?limit=1000", HEADERS["openai"])
    assert len(json.loads(json.dumps(simulator.answer(listing).body))["data"]) == 160


def test_tools_of_the_prompt_are_called_in_parallel_or_not() -> None:
    """Else `parallel_tool_calls` does nothing."""
    tool = {"type": "function", **WEATHER}
    for parallel, many in ((True, 2), (False, 1)):
        body = responses("Weather in Oslo and Rome?", tools=[tool], parallel_tool_calls=parallel).body
        assert len([item for item in body["output"] if item["type"] == "function_call"]) == many
