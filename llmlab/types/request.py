"""A request to a model, independent of any wire format, and its checks.

`models/` checks what a model can do; a wire format refuses what it has no field for.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.messages import Message, Prompt, ToolDefinition, to_messages
from llmlab.types.options import FileSearch, ReasoningConfig, ResponseFormat, TextConfig, build_option
from llmlab.types.validation import is_count, is_name, is_number


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a model, independent of any wire format.

    Args:
        messages: the conversation so far, oldest first.
        model: the model's name at the provider.
        temperature: randomness of the answer; the range is the vendor's, mostly 0 to 2.
        top_p: share of the probability mass to draw from, 0 to 1.
        max_tokens: upper limit of the answer, in tokens; 0 for a call that writes nothing, such as an embedding.
        stop: texts at which the answer ends.
        seed: number that makes the answer repeatable, as far as the service can.
        tools: tools the model may call.
        tool_choice: "auto", "none", "required", or the name of the one tool to call.
        reasoning: how much to think before the answer, where the model does.
        text: how much to write.
        response_format: the form of the answer: a pydantic model or a JSON schema.
        file_search: vector stores of the service to search while it answers.
        deadline: seconds in which the whole call must end, with retries and waits. It is not sent.
        extra: the vendor's own fields, put into the body unchanged.
    """

    messages: tuple[Message, ...]
    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: str | None = None
    reasoning: ReasoningConfig | None = None
    text: TextConfig | None = None
    response_format: ResponseFormat | None = None
    file_search: FileSearch | None = None
    deadline: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def build_request(prompt: Prompt, model: str, options: Mapping[str, Any]) -> Request:
    """Return a checked `Request` for a prompt and its options.

    Args:
        prompt: anything that `to_messages` takes.
        model: the model's name, if `options` names none.
        options: fields of `Request` other than the messages. None leaves an option out.

    Raises:
        LLMInvalidRequestError: names the message or the option that is wrong, and what is expected.
    """
    if not isinstance(model, str):
        raise LLMInvalidRequestError(f"model must be a model's name, not {model!r}")
    options = {name: value for name, value in options.items() if value is not None}
    for name, value in options.items():
        if name not in _CHECKS:
            near = difflib.get_close_matches(name, _CHECKS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(_CHECKS)}."
            raise LLMInvalidRequestError(
                f"unknown option {name!r}: {hint} A vendor's own field goes into extra={{{name!r}: …}}."
            )
        expected, holds = _CHECKS[name]
        if not holds(value):
            raise LLMInvalidRequestError(f"{name} must be {expected}, not {value!r}")
    if stop := options.get("stop"):
        options["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if tools := options.get("tools"):
        options["tools"] = tuple(ToolDefinition(**tool) if isinstance(tool, Mapping) else tool for tool in tools)
    for name, kind in _KINDS.items():
        if name in options:
            options[name] = build_option(kind, options[name])
    if "response_format" in options:
        options["response_format"] = ResponseFormat.of(options["response_format"])
    request = Request(to_messages(prompt), **{"model": model, **options})
    if request.tool_choice is not None:
        _check_choice(request)
    _check_sendable(request)
    return request


_WRITTEN = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _check_sendable(request: Request) -> None:
    """Refuse values that JSON cannot hold, before anything is counted, stored or sent."""
    form = request.response_format
    if form is None and not request.tools and not request.extra:
        for message in request.messages:
            if not message.content.isascii() or message.name or message.tool_calls:
                break
        else:
            return  # Most requests are like this, and this test is quick.
    parts: dict[str, Any] = {
        f"message {place}": [message.content, message.name, [call.arguments for call in message.tool_calls]]
        for place, message in enumerate(request.messages)
    }
    parts |= {f"the tool {tool.name!r}": [tool.description, tool.parameters] for tool in request.tools}
    parts |= {"response_format": form and dict(form.schema), "extra": dict(request.extra)}
    if _problem(list(parts.values())):
        name, problem = next((name, problem) for name, part in parts.items() if (problem := _problem(part)))
        raise LLMInvalidRequestError(f"{name} {problem}")


def _problem(part: Any) -> str:
    """Return why JSON cannot hold a value; empty if it can."""
    try:
        _WRITTEN(part).encode()
    except UnicodeEncodeError as error:
        return (
            f"has a character that cannot be sent, {error.object[error.start]!r}. It comes from a wrong encoding when "
            "the text was read; text.encode(errors='replace').decode() replaces it."
        )
    except (TypeError, ValueError) as error:
        return f"holds a value that JSON cannot hold: {error}. Use texts, numbers, True, False, None, lists and dicts."
    return ""


def _check_choice(request: Request) -> None:
    """Refuse a `tool_choice` that names no tool of the request. A vendor's own tools may be in `extra`."""
    choice, names = request.tool_choice, [tool.name for tool in request.tools]
    if choice is None or "tools" in request.extra or choice in (names and ("auto", "none", "required", *names)):
        return
    offered = f"The tools here are {', '.join(names)}" if names else "There are no tools here: pass tools=[…]"
    raise LLMInvalidRequestError(f"tool_choice {choice!r} chooses a tool that is not offered. {offered}.")


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value))


def _are_tools(value: Any) -> bool:
    known = {item.name for item in fields(ToolDefinition)}
    return isinstance(value, (list, tuple)) and all(
        isinstance(tool, ToolDefinition)
        or (isinstance(tool, Mapping) and isinstance(tool.get("name"), str) and set(tool) <= known)
        for tool in value
    )


_KINDS: dict[str, type[Any]] = {"reasoning": ReasoningConfig, "text": TextConfig, "file_search": FileSearch}

_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": ("a model's name", is_name),
    "temperature": ("a number from 0 to 2", lambda value: is_number(value, 0, 2)),
    "top_p": ("a number from 0 to 1", lambda value: is_number(value, 0, 1)),
    "max_tokens": ("a whole number above 0", is_count),
    "stop": ("a text or a list of texts", _are_texts),
    "seed": ("a whole number", lambda value: is_count(value, -math.inf)),
    "tools": ("a list of ToolDefinition, or of dicts with name, description and parameters", _are_tools),
    "tool_choice": ("auto, none, required or a tool's name", is_name),
    # The classes of these check them.
    **dict.fromkeys(("reasoning", "text", "response_format", "file_search"), ("", lambda value: True)),
    "deadline": ("seconds above 0", lambda value: is_number(value, high=1e9) and value > 0),
    "extra": ("a dict", lambda value: isinstance(value, Mapping)),
}
