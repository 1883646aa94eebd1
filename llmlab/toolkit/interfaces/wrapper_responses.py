"""Answers of the wrapper: the JSON of the server, with dots in place of brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from llmlab.errors import LLMInvalidRequestError
from llmlab.types.completion import Completion, Usage


class Fields:
    """A JSON object whose fields are attributes. One that has a type here and does not arrive is None.

    Args:
        raw: the object.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        self.raw: dict[str, Any] = raw

    def __getattr__(self, name: str) -> Any:
        if name == "raw" or name.startswith("__"):  # asked for by `copy`, before there is anything
            raise AttributeError(name)
        if name in self.raw:
            return _with_dots(name, self.raw[name])
        if name in type(self).__annotations__:
            return None
        raise AttributeError(f"there is no {name!r} in this part of the answer; it has {', '.join(self.raw)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.raw == self.raw

    __hash__ = None  # type: ignore[assignment]


class TokenUsage(Fields):
    """Tokens of a request and its answer."""

    __slots__ = ()
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatMessage(Fields):
    """The message of a choice."""

    __slots__ = ()
    role: str
    content: str | None
    tool_calls: list[Any] | None


class Choice(Fields):
    """One of the answers: a `message` of a chat, or the `text` that continues a text."""

    __slots__ = ()
    index: int
    message: ChatMessage
    text: str
    finish_reason: str | None


class ChatCompletionResponse(Fields):
    """The answer to messages."""

    __slots__ = ()
    id: str
    model: str
    choices: list[Choice]
    usage: TokenUsage | None


class CompletionResponse(ChatCompletionResponse):
    """Texts that continue the prompts, a choice each."""

    __slots__ = ()

    @classmethod
    def of(cls, answers: Sequence[Completion]) -> Self:
        """Return the answers to several texts as one, as the API writes it."""
        if not answers:
            raise LLMInvalidRequestError("the list of prompts is empty; put at least one text in")
        bodies: list[Any] = [answer.raw_response for answer in answers]
        if len(bodies) == 1:
            return cls(bodies[0])
        choices = [choice for body in bodies for choice in body["choices"]]
        used = sum((answer.usage for answer in answers), Usage())
        usage = {"prompt_tokens": used.input_tokens, "completion_tokens": used.output_tokens}
        usage["total_tokens"] = used.total_tokens
        choices = [{**choice, "index": index} for index, choice in enumerate(choices)]
        return cls({**bodies[0], "choices": choices, "usage": usage})


class Model(Fields):
    """A model of the server."""

    __slots__ = ()
    id: str


class ModelsResponse(Fields):
    """The models of a server."""

    __slots__ = ()
    data: list[Model]


_PARTS = {"choices": Choice, "message": ChatMessage, "usage": TokenUsage, "data": Model}


def _with_dots(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_with_dots(name, item) for item in value]
    return _PARTS.get(name, Fields)(value) if isinstance(value, dict) else value
