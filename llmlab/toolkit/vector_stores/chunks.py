"""Cutting a text into chunks that are small enough to be about one thing, and that overlap.

Sizes are in characters, which are the same on every machine; 4 characters are about one token of English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmlab.errors import ConfigurationError
from llmlab.types.validation import is_count

SIZE = 1000
"""Longest chunk in characters, about 250 tokens."""

OVERLAP = 200
"""Most characters that a chunk repeats of the one before."""

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_WORD = re.compile(r"\s+")


def check_sizes(size: int, overlap: int) -> None:
    """Raise a `ConfigurationError` for sizes that do not fit together."""
    for name, value, least in (("chunk_size", size, 1), ("chunk_overlap", overlap, 0)):
        if not is_count(value, least):
            raise ConfigurationError(f"{name} must be a whole number of characters, {least} or more, not {value!r}")
    if overlap * 2 > size:
        raise ConfigurationError(f"chunk_overlap ({overlap}) may be half of chunk_size ({size}) at most")


def split_text(text: str, size: int = SIZE, overlap: int = OVERLAP) -> tuple[str, ...]:
    """Cut a text between paragraphs; a long paragraph between sentences, a long sentence between words.

    Args:
        text: any text.
        size: longest chunk in characters.
        overlap: most characters that a chunk repeats of the one before: as many whole sentences or words as fit.

    Returns:
        parts of the text, unchanged and in order; none of them empty.

    Raises:
        ConfigurationError: the sizes do not fit together.
    """
    check_sizes(size, overlap)
    chunks: list[str] = []
    chunk: list[tuple[int, int]] = []
    for start, end, limit in _parts(text, size):
        if chunk and limit - chunk[0][0] > size:
            chunks.append(text[chunk[0][0] : chunk[-1][1]])
            while chunk and (chunk[-1][1] - chunk[0][0] > overlap or limit - chunk[0][0] > size):
                chunk.pop(0)
        chunk.append((start, end))
    return (*chunks, text[chunk[0][0] : chunk[-1][1]]) if chunk else ()


def _parts(text: str, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield start and end of each sentence, or of the words of a long one; and up to where the chunk should reach."""
    for first, last in _spans(text, _PARAGRAPH, 0, len(text)):
        for start, end in _spans(text, _SENTENCE, first, last):
            if end - start <= size:
                yield start, end, last if last - first <= size else end
                continue
            for word, word_end in _spans(text, _WORD, start, end):
                for at in range(word, word_end, size):
                    stop = min(at + size, word_end)
                    yield at, stop, stop


def _spans(text: str, cut: re.Pattern[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans between the cuts, without the white space around them."""
    edges = [start, *(edge for match in cut.finditer(text, start, end) for edge in match.span()), end]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        part = text[first:last]
        if stripped := part.strip():
            first += part.index(stripped)
            yield first, first + len(stripped)
