"""The loop. If one fails, a model is left without its results, or a run does not end, or its trace is lost."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from llmlab import Chunk, ToolCall, run_tools, run_tools_async, run_tools_stream, run_tools_stream_async, tool
from llmlab.completion import Usage
from llmlab.errors import LLMAPIError, LLMInvalidRequestError, LLMStreamError, ToolError
from llmlab.messages import Message, Role
from llmlab.tools import ToolRun, ToolStep
from tests.core.bodies import CHAT, TEXT, sse
from tests.core.trying import NAMES, provider
from tests.loopback import LoopbackServer
from tests.tools.running import SHAPES, add, calls, run, scripted, told, weather

shapes = pytest.mark.parametrize("shape", SHAPES)


@shapes
@pytest.mark.parametrize("name", NAMES)
def test_every_provider_calculates_with_a_tool(name: str, shape: str, lab: None) -> None:
    done, events = run(provider(name, None), shape, "What is 2 + 3?", [add])  # type: ignore[arg-type]
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
    done, _ = run(provider(name, None), shape, prompt, [weather, add])  # type: ignore[arg-type]
    assert [step.arguments["city"] for step in done.steps] == ["Paris", "London"]
    assert "Paris" in done.content
    assert "London" in done.content
    ids = [call.id for message in done.messages for call in message.tool_calls]
    assert [message.tool_call_id for message in done.messages if message.role is Role.TOOL] == ids
    assert done.rounds == 1


def test_a_run_goes_on_as_a_conversation(lab: None) -> None:
    first, _ = run(provider("openai", None), "run_tools", "What is 2 + 3?", [add])  # type: ignore[arg-type]
    more = [*first.messages, {"role": "user", "content": "What is 4 + 4?"}]
    second, _ = run(provider("anthropic", None), "run_tools", more, [add])  # type: ignore[arg-type]
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


@pytest.mark.parametrize("shape", ["run_tools_async", "run_tools_stream_async"])
def test_parallel_calls_run_at_the_same_time(shape: str, lab: None) -> None:
    """One after the other, the first would wait for the second for ever."""
    both = asyncio.Barrier(2)

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        await both.wait()
        return "sunny"

    made = provider("openai", None)  # type: ignore[arg-type]
    done, _ = run(made, shape, "What is the weather in Paris and London?", [weather])
    assert [step.result for step in done.steps] == ["sunny", "sunny"]


@pytest.mark.parametrize("shape", ["run_tools_async", "run_tools_stream_async"])
def test_a_sync_tool_does_not_hold_up_the_loop(shape: str, lab: None) -> None:
    threads: list[bool] = []

    @tool
    def weather(city: str) -> str:
        """Get the current weather in a city."""
        threads.append(threading.current_thread() is threading.main_thread())
        return "sunny"

    run(provider("openai", None), shape, "What is the weather in Paris?", [weather])  # type: ignore[arg-type]
    assert threads == [False]


def test_results_keep_the_order_of_the_calls_whoever_is_first(lab: None) -> None:
    """Some services tie results to calls by their order."""
    london = asyncio.Event()

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        if city == "Paris":
            await london.wait()
        london.set()
        return city

    made = provider("ollama", None)  # type: ignore[arg-type]
    done, events = run(made, "run_tools_stream_async", "What is the weather in Paris and London?", [weather])
    assert [event.result for event in events if isinstance(event, ToolStep)] == ["London", "Paris"]
    assert [step.result for step in done.steps] == ["Paris", "London"]
    assert [message.content for message in done.messages if message.role is Role.TOOL] == ["Paris", "London"]


def test_who_leaves_a_stream_keeps_what_there_was(lab: None) -> None:
    stream = run_tools_stream(provider("openai", None), "What is 2 + 3?", [add])  # type: ignore[arg-type]
    with pytest.raises(LLMStreamError, match="still going on"):
        _ = stream.result
    assert isinstance(next(stream), ToolStep)
    assert isinstance(next(stream), Chunk)
    for _ in stream:
        break
    assert len(stream.result.steps) == 1
    assert stream.result.messages[-1].role is Role.TOOL
    with pytest.raises(StopIteration):
        next(stream)


def test_who_leaves_an_async_stream_leaves_no_tool_running(lab: None) -> None:
    stopped: list[str] = []

    @tool
    async def weather(city: str) -> str:
        """Get the current weather in a city."""
        if city == "London":
            return "rain"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(city)
            raise
        return ""

    async def left() -> ToolRun:
        made = provider("openai", None)  # type: ignore[arg-type]
        async with made:
            stream = await run_tools_stream_async(made, "What is the weather in Paris and London?", [weather])
            assert isinstance(await anext(stream), ToolStep)
            await stream.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
        return stream.result

    so_far = asyncio.run(left())
    assert stopped == ["Paris"]
    assert [step.result for step in so_far.steps] == ["rain"]
    assert len(so_far.messages) == 1


def test_a_run_that_is_cancelled_cancels_its_tools(lab: None) -> None:
    stopped: list[str] = []

    async def cancelled() -> None:
        begun = asyncio.Event()

        @tool
        async def weather(city: str) -> str:
            """Get the current weather in a city."""
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stopped.append(city)
                raise
            return ""

        async with provider("openai", None) as made:  # type: ignore[arg-type]
            task = asyncio.create_task(run_tools_async(made, "What is the weather in Paris?", [weather]))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert stopped == ["Paris"]


def test_usage_is_that_of_all_answers(server: LoopbackServer) -> None:
    done, _ = run(scripted(server, calls(("add", '{"a": 1, "b": 2}')), CHAT), "run_tools", "Hi", [add])
    assert done.usage == Usage(15, 7, 22)
    assert done.messages[0] == Message(Role.USER, "Hi")
    assert done.steps[0].call == ToolCall("call_0", "add", {"a": 1, "b": 2})
