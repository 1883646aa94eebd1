"""Embeddings by hashing: texts that share words, or parts of words, are near each other.

Method: every word (weight 1) and every run of three letters inside it (weight 0.3) is hashed to one place of the
vector and to a sign, summed up, and the vector is scaled to length 1. Frequent little words weigh a tenth. So "cats"
is near "cat", and "a cat sleeps" is nearer to "the cat slept" than to "stock prices"; but nothing here knows that a
kitten is a cat.
"""

from __future__ import annotations

import hashlib
import math
import re
from functools import lru_cache

_LITTLE_WORDS = "a an and are as at be by for from in is it of on or that the this to was what which with"
LITTLE = frozenset(_LITTLE_WORDS.split())
"""Words that say nothing about what a text is about."""
_WORD = re.compile(r"\w+")


def embed(text: str, size: int) -> list[float]:
    """Turn a text into a vector of length 1.

    Args:
        text: any text; one without a word gives a vector all of its own.
        size: how many numbers the vector has.
    """
    vector = [0.0] * size
    for word in _WORD.findall(text.lower()) or [f"\0{text}"]:
        for place, weight in _features(word):
            vector[place % size] += weight
    length = math.sqrt(sum(number * number for number in vector))
    if not length:  # two words that cancel each other out exactly
        vector[0] = length = 1.0
    return [round(number / length, 9) for number in vector]


@lru_cache(maxsize=20_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    weight = 0.1 if word in LITTLE else 1.0
    parts = [(word, weight), *((f"…{word[at : at + 3]}", 0.3 * weight) for at in range(len(word) - 2))]
    return tuple(_feature(part, weight) for part, weight in parts)


def _feature(part: str, weight: float) -> tuple[int, float]:
    digest = hashlib.blake2b(part.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest[:7]), weight if digest[7] & 1 else -weight
