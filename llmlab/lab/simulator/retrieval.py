"""Finding what texts say about a question: cuts texts into chunks, ranks them, picks the sentence that answers.

The score of a chunk is how near its embedding is to that of the question (see `vectors`), from 0 to 1. Filters on
the attributes of files follow OpenAI's form: `{"type": "eq", "key": …, "value": …}`, and `and`/`or` of such.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llmlab.lab.simulator import tokens
from llmlab.lab.simulator.embedding_vectors import LITTLE, embed
from llmlab.lab.simulator.json_access import as_list, as_str, dicts

_SIZE = 512  # numbers in an embedding; enough for a few thousand different words
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_HINTS = (
    (re.compile(r"\bwho(?:se|m)?\b", re.I), re.compile(r"(?<=[a-z,] )[A-Z]\w+")),
    (re.compile(r"\bwhen\b|\bhow (?:many|much|long|old|far)\b", re.I), re.compile(r"\d")),
)
_CONTEXT = re.compile(
    r"\b(?:context|sources?|passages?|documents?|excerpts?)\b[^:\n<]{0,40}:|</?(?:context|sources?|documents?)>", re.I
)
_MARKED = re.compile(r"^question: *(\S.*)", re.I | re.M)
_QUESTION = re.compile(r"[^.!?\n:]{3,300}\?")
_ASKING_WORDS = "what which who whom whose when where why how does did do can could should would will there"
_ASKING = frozenset(_ASKING_WORDS.split())

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda has, wanted: has in as_list(wanted),
    "nin": lambda has, wanted: has not in as_list(wanted),
}


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a file: whose it is, what it says, and how near it is to the question."""

    file_id: str
    filename: str
    attributes: Mapping[str, Any]
    text: str
    score: float = 0.0


@lru_cache(maxsize=64)
def chunks(text: str, size: int) -> tuple[str, ...]:
    """Cut a text between paragraphs into pieces of that many tokens; a longer paragraph is cut between sentences."""
    pieces, piece, used = [], "", 0
    for part, gap in _parts(text, size):
        cost = tokens.count(part)
        if piece and used + cost > size:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = f"{piece}{gap if piece else ''}{part}", used + cost
    return (*pieces, piece) if piece else tuple(pieces)


def _parts(text: str, size: int) -> Iterator[tuple[str, str]]:
    """Give the paragraphs of a text, or the sentences of a long one, each with what stands before it."""
    for paragraph in filter(None, (one.strip() for one in re.split(r"\n\s*\n", text))):
        if len(paragraph) <= size or tokens.count(paragraph) <= size:
            yield paragraph, "\n\n"
        else:
            yield from ((sentence, " ") for sentence in _SENTENCE.split(paragraph) if sentence)


def rank(query: str, passages: Sequence[Passage], most: int, threshold: float = 0.0) -> list[Passage]:
    """Give the passages that are nearest to a question, the nearest first.

    Args:
        query: the question.
        passages: where to look.
        most: how many at most.
        threshold: lowest score.
    """
    asked = _vector(query)
    scored = [
        Passage(one.file_id, one.filename, one.attributes, one.text, _near(asked, _vector(one.text)))
        for one in passages
    ]
    found = [one for one in scored if one.score >= threshold]
    return sorted(found, key=lambda one: -one.score)[:most]


def best_sentence(query: str, text: str) -> str:
    """Give the sentence of a text that has most of the words of a question, or nothing.

    Of two that have as many, a question for a person takes the one with a name, a question for a number the one with
    a number.
    """
    asked = _words(query)
    hint = next((what for asks, what in _HINTS if asks.search(query)), None)
    best, most = "", 0.0
    for sentence in (sentence.strip() for sentence in _SENTENCE.split(text)):
        shared = len(asked & _words(sentence))
        score = shared + (0.5 if shared and hint and hint.search(sentence) else 0.0)
        if score > most and not sentence.endswith("?"):
            best, most = sentence, score
    return best


def from_context(prompt: str, instructions: str) -> str:
    """Answer a question out of the texts that were sent along with it ("Context: …"), or give nothing."""
    sent = f"{instructions}\n{prompt}"
    if (found := _CONTEXT.search(sent)) is None:
        return ""
    questions = _MARKED.findall(prompt) or _QUESTION.findall(prompt)
    question = questions[-1].strip() if questions else prompt[-300:]
    # What stands before the texts are instructions, and no answer to anything.
    return best_sentence(question, _CONTEXT.sub("\n", sent[found.start() :].replace(question, "")))


def matches(attributes: Mapping[str, Any], rule: Any) -> bool:
    """Hold the attributes of a file to a filter. What is no filter lets everything pass."""
    if not isinstance(rule, dict):
        return True
    kind = as_str(rule.get("type"))
    if kind in ("and", "or"):
        found = (matches(attributes, one) for one in dicts(rule.get("filters")))
        return all(found) if kind == "and" else any(found)
    has = attributes.get(as_str(rule.get("key")))
    try:
        return kind not in _COMPARE or _COMPARE[kind](has, rule.get("value"))
    except TypeError:  # a number beside a text
        return False


@lru_cache(maxsize=512)
def _vector(text: str) -> tuple[float, ...]:
    return tuple(embed(text, _SIZE))


def _near(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return round(min(1.0, max(0.0, product)), 6)


def _words(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower()[:4000])
    return {re.sub(r"(?:ing|ed|es|s)$", "", word) for word in words if word not in LITTLE and word not in _ASKING}
