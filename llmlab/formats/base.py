"""A wire format: pure functions between llmlab's values and the JSON of one API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.errors import Problem, no_answer, stream_error
from llmlab.formats.parsing import generated_id, mapping, text, tool_call, whole_characters
from llmlab.formats.sse import Framing
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.messages import Message, Role, ToolCall
from llmlab.types.request import Request


class StreamDecoder:
    """The answer of one stream, collected event by event. A format derives its own and writes `feed`."""

    finished = False
    """Whether the model has finished, so that a stream that ends here is whole."""
    ended = False
    """Whether the end marker has come. What follows it is no part of the answer."""

    def __init__(self) -> None:
        self._id = self._model = self._refusal = ""
        self._finish_reason: FinishReason | None = None
        self._usage = Usage()
        self._counts: dict[str, Any] = {}
        self._answered = False
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._halves: dict[str, str] = {}
        self._calls: dict[object, dict[str, Any]] = {}
        self._slots: dict[object, object] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Take in one event and return its chunk of the answer, if it has one. Unknown events are ignored.

        Raises:
            LLMStreamError: if the event reports an error, or ends a stream that held no answer.
        """
        raise NotImplementedError

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        return Completion(
            # The half of a character that waits for its other half stands for itself.
            content=whole_characters("".join(self._text) + self._halves.get("text", "")),
            model=whole_characters(self._model),
            finish_reason=self._finish_reason,
            usage=self._usage,
            tool_calls=tuple(
                tool_call(
                    # Some local servers send no ids, and a result must name its call.
                    call["id"] or generated_id(self._id or None, index, call["name"], call["arguments"]),
                    call["name"],
                    call["arguments"],
                )
                for index, call in enumerate(self._calls.values())
            ),
            reasoning=whole_characters("".join(self._reasoning) + self._halves.get("reasoning", "")),
            refusal=whole_characters(self._refusal),
            id=whole_characters(self._id),
        )

    def _whole(self, body: object) -> Completion:
        """Return the answer in a body that was read as the only event of a stream.

        Raises:
            LLMAPIError: if the body holds no answer.
        """
        if not self._answered:
            raise no_answer(body)
        return self.completion()

    def _end(self) -> None:
        """Take in the end marker."""
        if not self._answered:
            raise stream_error(Problem("the stream ended before its answer began"))
        self.finished = self.ended = True

    def _add(self, content: str, reasoning: str = "") -> Chunk | None:
        if self._halves or not (content.isascii() and reasoning.isascii()):
            content, reasoning = self._join("text", content), self._join("reasoning", reasoning)
        if content:
            self._text.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        return Chunk(content, reasoning) if content or reasoning else None

    def _join(self, kind: str, part: str) -> str:
        """Return a part of a text in whole characters. Half a character waits for the next part."""
        if not part:
            return ""
        part = self._halves.pop(kind, "") + part
        if "\ud800" <= part[-1] <= "\udbff":
            part, self._halves[kind] = part[:-1], part[-1]
        return whole_characters(part)

    def _add_call(
        self, slot: object, identifier: object, name: object, arguments: object, *, whole: bool = False
    ) -> None:
        """Begin a tool call, or add to the one in this slot.

        Args:
            slot: the index of the call. Some servers number no calls, or all of them 0.
            identifier: of the call.
            name: of the tool.
            arguments: an object, or text in parts.
            whole: whether the arguments replace what had arrived.
        """
        identifier, name = text(identifier), text(name)
        call = self._calls.get(self._slots.get(slot, slot))
        if call is None and self._calls and not name:
            # A part with a wrong index: it belongs to the call with its id, else to the last one.
            calls = list(self._calls.values())
            call = next((one for one in calls if identifier and one["id"] == identifier), calls[-1])
        if call is None or (name and _is_another(call, identifier)):
            self._slots[slot] = key = slot if call is None else (slot, len(self._calls))
            call = self._calls[key] = {"id": "", "name": "", "arguments": ""}
        call["id"] = call["id"] or identifier
        call["name"] = call["name"] or name
        if isinstance(arguments, dict):
            call["arguments"] = arguments
        elif arguments:
            call["arguments"] = ("" if whole else text(call["arguments"])) + text(arguments)

    def _count(self, counts: object) -> Mapping[str, Any]:
        """Return the counts so far with new ones. Null says nothing new."""
        _merge(self._counts, mapping(counts))
        return self._counts


def _is_another(call: Mapping[str, Any], identifier: str) -> bool:
    """Return whether an event with a name belongs to another call: it has another id, or this one is complete."""
    if identifier and call["id"]:
        return bool(identifier != call["id"])
    written = call["arguments"]
    return isinstance(written, dict) or (bool(written) and not tool_call("", "", written).unparsed)


