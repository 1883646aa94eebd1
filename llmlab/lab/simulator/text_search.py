"""Search in texts: vectors for texts, chunks, the nearest chunks to a question, and the sentence that answers it.

A vector is made by hashing: every word (weight 1) and every run of three letters in it (weight 0.3) goes to one place
of the vector with one sign; frequent small words weigh a tenth; the vector is scaled to length 1. So "cats" is near
"cat", but nothing here knows that a kitten is a cat.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.canned_answers import words
from llmlab.lab.simulator.conversation import Passage

_SIZE = 512  # enough for a few thousand different words
_SMALL_WORDS, _ASKING_WORDS = words("small"), words("asking")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_HINTS = (
    # what kind of question it is, and what its answer has in it
    (re.compile(r"\bwho(?:se|m)?\b", re.I), re.compile(r"(?<=[a-z,] )[A-Z]\w+")),
    (re.compile(r"\bwhen\b|\bhow (?:many|much|long|old|far)\b", re.I), re.compile(r"\d")),
)
_SOURCES = re.compile(
    r"\b(?:context|sources?|passages?|documents?|excerpts?)\b[^:\n<]{0,40}:|</?(?:context|sources?|documents?)>", re.I
)
_QUESTION_LINE = re.compile(r"^question: *(\S.*)", re.I | re.M)
_QUESTION = re.compile(r"[^.!?\n:]{3,300}\?")


def vector(text: str, size: int) -> list[float]:
    """Return the vector of a text, with that many numbers and of length 1."""
    numbers = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [f"\0{text}"]:
        for place, weight in _features(word):
            numbers[place % size] += weight
    length = math.sqrt(sum(number * number for number in numbers))
    if not length:  # two words cancel each other out
        numbers[0] = length = 1.0
    return [round(number / length, 9) for number in numbers]


@lru_cache(maxsize=20_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    weight = 0.1 if word in _SMALL_WORDS else 1.0
    parts = [(word, weight), *((f"…{word[at : at + 3]}", 0.3 * weight) for at in range(len(word) - 2))]
    digests = [hashlib.blake2b(part.encode("utf-8", "replace"), digest_size=8).digest() for part, _ in parts]
    signed = zip(digests, parts, strict=True)
    return tuple((int.from_bytes(one[:7]), weight if one[7] & 1 else -weight) for one, (_, weight) in signed)


@lru_cache(maxsize=64)
def chunks(text: str, size: int) -> tuple[str, ...]:
    """Cut a text into chunks of that many tokens, between paragraphs; a longer paragraph between sentences."""
    parts: list[tuple[str, str]] = []
    for paragraph in filter(None, (one.strip() for one in re.split(r"\n\s*\n", text))):
        if len(paragraph) <= size or tokens.count(paragraph) <= size:
            parts.append((paragraph, "\n\n"))
        else:
            parts += [(sentence, " ") for sentence in _SENTENCE.split(paragraph) if sentence]
    found, chunk, used = [], "", 0
    for part, gap in parts:
        cost = tokens.count(part)
        if chunk and used + cost > size:
            found.append(chunk)
            chunk, used = "", 0
        chunk, used = f"{chunk}{gap if chunk else ''}{part}", used + cost
    return (*found, chunk) if chunk else tuple(found)


def nearest(question: str, passages: Sequence[Passage], most: int, threshold: float = 0.0) -> list[Passage]:
    """Return the passages that are nearest to a question, the nearest first.

    Args:
        question: the question.
        passages: where to look.
        most: how many at most.
        threshold: lowest score, from 0 to 1.
    """
    asked = _vector(question)
    scored = [replace(one, score=_similarity(asked, _vector(one.text))) for one in passages]
    return sorted((one for one in scored if one.score >= threshold), key=lambda one: -one.score)[:most]


@lru_cache(maxsize=512)
def _vector(text: str) -> tuple[float, ...]:
    return tuple(vector(text, _SIZE))


def _similarity(one: Sequence[float], other: Sequence[float]) -> float:
    return round(min(1.0, max(0.0, sum(a * b for a, b in zip(one, other, strict=True)))), 6)


def best_sentence(question: str, text: str) -> str:
    """Return the sentence with most of a question's words, or an empty text.

    Of two equal ones, a question for a person takes the one with a name, a question for a number the one with a digit.
    """
    asked = _content_words(question)
    hint = next((pattern for asks, pattern in _HINTS if asks.search(question)), None)
    best, most = "", 0.0
    for sentence in (sentence.strip() for sentence in _SENTENCE.split(text)):
        shared = len(asked & _content_words(sentence))
        score = shared + (0.5 if shared and hint and hint.search(sentence) else 0.0)
        if score > most and not sentence.endswith("?"):
            best, most = sentence, score
    return best


def from_context(prompt: str, instructions: str) -> str:
    """Answer a question from texts in the same request ("Context: …"); an empty text if there are none."""
    text = f"{instructions}\n{prompt}"
    if (start := _SOURCES.search(text)) is None:
        return ""
    questions = _QUESTION_LINE.findall(prompt) or _QUESTION.findall(prompt)
    question = questions[-1].strip() if questions else prompt[-300:]
    # The text before the sources is instructions, and answers nothing.
    return best_sentence(question, _SOURCES.sub("\n", text[start.start() :].replace(question, "")))


def _content_words(text: str) -> set[str]:
    said = set(re.findall(r"\w+", text.lower()[:4000])) - _SMALL_WORDS - _ASKING_WORDS
    return {re.sub(r"(?:ing|ed|es|s)$", "", word) for word in said}
