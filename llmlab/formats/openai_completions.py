"""OpenAI's legacy Completions format: one text to continue, without roles or tools.

Source: OpenAI API reference, "Completions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.formats.base import Format, options, single_text
from llmlab.formats.openai_chat import STREAMED, sampling
from llmlab.formats.openai_chat import StreamDecoder as ChatStreamDecoder
from llmlab.formats.sse import ServerSentEvents
from llmlab.types.completion import Chunk, Completion
from llmlab.types.request import Request


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /completions`. The conversation must be one user message."""
    prompt = single_text(request, "the legacy Completions API", "reasoning", "text")
    body = {"model": request.model, "prompt": prompt, **options(**sampling(request))}
    return body | (STREAMED if stream else {}) | dict(request.extra)


def decode(body: Mapping[str, Any]) -> Completion:
    """Translate a whole answer. Choice 0 is the answer; the others are its `alternatives`."""
    return StreamDecoder.whole(body)


class StreamDecoder(ChatStreamDecoder):
    """The answer of one stream: a Chat Completions stream whose choices hold bare text."""

    def _read(self, event: Mapping[str, Any], choice: Mapping[str, Any]) -> Chunk | None:
        delta = {"delta": {"content": choice["text"]}} if isinstance(choice.get("text"), str) else {}
        return super()._read(event, {**choice, **delta})


OPENAI_COMPLETIONS = Format("openai_completions", "/completions", encode, decode, StreamDecoder, ServerSentEvents)
