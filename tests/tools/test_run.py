"""`run_tools`. If one fails, a model misses its results, a run does not end, or its steps are lost."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from itertools import cycle
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

import llmlab
from llmlab import Chunk, ToolCall, get_provider, tool
from llmlab.errors import LLMAPIError, LLMInvalidRequestError, LLMTimeoutError, ToolError
from llmlab.toolkit.tools import AsyncToolStream, ToolRun, ToolStep, ToolStream
from llmlab.types.completion import Usage
from llmlab.types.messages import Message, Role
from tests.core.bodies import CHAT, RESPONSES, TEXT, sse
from tests.core.trying import NAMES, provider
from tests.exchanges import Exchange, loops
from tests.loopback import LoopbackServer
from tests.tools.running import SHAPES, add, calls, results_sent, run, scripted, weather

ADD = calls(("add", '{"a": 1, "b": 2}'))
shapes = pytest.mark.parametrize("shape", SHAPES)


@pytest.mark.parametrize(("name", "shape"), [*zip(NAMES, cycle(SHAPES)), *zip(NAMES, cycle(SHAPES[2:] + SHAPES[:2]))])
def test_every_provider_gets_all_results_of_parallel_calls(name: str, shape: str, lab: None) -> None:
    done, events = run(get_provider(name), shape, "What is the weather in Paris and London?", [weather, add])
    assert [step.arguments["city"] for step in done.steps] == ["Paris", "London"]
    assert ("Paris" in done.content, "London" in done.content, done.rounds) == (True, True, 1)
    ids = [call.id for message in done.messages for call in message.tool_calls]
    assert [message.tool_call_id for message in done.messages if message.role is Role.TOOL] == ids
    if events:
        assert "".join(event.text for event in events if isinstance(event, Chunk)) == done.content
        steps = [event for event in events if isinstance(event, ToolStep)]
        assert sorted(map(str, steps)) == sorted(map(str, done.steps))


def test_a_run_goes_on_as_a_conversation(lab: None) -> None:
    first, _ = run(get_provider("openai"), "run_tools", "What is 2 + 3?", [add])
    assert [message.role for message in first.messages] == ["user", "assistant", "tool", "assistant"]
    more = [*first.messages, {"role": "user", "content": "What is 4 + 4?"}]
    second, _ = run(get_provider("anthropic"), "run_tools", more, [add])
    assert ([step.result for step in second.steps], len(second.messages)) == (["8"], 8)


def test_all_call_types_and_both_streams_offer_the_same() -> None:
    """Else code that is moved into an async program meets another signature."""
    taken = {str(inspect.signature(getattr(llmlab, shape)).replace(return_annotation=None)) for shape in SHAPES}
    assert len(taken) == 1
    twins = {"__iter__": "__aiter__", "__next__": "__anext__", "__exit__": "__aexit__", "close": "aclose"}
    for name, twin in twins.items():
        assert [*inspect.signature(getattr(ToolStream, name)).parameters] == [
            *inspect.signature(getattr(AsyncToolStream, twin)).parameters
        ]


@tool
def broken(kind: str) -> str:
    """Break."""
    if kind == "empty":
        raise ValueError
    if kind == "stop":
        next(iter(()))
    if kind == "opaque":
        return object()  # type: ignore[return-value]
    if kind == "surrogate":
        return "caf\udce9.txt"
    raise ConnectionError(f"GET https://x.test/?api_key=abc123def failed: {'x' * 5000}")


@tool
async def broken_async(kind: str) -> str:
    """Break, too."""
    if kind == "cancelled":
        task = asyncio.ensure_future(asyncio.sleep(0))
        task.cancel()
        await task
    raise KeyError(kind)


def _refuse(value: int) -> int:
    raise TypeError("no")


def picky(a: Annotated[int, AfterValidator(_refuse)]) -> int:
    """Take nothing."""
    return a


WRONG = {
    ("broken", '{"kind": "key"}'): "ConnectionError: GET https://x.test/?api_key=[redacted]",
    ("broken", '{"kind": "empty"}'): "ValueError",
    ("broken", '{"kind": "stop"}'): "StopIteration",
    ("broken", '{"kind": "opaque"}'): "PydanticSerializationError: Unable to serialize unknown type",
    ("broken", '{"kind": "surrogate"}'): "UnicodeEncodeError: ",
    ("broken_async", '{"kind": "x"}'): "KeyError: 'x'",
    ("broken_async", '{"kind": "cancelled"}'): "RuntimeError: the tool waited for something that was cancelled",
    ("add", '{"a": 1, "b": "two"}'): "the arguments of add are wrong: b: Input should be a valid integer",
    ("add", '{"a": 1'): "the arguments of add are wrong: they are not a JSON object: '{\"a\": 1'",
    ("picky", '{"a": 1}'): "the arguments of picky are wrong: TypeError: no",
}


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_failure_of_a_tool_goes_back_to_the_model(shape: str, server: LoopbackServer) -> None:
    """Else one failing tool ends the whole run; or a traceback or a key reaches the vendor."""
    made = scripted(server, calls(*WRONG, ("add", '{"a": 3, "b": 4}')), CHAT)
    done, _ = run(made, shape, "Hi", [broken, broken_async, add, picky])
    *errors, result = results_sent(server)
    for error, start in zip(errors, WRONG.values(), strict=True):
        assert error.startswith(f"Error: {start}")
        assert len(error) < 1100
        assert "Traceback" not in error
    assert [step.error is None for step in done.steps] == [False] * len(WRONG) + [True]
    assert (done.content, result, done.steps[7].arguments) == (TEXT, "7", {})


@pytest.mark.parametrize("name", ["anthropic", "local_gpt_oss"])
def test_a_failure_is_marked_where_the_format_has_a_mark(name: str, server: LoopbackServer) -> None:
    """A result that only looks like an error is not marked."""

    def alarm() -> str:
        """Look at the clock."""
        return "Error: the clock shows this"

    if name == "anthropic":
        wanted = {"broken": {"kind": "empty"}, "alarm": {}}
        blocks = [{"type": "tool_use", "id": name, "name": name, "input": given} for name, given in wanted.items()]
        server.answer({"content": blocks, "stop_reason": "tool_use"})
        server.answer({"content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"})
    else:
        server.answer(calls(("broken", '{"kind": "empty"}'), ("alarm", "{}")))
        server.answer(CHAT)
    with provider(name, server.url) as made:
        done = llmlab.run_tools(made, "What time is it?", [broken, alarm])
    assert [message.is_error for message in done.messages if message.role is Role.TOOL] == [True, False]
    assert str(server.seen[1].body).count("'is_error': True") == (name == "anthropic")


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_an_unknown_tool_ends_in_an_error_that_holds_the_run(shape: str, server: LoopbackServer) -> None:
    made = scripted(server, ADD, calls(("multiply", "{}"), prefix="next"))
    message = r"the model called 'multiply', and there is no such tool\. It may call add;"
    with pytest.raises(ToolError, match=message) as caught:
        run(made, shape, "Hi", [add])
    so_far: ToolRun = caught.value.run
    assert [step.result for step in so_far.steps] == ["3"]
    assert so_far.completion
    assert so_far.completion.tool_calls[0].name == "multiply"
    assert so_far.messages[-1].role is Role.TOOL, "no call without its result, so the conversation can go on"
    assert so_far.usage == Usage(20, 8, 28)
    assert pickle.loads(pickle.dumps(caught.value)).run == so_far


def test_calls_that_cannot_be_answered_are_refused(server: LoopbackServer) -> None:
    with pytest.raises(ToolError, match="It has none"):
        run(scripted(server, ADD), "run_tools", "Hi", [])


def test_a_call_without_an_id_gets_one_so_that_its_result_can_be_sent(server: LoopbackServer) -> None:
    call = {"type": "function_call", "name": "add", "arguments": '{"a": 1, "b": 2}'}
    server.answer({"status": "completed", "output": [call]})
    server.answer(RESPONSES)
    run(provider("openai", server.url), "run_tools", "Hi", [add])
    sent, result = server.seen[1].body["input"][1:]
    assert sent["call_id"] == result["call_id"] != ""


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_model_that_never_stops_calling_is_stopped(shape: str, server: LoopbackServer) -> None:
    """Else a loop between model and tool runs, and costs, all night."""
    with pytest.raises(ToolError, match="after 2 rounds of tool calls the model still asks for 'add'") as caught:
        run(scripted(server, ADD), shape, "Hi", [add], max_rounds=2)
    assert [step.round for step in caught.value.run.steps] == [1, 2]
    assert len(server.seen) == 3


@shapes
def test_an_error_of_the_service_holds_the_steps_before_it(shape: str, server: LoopbackServer) -> None:
    """Else a tool has sent a mail, and the error hides it."""
    first: Any = calls(("add", '{"a": 1, "b": 2}'))
    if "stream" in shape:
        first["choices"][0]["delta"] = first["choices"][0].pop("message")
        first = sse([first], done=True)
    server.answer(first)
    server.answer({"error": {"message": "down"}}, 500)
    with pytest.raises(LLMAPIError) as caught:
        run(provider("local_gpt_oss", server.url, max_retries=0), shape, "Hi", [add])
    assert [step.result for step in caught.value.run.steps] == ["3"]


@shapes
@pytest.mark.usefixtures("lab")
def test_a_deadline_holds_for_the_whole_run(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else slow tools make a user wait many times as long as the deadline."""
    times = iter([0.0, 1.0, 2.0, 9.0])
    monkeypatch.setattr("llmlab.toolkit.tools.loop.now", lambda: next(times))
    with pytest.raises(LLMTimeoutError, match=r"deadline of 5 s was over after 1 call of tools\. error\.run") as caught:
        run(get_provider("anthropic"), shape, "What is 2 + 3? Call add.", [add], deadline=5)
    assert len(llmlab.trace().frame()) == len(caught.value.run.steps) == 1


