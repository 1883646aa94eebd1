"""OpenAI's legacy Completions format: a text that goes on, without roles or tools.

Source: OpenAI API reference, "Completions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.errors import LLMInvalidRequestError
from llmlab.formats.base import Format, options, refuse, refuse_images
from llmlab.formats.openai_chat import FINISH, usage
from llmlab.formats.openai_chat import StreamDecoder as ChatStreamDecoder
from llmlab.formats.parsing import items, text
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion
from llmlab.types.messages import Role
from llmlab.types.request import Request


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /completions`. The conversation must be one user message."""
    unknown = ("tools", "tool_choice", "file_search", "reasoning", "text", "response_format")
    refuse(request, "the legacy Completions API", *unknown)
    refuse_images(request, "the legacy Completions API")
    if len(request.messages) != 1 or request.messages[0].role is not Role.USER:
        raise LLMInvalidRequestError("the legacy Completions API takes one text: send a single user message")
    body = {
        "model": request.model,
        "prompt": request.messages[0].content,
        **options(
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
            stop=list(request.stop),
            seed=request.seed,
        ),
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body | dict(request.extra)


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer. Only the first choice is read."""
    choice = next(iter(items(body.get("choices"))), {})
    return Completion(
        content=text(choice.get("text")),
        model=text(body.get("model")),
        finish_reason=FINISH.get(text(choice.get("finish_reason"))),
        usage=usage(body.get("usage")),
        id=text(body.get("id")),
    )


class StreamDecoder(ChatStreamDecoder):
    """Gathers the pieces of a stream, which is a Chat Completions stream whose choices hold bare text."""

    def _choice(self, choice: Mapping[str, Any]) -> Chunk | None:
        return super()._choice({**choice, "delta": {"content": choice.get("text")}})


OPENAI_COMPLETIONS = Format("openai_completions", "/completions", encode, decode, StreamDecoder, ServerSentEvents)
