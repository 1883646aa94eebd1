"""Messages of a conversation, tools and tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.images import Image


class Role(StrEnum):
    """The speaker of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to call a tool.

    Args:
        id: links the call to its result; generated where the service sends none (Ollama).
        name: the tool's name.
        arguments: the arguments, by name.
        unparsed: the text of the arguments where it was not a JSON object; else empty.
    """

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    unparsed: str = ""


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool that a model may call.

    Args:
        name: letters, digits, `_` and `-`.
        description: what it does, written for the model.
        parameters: JSON schema of the arguments, an object schema.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        role: system, user, assistant or tool.
        content: the text.
        name: the speaker, where several users share a role; for a tool result, the tool's name.
        tool_calls: the tools that an assistant wants called, also as dicts, in this form or in OpenAI's.
        tool_call_id: the call that a tool message answers.
        is_error: whether a tool message reports a failure.
        images: images of a user message, for models that see.

    Raises:
        LLMInvalidRequestError: for an unknown role, a field of the wrong type, or a tool message without an id.
    """

    role: Role
    content: str = ""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    images: tuple[Image, ...] = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            role: Role | str,
            content: str = "",
            name: str | None = None,
            tool_calls: Sequence[ToolCall | Mapping[str, Any]] | None = (),
            tool_call_id: str | None = None,
            is_error: bool = False,
            images: Sequence[Image | str | bytes | Path] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "role", Role(self.role))
        except ValueError:
            raise LLMInvalidRequestError(f"unknown role {self.role!r}; use one of {', '.join(Role)}") from None
        if not isinstance(self.content, str):
            raise LLMInvalidRequestError(
                f"content must be text, not {type(self.content).__name__}; images go into images=[…]"
            )
        for label, value in (("name", self.name), ("tool_call_id", self.tool_call_id)):
            if value is not None and not isinstance(value, str):
                raise LLMInvalidRequestError(f"{label} must be text, not {type(value).__name__}")
        if self.tool_calls != ():
            object.__setattr__(self, "tool_calls", _tool_calls(self.tool_calls, self.role))
        if self.images or not isinstance(self.images, tuple):
            object.__setattr__(self, "images", _images(self.images, self.role))
        if self.is_error and self.role is not Role.TOOL:
            raise LLMInvalidRequestError(f"only tool messages can have is_error, not {self.role} messages")
        if self.role is Role.TOOL and not self.tool_call_id:
            raise LLMInvalidRequestError("a tool message needs the tool_call_id of the call that it answers")


Prompt: TypeAlias = str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]]


def to_messages(prompt: Prompt) -> tuple[Message, ...]:
    """Turn a prompt of any kind into messages.

    Args:
        prompt: a string, a `Message`, or a list of messages and of dicts like `{"role": "user", "content": "Hi"}`.

    Raises:
        LLMInvalidRequestError: names the first message that is wrong, and why.
    """
    if isinstance(prompt, str):
        messages: tuple[Message, ...] = (Message(Role.USER, prompt),)
    elif isinstance(prompt, (Message, Mapping)):
        messages = (_message(0, prompt),)
    elif isinstance(prompt, Iterable):
        messages = tuple(_message(position, item) for position, item in enumerate(prompt))
    else:
        raise LLMInvalidRequestError(
            f"a prompt is a string, a Message or a list of messages, not {type(prompt).__name__}"
        )
    if not messages:
        raise LLMInvalidRequestError("the list of messages is empty; put at least one user message in")
    for position, message in enumerate(messages):
        if message.role in (Role.SYSTEM, Role.USER) and not message.content.strip() and not message.images:
            raise LLMInvalidRequestError(f"message {position} ({message.role}) is empty; write something in it")
    return messages


_FIELDS = frozenset(item.name for item in fields(Message))


def _message(position: int, item: object) -> Message:
    if isinstance(item, Message):
        return item
    if not isinstance(item, Mapping):
        raise LLMInvalidRequestError(
            f"message {position} is a {type(item).__name__}; use a Message or a dict with role and content"
        )
    if "role" not in item:
        raise LLMInvalidRequestError(f"message {position} has no role; use one of {', '.join(Role)}")
    if unknown := sorted(str(key) for key in item if key not in _FIELDS):
        raise LLMInvalidRequestError(
            f"message {position} has the unknown field {unknown[0]!r}; the fields are {', '.join(sorted(_FIELDS))}"
        )
    try:
        # An assistant turn that only calls tools comes from the vendors with content None.
        return Message(**{key: value for key, value in item.items() if value is not None})
    except LLMInvalidRequestError as error:
        raise LLMInvalidRequestError(f"message {position}: {error}") from None


def _images(images: object, role: Role) -> tuple[Image, ...]:
    if isinstance(images, Image) or not isinstance(images, Sequence) or isinstance(images, (str, bytes)):
        raise LLMInvalidRequestError(f"images must be a list of images, not {type(images).__name__}")
    if images and role is not Role.USER:
        raise LLMInvalidRequestError(f"only user messages can have images, not {role} messages")
    return tuple(image if isinstance(image, Image) else Image(image) for image in images)


def _tool_calls(calls: object, role: Role) -> tuple[ToolCall, ...]:
    if calls is not None and (not isinstance(calls, Sequence) or isinstance(calls, str)):
        raise LLMInvalidRequestError(f"tool_calls must be a list, not {type(calls).__name__}")
    if calls and role is not Role.ASSISTANT:
        raise LLMInvalidRequestError(f"only assistant messages have tool_calls, not {role} messages")
    return tuple(_tool_call(call) for call in calls or ())


def _tool_call(call: object) -> ToolCall:
    if isinstance(call, ToolCall):
        return call
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if isinstance(call, Mapping) and isinstance(function, Mapping) and isinstance(function.get("name"), str):
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str) and function is not call:
            return _openai_call(str(call.get("id", "")), function["name"], arguments)
        if isinstance(arguments, Mapping):
            return ToolCall(str(call.get("id", "")), function["name"], dict(arguments))
    raise LLMInvalidRequestError(
        "a tool call is a ToolCall, or a dict with id, name and arguments (a dict), or a dict as OpenAI writes it"
    )


def _openai_call(identifier: str, name: str, arguments: str) -> ToolCall:
    """Return a call whose arguments are the text that a model wrote, which may be no JSON."""
    try:
        parsed = json.loads(arguments) or {}
    except (ValueError, RecursionError):
        parsed = None
    return ToolCall(identifier, name, parsed) if isinstance(parsed, dict) else ToolCall(identifier, name, {}, arguments)
