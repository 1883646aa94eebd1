"""Cutting a text into pieces that are small enough to be about one thing, and that overlap so that nothing is torn.

Sizes are in characters, because those are the same on every machine; 4 characters are about one token of English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from llmlab.errors import ConfigurationError

SIZE = 1000
"""Characters of a piece at most, about 250 tokens."""

OVERLAP = 200
"""Characters at most that a piece repeats of the one before it."""

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_WORD = re.compile(r"\s+")

_Span: TypeAlias = tuple[int, int]


def check_sizes(size: int, overlap: int) -> None:
    """Refuse sizes that make no sense.

    Raises:
        ConfigurationError: says which would.
    """
    for name, value, least in (("chunk_size", size, 1), ("chunk_overlap", overlap, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ConfigurationError(f"{name} must be a whole number of characters, {least} or more, not {value!r}")
    if overlap * 2 > size:
        raise ConfigurationError(f"chunk_overlap ({overlap}) may be half of chunk_size ({size}) at most")


def split_text(text: str, size: int = SIZE, overlap: int = OVERLAP) -> tuple[str, ...]:
    """Cut a text between paragraphs; a long paragraph between sentences, a long sentence between words.

    Args:
        text: any text.
        size: characters of a piece at most.
        overlap: characters at most that a piece repeats of the one before: whole sentences or words, as many as fit.

    Returns:
        parts of the text as they stand in it, in its order; none of them empty.
    """
    check_sizes(size, overlap)
    pieces: list[str] = []
    piece: list[_Span] = []

    def make_room(until: int) -> None:
        """Begin a new piece, if this one cannot reach so far."""
        if not piece or until - piece[0][0] <= size:
            return
        pieces.append(text[piece[0][0] : piece[-1][1]])
        while piece and (piece[-1][1] - piece[0][0] > overlap or until - piece[0][0] > size):
            piece.pop(0)

    for start, end in _spans(text, _PARAGRAPH, 0, len(text)):
        if end - start <= size:
            make_room(end)
        for part in _parts(text, size, start, end):
            make_room(part[1])
            piece.append(part)
    return (*pieces, text[piece[0][0] : piece[-1][1]]) if piece else ()


def _parts(text: str, size: int, start: int, end: int) -> Iterator[_Span]:
    """Give the sentences of a paragraph; the words of a long one; slices of a word without end."""
    for sentence in _spans(text, _SENTENCE, start, end):
        if sentence[1] - sentence[0] <= size:
            yield sentence
            continue
        for first, last in _spans(text, _WORD, *sentence):
            yield from ((at, min(at + size, last)) for at in range(first, last, size))


def _spans(text: str, cut: re.Pattern[str], start: int, end: int) -> Iterator[_Span]:
    """Give the places between the cuts, without the white space around them."""
    edges = [start, *(edge for match in cut.finditer(text, start, end) for edge in match.span()), end]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        part = text[first:last]
        if found := part.strip():
            first += part.index(found)
            yield first, first + len(found)
