"""One question to a model, in nobody's wire format, and the checks that it passes before anything is sent.

What a certain model can do is the specs' business; what a wire format has no field for is refused by its format.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.messages import Message, Prompt, ToolDefinition, to_messages
from llmlab.types.options import FileSearch, ReasoningConfig, ResponseFormat, TextConfig, made


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model, in nobody's wire format.

    Args:
        messages: the conversation so far, oldest first.
        model: the model's name, as the provider knows it.
        temperature: randomness of the answer; the range is the vendor's, mostly 0 to 2.
        top_p: share of the probability mass to draw from, 0 to 1.
        max_tokens: upper limit of the answer, in tokens; 0 for a call that writes nothing, such as an embedding.
        stop: texts at which the answer ends.
        seed: number that makes the answer repeatable, as far as the service can.
        tools: tools the model may call.
        tool_choice: "auto", "none", "required", or the name of the one tool to call.
        reasoning: how much to think before the answer, where the model does.
        text: how much to say.
        response_format: the form of the answer: a pydantic model or a JSON schema.
        file_search: vector stores of the service to search while it answers.
        deadline: seconds in which the whole call must be over, retries and waits included. It is never sent.
        extra: fields of the vendor's own wire format, put into the body as they are.
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
    """Return a prompt and its options as a checked `Request`.

    Args:
        prompt: whatever `to_messages` takes.
        model: the model's name, if `options` names none.
        options: the fields of `Request` beyond the messages. None means not given.

    Raises:
        LLMInvalidRequestError: names the message or the option that is wrong, and what would be right.
    """
    if not isinstance(model, str):
        raise LLMInvalidRequestError(f"model must be a model's name, not {model!r}")
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in _CHECKS:
            near = difflib.get_close_matches(name, _CHECKS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(_CHECKS)}."
            raise LLMInvalidRequestError(
                f"unknown option {name!r}: {hint} A vendor's own field goes into extra={{{name!r}: …}}."
            )
        expected, holds = _CHECKS[name]
        if not holds(value):
            raise LLMInvalidRequestError(f"{name} must be {expected}, not {value!r}")
    if stop := given.get("stop"):
        given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if tools := given.get("tools"):
        given["tools"] = tuple(ToolDefinition(**tool) if isinstance(tool, Mapping) else tool for tool in tools)
    for name, kind in _KINDS.items():
        if name in given:
            given[name] = made(kind, given[name])
    if "response_format" in given:
        given["response_format"] = ResponseFormat.of(given["response_format"])
    request = Request(to_messages(prompt), **{"model": model, **given})
    _check_choice(request)
    _check_sendable(request)
    return request


_WRITTEN = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _check_sendable(request: Request) -> None:
    """Refuse what cannot be written as JSON, before anything is counted, kept or sent."""
    form = request.response_format
    bare = all(one.content.isascii() and not one.name and not one.tool_calls for one in request.messages)
    if bare and form is None and not request.tools and not request.extra:
        return  # as most requests are, and it is quickly seen
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
    """Say why something cannot be written as JSON, or nothing."""
    try:
        _WRITTEN(part).encode()
    except UnicodeEncodeError as error:
        return (
            f"has a character that cannot be sent, {error.object[error.start]!r}. Text that was read with "
            "a wrong encoding has such; text.encode(errors='replace').decode() takes them out."
        )
    except (TypeError, ValueError) as error:
        return f"holds what JSON cannot: {error}. Use texts, numbers, True, False, None, lists and dicts."
    return ""


def _check_choice(request: Request) -> None:
    """Refuse to choose among tools that are not there. A vendor's own may stand in `extra`."""
    choice, names = request.tool_choice, [tool.name for tool in request.tools]
    if choice is None or "tools" in request.extra or choice in (names and ("auto", "none", "required", *names)):
        return
    offered = f"The tools here are {', '.join(names)}" if names else "There are no tools here: give tools=[…]"
    raise LLMInvalidRequestError(f"tool_choice {choice!r} chooses a tool that is not offered. {offered}.")


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


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
    "model": ("a model's name", lambda value: isinstance(value, str) and bool(value)),
    "temperature": ("a number from 0 to 2", _is_number(0, 2)),
    "top_p": ("a number from 0 to 1", _is_number(0, 1)),
    "max_tokens": ("a whole number above 0", _is_count),
    "stop": ("a text or a list of texts", _are_texts),
    "seed": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "tools": ("a list of ToolDefinition, or of dicts with name, description and parameters", _are_tools),
    "tool_choice": ("auto, none, required or a tool's name", lambda value: isinstance(value, str) and bool(value)),
    # These check themselves.
    **dict.fromkeys(("reasoning", "text", "response_format", "file_search"), ("", lambda value: True)),
    "deadline": ("seconds above 0", lambda value: _is_number(0, 1e9)(value) and value > 0),
    "extra": ("a dict", lambda value: isinstance(value, Mapping)),
}
