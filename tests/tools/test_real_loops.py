"""Real tool loops, run again. If one fails, a service is sent another second step than the one that it understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmlab import tool
from llmlab.formats.parsing import text
from llmlab.providers import Provider
from tests.core.test_tool_loops import format_of, found_loops, linkage, read_answer
from tests.core.trying import provider
from tests.loopback import LoopbackServer
from tests.tools.running import SHAPES, run


def asked(path: str, url: str) -> Provider:
    if path.endswith("/responses"):
        return provider("openai", f"{url}/v1")
    if path.endswith("/messages"):
        return provider("anthropic", url)
    return provider("openrouter", f"{url}/api/v1") if path.startswith("/api/v1") else provider("local_gpt_oss", url)


def tools_giving(results: list[tuple[str, str]]) -> list[Any]:
    """The tools of the recorded loops. Each call takes the next of its tool's recorded results."""
    left: dict[str, list[str]] = {}
    for name, result in results:
        left.setdefault(name, []).append(result)

    @tool
    async def dice_roll() -> str:
        """Rolls a single six-sided die and returns the result."""
        return left["dice_roll"].pop(0)

    @tool
    async def weather(latitude: str, longitude: str) -> str:
        """Gets current weather for a location."""
        return left["weather"].pop(0)

    @tool
    async def best_language_to_learn() -> str:
        """Gets the best language to learn."""
        return left["best_language_to_learn"].pop(0)

    @tool
    async def get_current_weather(location: str) -> str:
        """Get the current weather in a given location."""
        return left["get_current_weather"].pop(0)

    @tool
    async def get_date() -> str:
        """Gets the current date."""
        return left["get_date"].pop(0)

    return [dice_roll, weather, best_language_to_learn, get_current_weather, get_date]


def form(body: dict[str, Any]) -> list[str]:
    """Who speaks, turn by turn, and which parts a turn of a user has; reasoning and system prompts aside."""
    found = []
    for turn in body.get("messages") or body["input"]:
        kind = turn.get("type") or turn["role"]
        if kind in ("system", "developer", "reasoning"):
            continue
        blocks = turn.get("content") if isinstance(turn.get("content"), list) else []
        found.append(" ".join([kind, *(block["type"] for block in blocks if block["type"] != "text")]))
    return found


def loops_in_their_shapes() -> list[Any]:
    """Each recorded loop with the call shapes that fit it: whole or streamed, sync and async."""
    return [
        pytest.param(*loop.values, shape, id=f"{loop.id}-{shape}", marks=loop.marks)
        for loop in found_loops()
        for shape in SHAPES
        if not loop.values[0] or loop.values[0]["stream"] == ("stream" in shape)
    ]


@pytest.mark.parametrize(("first", "second", "shape"), loops_in_their_shapes())
def test_the_second_step_is_the_recorded_one(
    first: dict[str, Any], second: dict[str, Any], shape: str, server: LoopbackServer
) -> None:
    answer = read_answer(format_of(first["path"]), first)
    recorded = linkage(second["request"], {call.id for call in answer.tool_calls})
    given = dict(recorded[1])
    server.answer(first["body"])
    server.answer(second["body"])
    tools = tools_giving([(call.name, given[call.id]) for call in answer.tool_calls])
    done, _ = run(asked(first["path"], server.url), shape, "the question", tools)
    sent = server.seen[1].body
    assert linkage(sent, set(given)) == recorded
    assert form(sent) == form(second["request"])[-len(form(sent)) :]
    assert done.content == second["expect"]["text"]
    assert [text(step.message.content) for step in done.steps] == [given[call.id] for call in answer.tool_calls]


def test_ollama_is_told_which_tool_a_result_is_of(server: LoopbackServer) -> None:
    """Its native format has no ids: a result names its tool, and stands in the order of the calls."""
    wanted = [{"function": {"name": "dice_roll", "arguments": {}}}] * 2
    server.answer({"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": wanted}, "done": True})
    server.answer({"model": "m", "message": {"role": "assistant", "content": "1 and 6"}, "done": True})
    tools = tools_giving([("dice_roll", "1"), ("dice_roll", "6")])
    run(provider("ollama", server.url), "run_tools", "Roll twice", tools)
    assert server.seen[1].body["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": wanted},
        {"role": "tool", "content": "1", "tool_name": "dice_roll"},
        {"role": "tool", "content": "6", "tool_name": "dice_roll"},
    ]
    assert json.dumps(server.seen[1].body["tools"]) == json.dumps(server.seen[0].body["tools"])