def test_a_forced_choice_holds_for_the_first_round(server: LoopbackServer) -> None:
    """Forced again, the model could never answer. Other options stay."""
    for choice, later in (("required", None), ("auto", "auto")):
        server.seen.clear()
        server.answers.clear()
        done, _ = run(scripted(server, ADD, CHAT), "run_tools", "Hi", [add], tool_choice=choice, temperature=0.5)
        assert [seen.body.get("tool_choice") for seen in server.seen] == [choice, later]
        assert [seen.body["temperature"] for seen in server.seen] == [0.5, 0.5]
        assert (done.usage, done.messages[0]) == (Usage(15, 7, 22), Message(Role.USER, "Hi"))
        assert done.steps[0].call == ToolCall("call_0", "add", {"a": 1, "b": 2})


@pytest.mark.parametrize("start", [llmlab.run_tools, llmlab.run_tools_stream, llmlab.run_tools_stream_async])
def test_wrong_settings_are_refused_before_anything_is_sent(start: Any, server: LoopbackServer) -> None:
    def total(a: int) -> int:
        """Give it back."""
        return a

    for options, kind in (
        ({"tools": [add], "max_rounds": 0}, LLMInvalidRequestError),
        ({"tools": [add], "max_rounds": True}, LLMInvalidRequestError),
        ({"tools": [add], "temprature": 1}, LLMInvalidRequestError),
        ({"tools": total}, LLMInvalidRequestError),
        ({"tools": None}, LLMInvalidRequestError),
        ({"tools": "add"}, LLMInvalidRequestError),
        ({"tools": [add, tool(name="add")(total)]}, ToolError),
        ({"tools": ["add"]}, ToolError),
    ):
        with pytest.raises(kind):
            start(scripted(server, CHAT), "Hi", **options)
    assert server.seen == []


