"""A wire format: pure functions between llmlab's values and the JSON of one API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.parsing import generated_id, text, tool_call
from llmlab.formats.sse import Framing
from llmlab.types.completion import Chunk, Completion, FinishReason, Usage
from llmlab.types.messages import Role
from llmlab.types.request import Request


class StreamDecoder:
    """The answer of one stream, collected event by event. A format derives its own and writes `feed`."""

    finished: bool
    """Whether the event that ends an answer has come."""

    def __init__(self) -> None:
        self.finished = False
        self._id = self._model = self._refusal = ""
        self._finish_reason: FinishReason | None = None
        self._usage = Usage()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[object, dict[str, Any]] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Take in one event and return its chunk of the answer, if it has one. Unknown events are ignored.

        Raises:
            LLMStreamError: if the event reports an error.
        """
        raise NotImplementedError

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        return Completion(
            content="".join(self._text),
            model=self._model,
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
            reasoning="".join(self._reasoning),
            refusal=self._refusal,
            id=self._id,
        )

    def _add(self, content: str, reasoning: str = "") -> Chunk | None:
        if content:
            self._text.append(content)
        if reasoning:
            self._reasoning.append(reasoning)
        return Chunk(content, reasoning) if content or reasoning else None

    def _add_call(self, key: object, identifier: object, name: object, arguments: object) -> None:
        """Begin a tool call, or add to the one that has this key. Arguments are an object, or text in parts."""
        call = self._calls.setdefault(key, {"id": "", "name": "", "arguments": ""})
        call["id"] = call["id"] or text(identifier)
        call["name"] = call["name"] or text(name)
        if isinstance(arguments, dict):
            call["arguments"] = arguments
        elif arguments:
            call["arguments"] = text(call["arguments"]) + text(arguments)


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


def options(**values: Any) -> dict[str, Any]:
    """Return the options that are set: not None and not empty."""
    return {name: value for name, value in values.items() if value is not None and value != () and value != []}
