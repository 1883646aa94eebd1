"""The loop. If one fails, a model is left without its results, or a run does not end, or its trace is lost."""

from __future__ import annotations

import asyncio
import pickle
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from llmlab import (
    Chunk,
    ToolCall,
    get_provider,
    run_tools,
    run_tools_stream,
    run_tools_stream_async,
    tool,
)
from llmlab.errors import LLMAPIError, LLMInvalidRequestError, ToolError
from llmlab.toolkit.tools import ToolRun, ToolStep
from llmlab.types.completion import Usage
from llmlab.types.messages import Message, Role
from tests.core.bodies import CHAT, TEXT, sse
from tests.core.trying import NAMES, provider
from tests.loopback import LoopbackServer
from tests.tools.running import SHAPES, add, calls, run, scripted, told, weather

shapes = pytest.mark.parametrize("shape", SHAPES)


@shapes
@pytest.mark.parametrize("name", NAMES)
def test_every_provider_calculates_with_a_tool(name: str, shape: str, lab: None) -> None:
    done, events = run(get_provider(name), shape, "What is 2 + 3?", [add])
    assert "5" in done.content
    assert [(step.call.name, dict(step.arguments), step.result) for step in done.steps] == [
        ("add", {"a": 2, "b": 3}, "5")
    ]
    assert [message.role for message in done.messages] == ["user", "assistant", "tool", "assistant"]
    if events:
        assert "".join(event.text for event in events if isinstance(event, Chunk)) == done.content
        assert [event for event in events if isinstance(event, ToolStep)] == list(done.steps)


@shapes
@pytest.mark.parametrize("name", NAMES)
def test_every_provider_is_told_all_results_of_parallel_calls(name: str, shape: str, lab: None) -> None:
    prompt = "What is the weather in Paris and London?"
    done, _ = run(get_provider(name), shape, prompt, [weather, add])
    assert [step.arguments["city"] for step in done.steps] == ["Paris", "London"]
    assert "Paris" in done.content
    assert "London" in done.content
    ids = [call.id for message in done.messages for call in message.tool_calls]
    assert [message.tool_call_id for message in done.messages if message.role is Role.TOOL] == ids
    assert done.rounds == 1


def test_a_run_goes_on_as_a_conversation(lab: None) -> None:
    first, _ = run(get_provider("openai"), "run_tools", "What is 2 + 3?", [add])
    more = [*first.messages, {"role": "user", "content": "What is 4 + 4?"}]
    second, _ = run(get_provider("anthropic"), "run_tools", more, [add])
    assert [step.result for step in second.steps] == ["8"]
    assert len(second.messages) == 8


@tool
def broken(kind: str) -> str:
    """Break."""
    if kind == "empty":
        raise ValueError
    if kind == "stop":
        next(iter(()))
    if kind == "opaque":
        return object()  # type: ignore[return-value]
    raise ConnectionError(f"GET https://x.test/?api_key=abc123def failed: {'x' * 5000}")


@tool
async def broken_async(kind: str) -> str:
    """Break, too."""
    if kind == "cancelled":
        task = asyncio.ensure_future(asyncio.sleep(0))
        task.cancel()
        await task
    raise KeyError(kind)


def plain(a: int) -> int:
    """Give it back."""
    return a


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_what_goes_wrong_in_a_tool_goes_back_to_the_model(shape: str, server: LoopbackServer) -> None:
    """Else one failing tool ends the whole conversation; or a traceback or a key reaches the vendor."""
    wanted = calls(
        ("broken", '{"kind": "key"}'),
        ("broken", '{"kind": "empty"}'),
        ("broken", '{"kind": "stop"}'),
        ("broken", '{"kind": "opaque"}'),
        ("broken_async", '{"kind": "x"}'),
        ("broken_async", '{"kind": "cancelled"}'),
        ("add", '{"a": 1, "b": "two"}'),
        ("add", '{"a": 1'),
        ("plain", '{"a": 7}'),
    )
    done, _ = run(scripted(server, wanted, CHAT), shape, "Hi", [broken, broken_async, add, plain])
    key, *rest = told(server)
    assert key.startswith("Error: ConnectionError: GET https://x.test/?api_key=[redacted]")
    assert len(key) < 1100
    assert rest[0] == "Error: ValueError"
    assert rest[1] == "Error: StopIteration"
    assert rest[2].startswith("Error: PydanticSerializationError: Unable to serialize unknown type")
    assert rest[3] == "Error: KeyError: 'x'"
    assert rest[4] == "Error: RuntimeError: the tool waited for something that was cancelled"
    assert rest[5].startswith("Error: the arguments of add are wrong: b: Input should be a valid integer")
    assert rest[6] == "Error: the arguments of add are wrong: they are not a JSON object: '{\"a\": 1'"
    assert rest[7] == "7"
    assert [step.error is None for step in done.steps] == [False] * 8 + [True]
    assert done.steps[6].arguments == {}
    assert done.content == TEXT
    assert not any("Traceback" in text for text in told(server))


