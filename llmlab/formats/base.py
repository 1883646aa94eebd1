"""What a wire format is: four pure functions between llmlab's values and one wire format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.sse import Framing
from llmlab.types.completion import Chunk, Completion
from llmlab.types.request import Request


class StreamDecoder(Protocol):
    """Fed one event at a time, gives the pieces of the answer and, at any time, all that has arrived."""

    finished: bool
    """Whether the event that ends an answer has come."""

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this event, if there is one.

        Raises:
            LLMStreamError: if the event reports an error.
        """
        ...

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format.

    Args:
        name: its name, such as `openai_chat`.
        path: where the request is posted, below the base URL.
        encode: from a `Request`, and whether to stream, to wire JSON.
        decode: from the wire JSON of a whole answer to a `Completion`.
        stream: makes a decoder for one stream.
        framing: how that stream is framed.
    """

    name: str
    path: str
    encode: Callable[[Request, bool], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], Completion]
    stream: Callable[[], StreamDecoder]
    framing: Callable[[], Framing]


_WAYS = {
    "file_search": "OpenAI's Responses API has. With store.answer(provider, question), everybody answers from a store."
}
"""Ways out that are better than leaving an option out."""


def refuse(request: Request, service: str, *names: str) -> None:
    """Refuse options that a wire format does not have, before anything is sent.

    Raises:
        LLMInvalidRequestError: names the option and the way out.
    """
    for name in names:
        if getattr(request, name) not in (None, ()):
            way = _WAYS.get(name) or (
                "Leave it out, or choose a provider that has it. "
                f'A vendor\'s own field goes into extra={{"{name}": …}}, which is sent as it is.'
            )
            raise LLMInvalidRequestError(f"{service} has no {name}. {way}")


def refuse_reasoning(request: Request, service: str, *names: str, efforts: tuple[str, ...] = ()) -> None:
    """Refuse those parts of `reasoning` that a wire format does not have, before anything is sent.

    Args:
        request: what is asked.
        service: whose format it is.
        names: fields of `ReasoningConfig` that it does not have.
        efforts: the efforts that it has, if not all.

    Raises:
        LLMInvalidRequestError: names the field and the way out.
    """
    for name in names:
        if getattr(request.reasoning, name, None) is not None:
            raise LLMInvalidRequestError(f"{service} has no reasoning.{name}. Leave it out of ReasoningConfig.")
    effort = request.reasoning.effort if request.reasoning else None
    if efforts and effort not in (None, *efforts):
        raise LLMInvalidRequestError(f"{service} has no effort {effort!r}; it has {', '.join(efforts)}.")


def refuse_images(request: Request, service: str) -> None:
    """Refuse images for a wire format that carries none.

    Raises:
        LLMInvalidRequestError: names the way out.
    """
    if any(message.images for message in request.messages):
        raise LLMInvalidRequestError(f"{service} carries no images. Use complete() in place of completion().")


def options(**values: Any) -> dict[str, Any]:
    """Return the options that were given, without those that are None or empty."""
    return {name: value for name, value in values.items() if value is not None and value != () and value != []}
