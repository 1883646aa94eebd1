"""Embeddings: texts as vectors, which are near each other if the texts have similar topics.

Two formats: OpenAI's `/embeddings`, which OpenRouter and local servers share, and Ollama's `/api/embed`. The request is
the same in both. It runs through the policies and the ledger as any call does, and has no output tokens.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

from llmlab.errors import LLMAPIError, LLMInvalidRequestError
from llmlab.formats.parsing import items, mapping, number, text
from llmlab.models.catalogue import EMBEDDING_MODELS
from llmlab.policies import Call
from llmlab.providers.calls import Calls
from llmlab.transport.driver import Flow, run, run_async
from llmlab.types.completion import Completion, Usage
from llmlab.types.messages import Message, Role
from llmlab.types.request import Request

GROUP = 128
"""Texts in one request. OpenAI allows 2,048 texts and 300,000 tokens."""


class Embedding(Calls):
    """The part of a provider that embeds texts. `embedding_path` is None where the service has no embeddings."""

    embedding_path: ClassVar[str | None] = None

    def embed(self, texts: Sequence[str], model: str | None = None) -> list[list[float]]:
        """Return one vector for each text, in their order, from a model for embeddings.

        OpenAI, OpenRouter, Ollama and local servers have such models; Anthropic has none.

        Args:
            texts: none of them empty.
            model: its name; else `embedding_model()`.

        Raises:
            LLMInvalidRequestError: before anything is sent, for wrong texts, or where the service has no embeddings.
            LLMError: one of its other subclasses; see `llmlab.errors`.
        """
        return run(self.embed_flow(texts, model))

    async def embed_async(self, texts: Sequence[str], model: str | None = None) -> list[list[float]]:
        """The async twin of `embed`."""
        return await run_async(self.embed_flow(texts, model))

    def embed_flow(
        self, texts: Sequence[str], model: str | None = None, done: Callable[[int], object] | None = None
    ) -> Flow[list[list[float]]]:
        """Return the flow of `embed`. After each request, `done` is called with the number of texts embedded so far."""
        path, model = self._embedding_path(), model or self.embedding_model()
        if isinstance(texts, str) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise LLMInvalidRequestError(
                "embed takes a list of texts, and none of them may be empty: embed([text])", provider=self.name
            )
        format = replace(self.format, name="embeddings", path=path, encode=_encode, decode=_decode)
        vectors: list[list[float]] = []
        for start in range(0, len(texts), GROUP):
            group = list(texts[start : start + GROUP])
            request = Request(tuple(Message(Role.USER, one) for one in group), model, max_tokens=0)
            body = _encode(request, False)
            call = Call(self.name, self.base_url, format, request, body, stream=False)
            answer = cast("Completion", (yield from self._run_policies(call)))
            received = _vectors(cast("Mapping[str, Any]", answer.raw_response))
            if len(received) != len(group) or not all(received):
                raise LLMAPIError(
                    f"{self.name} answered {len(group)} texts with {len(received)} vectors. "
                    f"Is {model} a model for embeddings?",
                    provider=self.name,
                )
            vectors += received
            if done is not None:
                done(len(vectors))
        return vectors

    def embedding_model(self) -> str:
        """Return the provider's usual model for embeddings, or raise an `LLMInvalidRequestError`."""
        self._embedding_path()
        if self.name not in EMBEDDING_MODELS:
            raise LLMInvalidRequestError(
                f"no embedding model is known for {self.name}. Name one: embed(texts, model=…)", provider=self.name
            )
        return EMBEDDING_MODELS[self.name]

    def _embedding_path(self) -> str:
        if self.embedding_path is None:
            raise LLMInvalidRequestError(
                f"{self.name} has no embeddings. Embed with {', '.join(EMBEDDING_MODELS)}, and let {self.name} "
                "answer: a store may use another provider than the one that answers.",
                provider=self.name,
            )
        return self.embedding_path


def _encode(request: Request, stream: bool) -> dict[str, Any]:
    return {"model": request.model, "input": [message.content for message in request.messages]}


def _decode(body: Mapping[str, Any]) -> Completion:
    # Ollama counts beside the vectors, the others in `usage`.
    read = number(mapping(body.get("usage")).get("prompt_tokens")) or number(body.get("prompt_eval_count"))
    return Completion("", text(body.get("model")), finish_reason="stop", usage=Usage(read, 0, read))


def _vectors(body: Mapping[str, Any]) -> list[list[float]]:
    if isinstance(body.get("embeddings"), list):
        return [_vector(one) for one in body["embeddings"]]
    # Servers that compute in parallel may answer in another order; the index names the text.
    data = sorted(items(body.get("data")), key=lambda item: number(item.get("index")))
    return [_vector(one.get("embedding")) for one in data]


def _vector(value: object) -> list[float]:
    """Return a vector, written as numbers or as the base64 of little-endian floats of 4 bytes."""
    try:
        if isinstance(value, str):
            packed = base64.b64decode(value, validate=True)
            return list(struct.unpack(f"<{len(packed) // 4}f", packed))
        return [float(one) for one in value] if isinstance(value, list) else []
    except (ValueError, TypeError, struct.error):
        return []