def test_a_validator_of_the_tool_may_fail_in_any_way(server: LoopbackServer) -> None:
    def refuse(value: int) -> int:
        raise TypeError("no")

    def picky(a: Any) -> int:
        """Take nothing."""
        return 1

    picky.__annotations__["a"] = Annotated[int, AfterValidator(refuse)]
    run(scripted(server, calls(("picky", '{"a": 1}')), CHAT), "run_tools", "Hi", [picky])
    assert told(server) == ["Error: the arguments of picky are wrong: TypeError: no"]


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_an_unknown_tool_ends_in_an_error_that_holds_the_run(shape: str, server: LoopbackServer) -> None:
    made = scripted(server, calls(("add", '{"a": 1, "b": 2}')), calls(("multiply", "{}"), prefix="next"))
    with pytest.raises(
        ToolError, match=r"the model called 'multiply', and there is no such tool\. It may call add;"
    ) as e:
        run(made, shape, "Hi", [add])
    so_far: ToolRun = e.value.run
    assert [step.result for step in so_far.steps] == ["3"]
    assert so_far.completion
    assert so_far.completion.tool_calls[0].name == "multiply"
    assert so_far.messages[-1].role is Role.TOOL, "no call without its result, so that the conversation can go on"
    assert so_far.usage == Usage(20, 8, 28)
    assert pickle.loads(pickle.dumps(e.value)).run == so_far


def test_without_tools_the_error_says_so(server: LoopbackServer) -> None:
    with pytest.raises(ToolError, match="It has none"):
        run(scripted(server, calls(("add", "{}"))), "run_tools", "Hi", [])


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_model_that_never_stops_calling_is_stopped(shape: str, server: LoopbackServer) -> None:
    """Else a loop between model and tool runs, and costs, all night."""
    made = scripted(server, calls(("add", '{"a": 1, "b": 2}')))
    with pytest.raises(ToolError, match="after 2 rounds of tool calls the model still asks for 'add'") as caught:
        run(made, shape, "Hi", [add], max_rounds=2)
    assert [step.round for step in caught.value.run.steps] == [1, 2]
    assert len(server.seen) == 3


def test_a_call_without_an_id_is_refused(server: LoopbackServer) -> None:
    answer = {"status": "completed", "output": [{"type": "function_call", "name": "add", "arguments": "{}"}]}
    server.answer(answer)
    with pytest.raises(ToolError, match="without an id"):
        run(provider("openai", server.url), "run_tools", "Hi", [add])


@shapes
def test_an_error_of_the_service_holds_the_steps_before_it(shape: str, server: LoopbackServer) -> None:
    """Else a tool that sent a mail has sent it, and nobody knows."""
    first: Any = calls(("add", '{"a": 1, "b": 2}'))
    if "stream" in shape:
        first["choices"][0]["delta"] = first["choices"][0].pop("message")
        first = sse([first], done=True)
    server.answer(first)
    server.answer({"error": {"message": "down"}}, 500)
    with pytest.raises(LLMAPIError) as caught:
        run(provider("local_gpt_oss", server.url, max_retries=0), shape, "Hi", [add])
    assert [step.result for step in caught.value.run.steps] == ["3"]


def test_a_forced_choice_holds_for_the_first_round(server: LoopbackServer) -> None:
    """Forced again, the model could never answer."""
    made = scripted(server, calls(("add", '{"a": 1, "b": 2}')), CHAT)
    run(made, "run_tools", "Hi", [add], tool_choice="required")
    assert [seen.body.get("tool_choice") for seen in server.seen] == ["required", None]


def test_a_choice_that_forces_nothing_stays(server: LoopbackServer) -> None:
    made = scripted(server, calls(("add", '{"a": 1, "b": 2}')), CHAT)
    run(made, "run_tools", "Hi", [add], tool_choice="auto", temperature=0.5)
    assert [seen.body["tool_choice"] for seen in server.seen] == ["auto", "auto"]
    assert [seen.body["temperature"] for seen in server.seen] == [0.5, 0.5]


@pytest.mark.parametrize("start", [run_tools, run_tools_stream, run_tools_stream_async])
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"tools": [add, plain], "max_rounds": 0}, LLMInvalidRequestError),
        ({"tools": [add], "max_rounds": True}, LLMInvalidRequestError),
        ({"tools": [add], "temprature": 1}, LLMInvalidRequestError),
        ({"tools": [add, tool(name="add")(plain)]}, ToolError),
        ({"tools": ["add"]}, ToolError),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    start: Any, options: Any, kind: Any, server: LoopbackServer
) -> None:
    with pytest.raises(kind):
        start(scripted(server, CHAT), "Hi", **options)
    assert server.seen == []


def test_usage_is_that_of_all_answers(server: LoopbackServer) -> None:
    done, _ = run(scripted(server, calls(("add", '{"a": 1, "b": 2}')), CHAT), "run_tools", "Hi", [add])
    assert done.usage == Usage(15, 7, 22)
    assert done.messages[0] == Message(Role.USER, "Hi")
    assert done.steps[0].call == ToolCall("call_0", "add", {"a": 1, "b": 2})
