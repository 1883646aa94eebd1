"""What a person writes. If one fails, a wrong prompt reaches a service that bills for it, or a right one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.messages import Message, Role, ToolCall, ToolDefinition, to_messages


@pytest.mark.parametrize(
    "prompt",
    [
        "Hi",
        Message(Role.USER, "Hi"),
        {"role": "user", "content": "Hi"},
        [Message("user", "Hi")],  # type: ignore[arg-type]
        [{"role": "user", "content": "Hi"}],
        (Message(Role.USER, "Hi"),),
        (message for message in [{"role": "user", "content": "Hi", "name": None}]),
    ],
    ids=["text", "message", "dict", "messages", "dicts", "tuple", "generator"],
)
def test_a_prompt_may_be_written_in_every_promised_way(prompt: Any) -> None:
    assert to_messages(prompt) == (Message(Role.USER, "Hi"),)


def test_messages_and_dicts_may_be_mixed() -> None:
    messages = to_messages([Message(Role.SYSTEM, "Be brief."), {"role": "user", "content": "Hi"}])
    assert [message.role for message in messages] == [Role.SYSTEM, Role.USER]


def test_a_tool_call_may_stand_as_openai_writes_it() -> None:
    """Conversations that were stored by OpenAI's SDK go on here."""

    def read(arguments: Any) -> tuple[ToolCall, ...]:
        call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": arguments}}
        return Message("assistant", tool_calls=[call]).tool_calls

    assert read('{"zone": "UTC"}') == (ToolCall("c1", "now", {"zone": "UTC"}),)
    assert read("") == read("null") == read({}) == (ToolCall("c1", "now"),)
    assert read("{broken") == (ToolCall("c1", "now", {}, "{broken"),)


WRONG_PROMPTS: list[Any] = [
    (5, "not int"),
    (None, "not NoneType"),
    ([], "put at least one user message in"),
    ("  ", "message 0 (user) is empty"),
    ([{"role": "user", "content": "Hi"}, 5], "message 1 is a int"),
    (b"Hi", "message 0 is a int"),
    ([{"content": "Hi"}], "message 0 has no role; use one of system, user, assistant, tool"),
    ([{"role": "human", "content": "Hi"}], "unknown role 'human'"),
    ([{"role": ["user"], "content": "Hi"}], "unknown role"),
    ([{"role": "user", "text": "Hi"}], "unknown field 'text'; the fields are content, images, is_error, name"),
    (
        [{"role": "user", "content": [{"type": "text"}]}],
        "message 0: content must be text, not list; images go into images=",
    ),
    ([{"role": "user", "content": None}], "message 0 (user) is empty"),
    ([{"role": "user", "content": "Hi", "name": 7}], "message 0: name must be text, not int"),
    ([{"role": "tool", "content": "1"}], "needs the tool_call_id"),
    ([{"role": "tool", "content": "1", "tool_call_id": 7}], "tool_call_id must be text, not int"),
    ([{"role": "user", "content": "Hi", "tool_calls": [ToolCall("1", "f")]}], "only assistant messages"),
    ([{"role": "assistant", "tool_calls": 5}], "message 0: tool_calls must be a list, not int"),
    ([{"role": "assistant", "tool_calls": "f"}], "tool_calls must be a list, not str"),
    ([{"role": "assistant", "tool_calls": [{"id": "1"}]}], "a tool call is a ToolCall, or a dict"),
    ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "x"}]}], "arguments (a dict)"),
]


def test_a_wrong_prompt_is_refused_and_the_message_named(subtests: pytest.Subtests) -> None:
    for prompt, says in WRONG_PROMPTS:
        with subtests.test(prompt=prompt):
            with pytest.raises(LLMInvalidRequestError) as caught:
                to_messages(prompt)
            assert says in caught.value.message


def test_an_assistant_turn_that_only_calls_tools_is_accepted() -> None:
    """Without this, the second step of every tool loop is refused."""
    (message,) = to_messages([{"role": "assistant", "content": None, "tool_calls": [{"id": "1", "name": "f"}]}])
    assert message.tool_calls == (ToolCall("1", "f", {}),)
    assert Message(Role.ASSISTANT, "", tool_calls=None).tool_calls == ()  # type: ignore[arg-type]


def test_values_cannot_change_under_their_reader() -> None:
    with pytest.raises(AttributeError):
        Message(Role.USER, "Hi").content = "Bye"  # type: ignore[misc]


def test_a_tool_without_arguments_has_a_schema_that_every_service_accepts() -> None:
    assert ToolDefinition("now").parameters == {"type": "object", "properties": {}}


def test_a_role_is_its_word() -> None:
    assert f"{Role.USER}" == "user"
