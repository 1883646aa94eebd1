"""OpenAI's legacy Completions format: a text that goes on, without roles or tools.

Source: OpenAI API reference, "Completions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmlab.completion import Chunk, Completion, FinishReason, Usage
from llmlab.dialects.base import Dialect, options, refuse
from llmlab.dialects.openai_chat import FINISH, usage
from llmlab.dialects.problems import find_problem, stream_error
from llmlab.dialects.read import items, text
from llmlab.errors import LLMInvalidRequestError
from llmlab.framing import ServerSentEvents
from llmlab.messages import Role
from llmlab.request import Request


def encode(request: Request, stream: bool = False) -> dict[str, Any]:
    """Translate a request into the body of `POST /completions`. The conversation must be one user message."""
    refuse(request, "the legacy Completions API", "tools", "tool_choice")
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


class StreamDecoder:
    """Gathers the pieces of a stream."""

    def __init__(self) -> None:
        self.finished = False
        self._text: list[str] = []
        self._head: dict[str, str] = {}
        self._finish: FinishReason | None = None
        self._usage = Usage()

    def feed(self, event: Mapping[str, Any]) -> Chunk | None:
        """Return the piece of the answer in this event, if there is one."""
        if event.get("type") == "[DONE]":
            self.finished = True
            return None
        if not self._head and event.get("id"):
            self._head = {"id": text(event.get("id")), "model": text(event.get("model"))}
        if event.get("usage"):
            self._usage = usage(event["usage"])
        choice = next(iter(items(event.get("choices"))), {})
        if reason := choice.get("finish_reason"):
            self._finish = FINISH.get(text(reason))
            self.finished = True
        piece = text(choice.get("text"))
        if piece:
            self._text.append(piece)
        if problem := find_problem(event):
            raise stream_error(problem)
        return Chunk(piece) if piece else None

    def completion(self) -> Completion:
        """Return the answer as far as it has arrived."""
        return Completion(
            content="".join(self._text),
            model=self._head.get("model", ""),
            finish_reason=self._finish,
            usage=self._usage,
            id=self._head.get("id", ""),
        )


OPENAI_COMPLETIONS = Dialect("openai_completions", "/completions", encode, decode, StreamDecoder, ServerSentEvents)
