"""How a failed tool is told. If one fails, a model takes an error for a result."""

from __future__ import annotations

from typing import Any

import pytest

import llmlab
from llmlab import get_provider, run_tools
from llmlab.errors import LLMInvalidRequestError, LLMTimeoutError
from llmlab.types.messages import Role
from tests.core import bodies
from tests.core.trying import NAMES, provider
from tests.loopback import LoopbackServer
from tests.tools.running import SHAPES, add, run


def clock() -> str:
    """Tells the time."""
    raise OSError("no clock")


def calling(name: str) -> dict[str, Any]:
    """Return an answer that calls the clock, in a service's wire format."""
    if name == "openai":
        return {
            **bodies.RESPONSES,
            "output": [{"type": "function_call", "call_id": "c1", "name": "clock", "arguments": "{}"}],
        }
    if name == "anthropic":
        block = {"type": "tool_use", "id": "c1", "name": "clock", "input": {}}
        return {**bodies.ANTHROPIC, "content": [block], "stop_reason": "tool_use"}
    call: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    if name == "ollama":
        call["function"]["arguments"] = {}
        return {**bodies.OLLAMA, "message": {"role": "assistant", "content": "", "tool_calls": [call]}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {**bodies.CHAT, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_is_told_in_words_and_marked_where_the_wire_has_a_mark(name: str, server: LoopbackServer) -> None:
    server.answer(calling(name))
    server.answer(bodies.WHOLE[name])
    with provider(name, server.url) as made:
        done = run_tools(made, "What time is it?", [clock])
    told = next(message for message in done.messages if message.role is Role.TOOL)
    assert (told.is_error, told.content) == (True, "Error: OSError: no clock")
    sent = server.seen[1].body["input" if name == "openai" else "messages"][-1]
    assert "Error: OSError: no clock" in str(sent)
    assert ("'is_error': True" in str(sent)) == (name == "anthropic")


def test_what_went_well_is_not_marked(server: LoopbackServer) -> None:
    def noon() -> str:
        """Tells the time."""
        return "Error: this is what the clock shows"

    noon.__name__ = "clock"
    server.answer(calling("anthropic"))
    server.answer(bodies.ANTHROPIC)
    with provider("anthropic", server.url) as made:
        done = run_tools(made, "What time is it?", [noon])
    assert not any(message.is_error for message in done.messages)
    assert "is_error" not in str(server.seen[1].body)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_result_that_cannot_be_sent_is_told_and_the_run_goes_on(shape: str, lab: None) -> None:
    """A file's name with a strange byte, say; sent, it would end the run after the tool has done its work."""

    def listing() -> str:
        """List the files."""
        return "caf\udce9.txt"

    done, _ = run(get_provider("openai"), shape, "Call listing", [listing])
    assert done.completion
    assert "surrogates not allowed" in str(done.steps[0].error)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("lab")
def test_a_deadline_holds_for_the_whole_run(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else slow tools keep a user waiting many times as long as was said."""
    moments = iter([0.0, 1.0, 9.0])
    monkeypatch.setattr("llmlab.toolkit.tools.loop.now", lambda: next(moments))
    with pytest.raises(LLMTimeoutError, match=r"deadline of 5 s was over after 1 call of tools\. error\.run") as caught:
        run(get_provider("anthropic"), shape, "What is 2 + 3? Call add.", [add], deadline=5)
    assert len(llmlab.trace().frame()) == len(caught.value.run.steps) == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tools", [clock, None, "clock"])
def test_tools_are_a_list(shape: str, tools: Any, server: LoopbackServer) -> None:
    with pytest.raises(LLMInvalidRequestError, match="tools is a list"):
        run(provider("anthropic", server.url), shape, "What time is it?", tools)
    assert server.seen == []
