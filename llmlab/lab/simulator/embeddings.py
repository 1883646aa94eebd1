"""Embeddings: OpenAI's endpoint, that of the servers of its form, and Ollama's."""

from __future__ import annotations

import base64
import struct
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.checks import choice, missing
from llmlab.lab.simulator.context import Context
from llmlab.lab.simulator.errors import Refused
from llmlab.lab.simulator.json_access import as_int, texts_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.ollama_models import requested_model
from llmlab.lab.simulator.text_search import embed
from llmlab.lab.wire.messages import TapeAnswer


def openai_embeddings(context: Context) -> TapeAnswer:
    """Answer a POST to `/v1/embeddings`."""
    body = context.body
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter")
    model = context.model(body["model"])
    if not model.embeds:
        raise Refused(403, f"You are not allowed to generate embeddings from the model {model.id}.")
    if body.get("input") is None:
        raise missing("input")
    texts = texts_of(body["input"])
    if not texts:
        raise Refused(400, "Invalid 'input': input cannot be an empty array or an empty string.", param="input")
    encoding = choice(body.get("encoding_format"), "encoding_format", ("float", "base64"), "float")
    size, counts = _size(body, model), [tokens.count(text) for text in texts]
    context.check_length(max(counts), model)
    vectors: list[Any] = [embed(text, size) for text in texts]
    if encoding == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{size}f", *vector)).decode("ascii") for vector in vectors]
    used = sum(counts)
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)],
        "model": model.served,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }
    return context.plain(answer, context.pace(model).after(used), tokens=max(used, 1))


def ollama_embed(context: Context) -> TapeAnswer:
    """Answer a POST to `/api/embed`."""
    body, seed = context.body, context.seed
    model = requested_model(context)
    if not model.embeds:
        raise Refused(400, f"this model does not support embeddings: {model.id}")
    texts, seconds = texts_of(body.get("input")), 0.035
    answer = {
        "model": body.get("model") or body.get("name"),
        "embeddings": [embed(text, _size(body, model)) for text in texts],
        "total_duration": int(seconds * 1e9) + seed.number("total", 900_000),
        "load_duration": 5_000_000 + seed.number("load", 3_000_000),
        "prompt_eval_count": sum(map(tokens.count, texts)),
    }
    return context.plain(answer, seconds)


def _size(body: dict[str, Any], model: Model) -> int:
    size = as_int(body.get("dimensions"))
    if size is not None and not 1 <= size <= model.embeds:
        message = f"Invalid value for 'dimensions' = {size}. Must be between 1 and {model.embeds}."
        raise Refused(400, message, param="dimensions")
    return model.embeds if size is None else size
