"""Embeddings of OpenAI."""

from __future__ import annotations

import struct
from base64 import b64decode
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse
from simulator_requests import WEATHER, ask

TOOL = {"type": "function", "function": WEATHER}
CITIES = "What's the weather in Seattle and San Francisco today?"


def test_embeddings_are_near_for_near_texts_and_the_same_in_base64() -> None:
    """Else retrieval finds the wrong passage, or the SDK, which asks for base64, reads other vectors."""
    body: dict[str, Any] = {"model": "text-embedding-3-small"}
    texts = ["A cat sleeps", "The cat is sleeping", "Stock prices fell"]
    parsed = CreateEmbeddingResponse.model_validate(ask("openai", "/v1/embeddings", body | {"input": texts}).body)
    one, two, three = (item.embedding for item in parsed.data)
    assert (len(one), sum(number * number for number in one)) == (1536, pytest.approx(1))
    assert sum(map(float.__mul__, one, two)) > 0.3 + sum(map(float.__mul__, one, three))
    body |= {"input": "Hello world", "dimensions": 64}
    plain = ask("openai", "/v1/embeddings", body).body["data"][0]["embedding"]
    packed = ask("openai", "/v1/embeddings", body | {"encoding_format": "base64"}).body["data"][0]["embedding"]
    assert list(struct.unpack("<64f", b64decode(packed))) == pytest.approx(plain, abs=1e-6)
