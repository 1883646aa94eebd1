"""Embeddings: OpenAI's endpoint, that of the servers of its form, and Ollama's."""

from __future__ import annotations

import base64
import struct
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Context, Routes
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.fields import NEEDED, check, one_of
from llmlab.lab.simulator.json_access import as_int, texts_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.text_search import vector
from llmlab.lab.wire.messages import TapeAnswer

_FIELDS = {"input": NEEDED, "encoding_format": one_of("float", "base64")}


def _embeddings(context: Context) -> TapeAnswer:
    body = context.body
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter")
    model = context.model(body["model"])
    if not model.embeds:
        raise Refused(403, f"You are not allowed to generate embeddings from the model {model.id}.")
    check(body, _FIELDS)
    texts = texts_of(body["input"])
    if not texts:
        raise Refused(400, "Invalid 'input': input cannot be an empty array or an empty string.", param="input")
    size, counts = _size(body, model), [tokens.count(text) for text in texts]
    context.check_length(max(counts), model)
    vectors: list[Any] = [vector(text, size) for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{size}f", *vector)).decode("ascii") for vector in vectors]
    used = sum(counts)
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)],
        "model": model.served,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }
    return context.plain(answer, context.pace(model).after(used), tokens=max(used, 1))


def embed(context: Context) -> dict[str, Any]:
    """Answer Ollama's own endpoint."""
    body, seed, model = context.body, context.seed, context.named_model()
    if not model.embeds:
        raise Refused(400, f"this model does not support embeddings: {model.id}")
    texts = texts_of(body.get("input"))
    return {
        "model": body.get("model") or body.get("name"),
        "embeddings": [vector(text, _size(body, model)) for text in texts],
        "total_duration": 35_000_000 + seed.number("total", 900_000),
        "load_duration": 5_000_000 + seed.number("load", 3_000_000),
        "prompt_eval_count": sum(map(tokens.count, texts)),
    }


def _size(body: dict[str, Any], model: Model) -> int:
    size = as_int(body.get("dimensions"))
    if size is not None and not 1 <= size <= model.embeds:
        message = f"Invalid value for 'dimensions' = {size}. Must be between 1 and {model.embeds}."
        raise Refused(400, message, param="dimensions")
    return model.embeds if size is None else size


OPENAI: Routes = {"/v1/embeddings": {"POST": _embeddings}}
