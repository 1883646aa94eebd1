"""A vendor that llmlab does not know, in the lines that a person needs for it: llama.cpp's server in its own format."""

from collections.abc import Mapping
from typing import Any, ClassVar

from llmlab import Chunk, Completion, Format, Provider, Request, Usage
from llmlab.formats.sse import ServerSentEvents


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Write the conversation as a dialogue; this format has no roles."""
    said = [f"{message.role.title()}: {message.content}" for message in request.messages]
    body = {"prompt": "\n".join([*said, "Assistant:"]), "stop": ["User:"], "stream": stream}
    return body | {"n_predict": request.max_tokens or 500}


def decode(body: Mapping[str, Any]) -> Completion:
    """Read a whole answer."""
    read, written = body.get("tokens_evaluated", 0), body.get("tokens_predicted", 0)
    return Completion(
        content=body.get("content", "").strip(),
        model=body.get("model", ""),
        finish_reason="length" if body.get("stop_type") == "limit" else "stop",
        usage=Usage(read, written, read + written),
    )


class Decoder:
    """Gathers the pieces of a stream."""

    def __init__(self) -> None:
        self.finished = False
        self.text = ""
        self.last: Mapping[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece in this event."""
        self.last, self.finished = event, event.get("stop", False)
        self.text += event.get("content", "")
        return Chunk(event.get("content", ""))

    def completion(self) -> Completion:
        """Return what has arrived."""
        return decode({**self.last, "content": self.text})


class LlamaCpp(Provider):
    """llama.cpp's server."""

    name: ClassVar[str] = "llama_cpp"
    format = Format("llama_cpp", "/completion", encode, decode, Decoder, ServerSentEvents)
    default_model: ClassVar[str] = "loaded"
    default_base_url: ClassVar[str] = "http://localhost:8080"
    models_path: ClassVar[str] = "/v1/models"