def _merge(known: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, dict):
            value = known[name] = dict(mapping(known.get(name)))
            _merge(value, new[name])
        elif value is not None:
            known[name] = value


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format.

    Args:
        name: its name, such as `openai_chat`.
        path: where the request is posted, below the base URL.
        encode: from a `Request`, and whether to stream, to wire JSON.
        decode: from the wire JSON of a whole answer to a `Completion`.
        stream: creates a decoder for one stream.
        framing: creates what divides the bytes of a stream into events.
    """

    name: str
    path: str
    encode: Callable[[Request, bool], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], Completion]
    stream: Callable[[], StreamDecoder]
    framing: Callable[[], Framing]


def refuse(request: Request, service: str, *names: str) -> None:
    """Refuse options that a wire format does not have, before anything is sent.

    Args:
        request: the request to check.
        service: the API, as a user knows it.
        names: fields of `Request`; `reasoning.summary` means a field of its `ReasoningConfig`.

    Raises:
        LLMInvalidRequestError: names the option and what to do instead.
    """
    for name in names:
        owner, _, part = name.partition(".")
        value = getattr(request, owner)
        if part:
            value = getattr(value, part, None)
        if value in (None, ()):
            continue
        if part:
            instead = "Leave it out of ReasoningConfig."
        elif name == "file_search":
            instead = "OpenAI's Responses API has. With every other one, use store.answer(provider, question)."
        else:
            instead = (
                "Leave it out, or choose a provider that has it. "
                f'A vendor\'s own field goes into extra={{"{name}": …}}, which is sent unchanged.'
            )
        raise LLMInvalidRequestError(f"{service} has no {name}. {instead}")


def refuse_effort(request: Request, service: str, *known: str) -> None:
    """Refuse a reasoning effort that a wire format does not have.

    Raises:
        LLMInvalidRequestError: names the efforts that it has.
    """
    effort = request.reasoning.effort if request.reasoning else None
    if effort not in (None, *known):
        raise LLMInvalidRequestError(f"{service} has no effort {effort!r}; it has {', '.join(known)}.")


def single_text(request: Request, service: str, *refused: str) -> str:
    """Return the prompt for a wire format that takes one text: no roles, images or tools.

    Raises:
        LLMInvalidRequestError: names what the format does not take.
    """
    refuse(request, service, "tools", "tool_choice", "file_search", "response_format", *refused)
    if any(message.images for message in request.messages):
        raise LLMInvalidRequestError(f"{service} carries no images. Use complete() in place of completion().")
    if len(request.messages) != 1 or request.messages[0].role is not Role.USER:
        raise LLMInvalidRequestError(f"{service} takes one text: send a single user message")
    return request.messages[0].content


_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def portable(request: Request) -> Sequence[Message]:
    """Return the messages of a request as every service takes them, whichever one wrote the answers in them.

    The ids of tool calls are unique and of 40 letters, digits, `_` and `-` at most. An unknown tool has a name of such
    characters, too. Each call has a result. An empty answer is `…`.
    """
    for message in request.messages:
        if message.role is not Role.USER and message.role is not Role.SYSTEM:
            break
    else:
        return request.messages  # as most are
    messages: list[Message] = []
    tools, used = {tool.name for tool in request.tools}, set[str]()
    waiting: dict[str, list[str]] = {}
    for place, message in enumerate(request.messages):
        if message.role is Role.TOOL:
            ids = waiting.get(str(message.tool_call_id)) or [str(message.tool_call_id)]
            messages.append(replace(message, tool_call_id=ids.pop(0)))
            continue
        messages += _no_results(waiting)
        waiting = {}
        if message.role is Role.ASSISTANT:
            calls = [_portable_call(call, place, index, used, tools) for index, call in enumerate(message.tool_calls)]
            for call, sent in zip(message.tool_calls, calls, strict=True):
                waiting.setdefault(call.id, []).append(sent.id)
            content = message.content if message.content.strip() else "" if calls else "…"
            message = replace(message, content=content, tool_calls=tuple(calls))
        messages.append(message)
    return [*messages, *_no_results(waiting)]


def _portable_call(call: ToolCall, place: int, index: int, used: set[str], tools: set[str]) -> ToolCall:
    """Return a call with an id that is not used yet, and a name that is allowed."""
    fits = _ID.fullmatch(call.id) and call.id not in used
    identifier = call.id if fits else generated_id(call.id, place, index)
    used.add(identifier)
    name = call.name if call.name in tools else _NOT_IN_NAMES.sub("_", call.name)[:64] or "unnamed"
    return replace(call, id=identifier, name=name)


def _no_results(waiting: Mapping[str, Sequence[str]]) -> list[Message]:
    """Return results for the calls that have none, such as those of a run that was stopped."""
    reason = "There is no result: the tool was not called."
    return [Message(Role.TOOL, reason, tool_call_id=one, is_error=True) for ids in waiting.values() for one in ids]


def options(**values: Any) -> dict[str, Any]:
    """Return the options that are set: not None and not empty."""
    return {name: value for name, value in values.items() if value is not None and value != () and value != []}
