"""Embeddings by hashing: texts that share words, or parts of words, are near each other.

Method: every word (weight 1) and every run of three letters inside it (weight 0.3) is hashed to one place of the
vector and to a sign, summed up, and the vector is scaled to length 1. Frequent little words weigh a tenth. So "cats"
is near "cat", and "a cat sleeps" is nearer to "the cat slept" than to "stock prices"; but nothing here knows that a
kitten is a cat.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from typing import Any

from llmlab.tape.exchange import TapeAnswer
from llmlab.tape.simulator import openai_checks as checks
from llmlab.tape.simulator import tokens
from llmlab.tape.simulator.ask import Ask
from llmlab.tape.simulator.errors import Refused, unknown_model
from llmlab.tape.simulator.models import Model, find
from llmlab.tape.simulator.reading import as_int

_LITTLE_WORDS = "a an and are as at be by for from in is it of on or that the this to was what which with"
_LITTLE = frozenset(_LITTLE_WORDS.split())
_WORD = re.compile(r"\w+")


def embed(text: str, size: int) -> list[float]:
    """Turn a text into a vector of length 1.

    Args:
        text: any text; one without a word gives a vector all of its own.
        size: how many numbers the vector has.
    """
    vector = [0.0] * size
    for word in _WORD.findall(text.lower()) or [f"\0{text}"]:
        weight = 0.1 if word in _LITTLE else 1.0
        _add(vector, word, weight)
        for at in range(len(word) - 2):
            _add(vector, f"…{word[at : at + 3]}", 0.3 * weight)
    length = math.sqrt(sum(number * number for number in vector))
    if not length:  # two words that cancel each other out exactly
        vector[0] = length = 1.0
    return [round(number / length, 9) for number in vector]


def _add(vector: list[float], feature: str, weight: float) -> None:
    digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
    vector[int.from_bytes(digest[:7]) % len(vector)] += weight if digest[7] & 1 else -weight


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
    texts = _texts(body["input"])
    if not texts:
        raise Refused(400, "Invalid 'input': input cannot be an empty array or an empty string.", param="input")
    encoding = body.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise checks.invalid_value("encoding_format", encoding, ("float", "base64"))
    size = _size(body, model)
    vectors = [embed(text, size) for text in texts]
    shown: list[Any] = [_packed(vector) for vector in vectors] if encoding == "base64" else vectors
    used = sum(tokens.count(text) for text in texts)
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
    model = find("ollama", body.get("model"))
    if not body.get("model"):
        raise Refused(400, "model is required")
    if model is None:
        raise unknown_model("ollama", ask.path, body["model"])
    if not model.embeds:
        raise Refused(400, f"this model does not support embeddings: {model.id}")
    texts = _texts(body.get("input"))
    seconds, used = 0.035, sum(tokens.count(text) for text in texts)
    answer = {
        "model": body["model"],
        "embeddings": [embed(text, _size(body, model)) for text in texts],
        "total_duration": int(seconds * 1e9) + ask.seed.number("total", 900_000),
        "load_duration": 5_000_000 + ask.seed.number("load", 3_000_000),
        "prompt_eval_count": used,
    }
    return ask.plain(answer, seconds)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    items = value if isinstance(value, list) else []
    if items and all(isinstance(item, int) for item in items):  # one text, as token numbers
        return [" ".join(str(item) for item in items)]
    return [
        item if isinstance(item, str) else " ".join(map(str, item)) for item in items if isinstance(item, (str, list))
    ]


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
