"""A prompt, taken apart into what can fill a field: quoted texts, numbers, names, places, codes."""

from __future__ import annotations

import re
from typing import Any

_MOST_VALUES = 500
_QUOTED = re.compile(r"[\"“«]([^\"“”«»]{1,300})[\"”»]|(?<!\w)['‘]([^'‘’]{1,300})['’](?!\w)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'-]*(?:(?:,? (?=[A-Z]{2}\b)| )(?:of |de )?[A-ZÀ-Þ][\w'-]*)*")
_CODE = re.compile(r"\b[A-Z]{3}\b")
_OPENING_WORDS = (
    "a add an and answer are calculate call can compute convert could did do does fetch find for from get give hello "
    "hi how i i'm in is it let list look make name my now order please roll search send set show tell that the this to "
    "translate use weather what what's when where which who whose why will with would you"
)
_OPENERS = frozenset(_OPENING_WORDS.split())


class Prompt:
    """A prompt, taken apart; values that were used once are not used again.

    Args:
        text: what the user said.
        place: the place this call is about, where the prompt names several.
        root: the whole schema, in which `$ref` finds its definitions.
    """

    def __init__(self, text: str, place: str = "", root: dict[str, Any] | None = None) -> None:
        self.root = root or {}
        self.left = _MOST_VALUES
        self.text = text[:4000]
        self.low = self.text.lower()
        self.quoted: list[str] = [one or other for one, other in _QUOTED.findall(self.text)]
        self.numbers: list[str] = _NUMBER.findall(self.text)
        self.names = _names(self.text)
        self.places = [place] if place else list(self.names)
        self.codes: list[str] = _CODE.findall(self.text)


def places_in(text: str) -> list[str]:
    """Give the capitalised names in a text, each once."""
    return _names(text[:4000])


def _names(text: str) -> list[str]:
    found: list[str] = []
    for match in _CAPITALISED.findall(text):
        parts = match.split()
        while parts and parts[0].lower().strip(",") in _OPENERS:
            parts = parts[1:]
        name = " ".join(parts)
        if name and name not in found:
            found.append(name)
    return found
