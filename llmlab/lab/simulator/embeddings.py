"""The endpoints that turn texts into vectors: OpenAI's, that of the services of its form, and Ollama's."""

from __future__ import annotations

import base64
import struct
from typing import Any

from llmlab.lab.simulator import openai_checks as checks
from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.context import Ask
from llmlab.lab.simulator.embedding_vectors import embed
from llmlab.lab.simulator.errors import Refused, too_long
from llmlab.lab.simulator.json_access import as_int, texts_of
from llmlab.lab.simulator.models import Model
from llmlab.lab.simulator.ollama_models import asked_model
from llmlab.lab.wire.messages import TapeAnswer


def openai(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/v1/embeddings`, at OpenAI and the services of its form."""
    body = ask.body
    if not body.get("model"):
        raise Refused(400, "you must provide a model parameter")
    model = ask.model()
    if not model.embeds:
        raise Refused(403, f"You are not allowed to generate embeddings from the model {model.id}.")
    if body.get("input") is None:
        raise checks.missing("input")
    texts = texts_of(body["input"])
    if not texts:
        raise Refused(400, "Invalid 'input': input cannot be an empty array or an empty string.", param="input")
    encoding = body.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise checks.invalid_value("encoding_format", encoding, ("float", "base64"))
    size = _size(body, model)
    vectors = [embed(text, size) for text in texts]
    shown: list[Any] = [_packed(vector) for vector in vectors] if encoding == "base64" else vectors
    used = sum(tokens.count(text) for text in texts)
    longest = max(tokens.count(text) for text in texts)
    if longest > model.context:
        raise too_long(ask.service, ask.path, longest, model.context)
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(shown)],
        "model": model.served,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }
    return ask.plain(answer, ask.pace(model).after(used), tokens=max(used, 1))


def ollama(ask: Ask) -> TapeAnswer:
    """Answer a POST to `/api/embed`."""
    body = ask.body
    model = asked_model(ask)
    if not model.embeds:
        raise Refused(400, f"this model does not support embeddings: {model.id}")
    texts = texts_of(body.get("input"))
    seconds, used = 0.035, sum(tokens.count(text) for text in texts)
    answer = {
        "model": body.get("model") or body.get("name"),
        "embeddings": [embed(text, _size(body, model)) for text in texts],
        "total_duration": int(seconds * 1e9) + ask.seed.number("total", 900_000),
        "load_duration": 5_000_000 + ask.seed.number("load", 3_000_000),
        "prompt_eval_count": used,
    }
    return ask.plain(answer, seconds)


def _size(body: dict[str, Any], model: Model) -> int:
    wanted = as_int(body.get("dimensions"))
    if wanted is None:
        return model.embeds
    if not 1 <= wanted <= model.embeds:
        message = f"Invalid value for 'dimensions' = {wanted}. Must be between 1 and {model.embeds}."
        raise Refused(400, message, param="dimensions")
    return wanted


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
