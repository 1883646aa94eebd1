"""Cutting texts. If one fails, a part of somebody's document can never be found, or a chunk is too long to embed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from llmlab.errors import ConfigurationError
from llmlab.toolkit.vector_stores import split_text

GAPS = some.lists(some.sampled_from(["", " ", ". ", "!\n", "\n\n", " \t"]), max_size=60)


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def written(gaps: list[str]) -> tuple[str, str]:
    """A text in which no letter comes twice, and its letters."""
    letters = "".join(chr(0x4E00 + place) for place in range(len(gaps)))
    return "".join(letter + gap for letter, gap in zip(letters, gaps, strict=True)), letters


@given(GAPS, some.integers(1, 40), some.integers(0, 20))
def test_every_letter_is_in_a_chunk_that_is_short_enough(gaps: list[str], size: int, overlap: int) -> None:
    text, letters = written(gaps)
    chunks = split_text(text, size, min(overlap, size // 2))
    assert all(chunk == chunk.strip() and 0 < len(chunk) <= size and chunk in text for chunk in chunks)
    assert "".join(letter for letter in letters if any(letter in chunk for chunk in chunks)) == letters
    firsts = [chunk[0] for chunk in chunks if chunk[0] in letters]
    assert firsts == sorted(set(firsts))


@given(GAPS, some.integers(1, 40))
def test_without_overlap_nothing_is_said_twice(gaps: list[str], size: int) -> None:
    text, _ = written(gaps)
    assert bare("".join(split_text(text, size, 0))) == bare(text)


def test_paragraphs_stay_whole_where_they_can() -> None:
    """A chunk that begins in the middle of a paragraph is about two things."""
    one, two = "The cat sleeps. The cat eats.", "The dog barks. The dog runs."
    assert split_text(f"{one}\n\n{two}", 40, 0) == (one, two)
    assert split_text(f"{one}\r\n \r\n{two}", 100, 0) == (f"{one}\r\n \r\n{two}",)


def test_a_long_paragraph_is_cut_between_sentences_and_repeats_the_last_one() -> None:
    text = "One is here. Two is here. Three is here. Four is here."
    assert split_text(text, 30, 14) == (
        "One is here. Two is here.",
        "Two is here. Three is here.",
        "Three is here. Four is here.",
    )


def test_a_long_sentence_is_cut_between_words_and_a_long_word_anywhere() -> None:
    assert split_text("many small words in a row", 12, 0) == ("many small", "words in a", "row")
    assert split_text("x" * 25, 10, 0) == ("x" * 10, "x" * 10, "x" * 5)


def test_a_text_without_words_has_no_chunks() -> None:
    assert split_text(" \n\n\t ") == ()


def test_wrong_sizes_are_refused() -> None:
    """Else cutting never ends."""
    sizes: list[tuple[Any, int]] = [(0, 0), (10, 6), (10, -1), (1.5, 0), (True, 0)]
    for size, overlap in sizes:
        with pytest.raises(ConfigurationError, match="chunk_"):
            split_text("Hi", size, overlap)