def test_ollama_gets_the_tool_of_each_result(server: LoopbackServer) -> None:
    """Its native format has no ids: a result names its tool, and stands in the order of the calls."""
    wanted = [{"function": {"name": "add", "arguments": {"a": 1, "b": b}}} for b in (1, 5)]
    server.answer({"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": wanted}, "done": True})
    server.answer({"model": "m", "message": {"role": "assistant", "content": "2 and 6"}, "done": True})
    run(provider("ollama", server.url), "run_tools", "Add", [add])
    assert server.seen[1].body["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": wanted},
        {"role": "tool", "content": "2", "tool_name": "add"},
        {"role": "tool", "content": "6", "tool_name": "add"},
    ]
    assert server.seen[1].body["tools"] == server.seen[0].body["tools"]


@pytest.mark.parametrize(("first", "second"), loops(), ids=lambda one: one.name)
def test_the_second_request_of_a_known_loop_has_its_results(
    first: Exchange, second: Exchange, server: LoopbackServer
) -> None:
    """A service refuses a result that it cannot assign to a call."""
    ids, results = [call["id"] for call in first.expect["tool_calls"]], iter("ab")

    def roll_die(sides: int = 6) -> str:
        """Roll a die."""
        return next(results)

    def high_tide(port: str) -> str:
        """Say when the tide is high."""
        return next(results)

    def ferry_status() -> str:
        """Say whether the ferry runs."""
        return next(results)

    for step in (first, second):
        server.answer(step.body)
    name = "local_gpt_oss" if first.path == "/v1/chat/completions" else first.provider
    done, _ = run(provider(name, server.url), "run_tools", "Hi", [roll_die, high_tide, ferry_status])
    body = server.seen[1].body
    turns = body.get("messages") or body["input"]
    contents = [turn["content"] if isinstance(turn.get("content"), list) else [turn] for turn in turns]
    keys = ("tool_call_id", "tool_use_id", "call_id")
    sent = [
        (next(block[key] for key in keys if key in block), block.get("output", block.get("content")))
        for content in contents
        for block in content
        if block.get("role") == "tool" or block.get("type") in ("tool_result", "function_call_output")
    ]
    assert sent == list(zip(ids, "ab", strict=True))
    assert done.content == second.expect["text"]
