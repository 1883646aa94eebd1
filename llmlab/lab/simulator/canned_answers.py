"""Answers from a small stock (`data/knowledge.json`), and of a few fixed kinds: for questions that people type first.

Each function takes the prompt, and returns an answer or an empty text.
"""

from __future__ import annotations

import re
from typing import Final

from llmlab.lab.simulator.json_access import data

KNOWN: Final = data("knowledge")
"""Everything that the responder knows."""
_CAPITALS: dict[str, str] = KNOWN["capitals"]
_FACTS: list[list[str]] = KNOWN["facts"]
"""The words that must all be in the question, then the answers; several answers are for a temperature above 0."""
_PHRASES: dict[str, dict[str, str]] = KNOWN["phrases"]
COORDINATES: dict[str, tuple[str, str]] = KNOWN["coordinates"]
"""Latitude and longitude of cities, for tools that ask for them."""
LANGUAGES = tuple(_PHRASES["hello"])
_WHAT = ("what", "define", "definition", "describe", "explain", "meaning", "mean", "whats")
_NUMBERS = {"three": 3, "five": 5, "ten": 10, "twenty": 20}
_QUOTED = re.compile(r"[\"“«‘']([^\"“”«»‘’']{1,300})[\"”»’']")
_ECHO = re.compile(
    r"^(?:please\s+)?(?:just |only )?(?:say|repeat|echo|write|print|reply|answer|respond)\b"
    r"(?P<how>(?: only| exactly| back| after me| with(?: only| just| exactly)?| just| this| the words?| the sentence)*)"
    r"\s*(?P<colon>:)?\s*(?P<text>.{1,500})$",
    re.I | re.S,
)
_ECHO_END = re.compile(r"(?:\s*,)?\s+(?:and nothing else|in \w+ (?:word|sentence)s?|please)\b", re.I)
_COUNT = re.compile(r"\bcount (?:from (\d+) )?(?:up )?to (\d+|ten|five|three|twenty)\b", re.I)
_WHO = re.compile(r"\b(?:who|what) are you\b|\b(?:which|what) model\b|\bare you (?:real|a simulator|an ai)\b", re.I)
_WHEN = re.compile(r"\b(?:time|date|day) is it\b|\btoday's date\b|\bthe weather\b|\bnews\b", re.I)


def words(name: str) -> frozenset[str]:
    """Return a list of words from the stock."""
    return frozenset(KNOWN["words"][name].split())


def echo(prompt: str) -> str:
    """Repeat a text: `say hello`, `repeat after me: …`, `reply with exactly: OK`."""
    match = _ECHO.match(prompt.strip())
    if not match:
        return ""
    verb, text = prompt.split()[0].lower(), match["text"].strip()
    if quoted := _QUOTED.fullmatch(text.rstrip(".!")):
        return quoted[1]
    if match["colon"] or match["how"].strip() or verb in ("say", "repeat", "echo") or "say " in match[0][:12].lower():
        text = _ECHO_END.split(text)[0]
        return "" if re.match(r"(?:something|a |an |how|what|why|in )", text, re.I) else text[:1].upper() + text[1:]
    return ""


def count(prompt: str) -> str:
    """Count from one number to another, a hundred at most."""
    if not (match := _COUNT.search(prompt)):
        return ""
    first, last = int((match[1] or "1")[:6]), _NUMBERS.get(match[2].lower()) or int(match[2][:6])
    return ", ".join(str(number) for number in range(first, min(last, first + 99) + 1)) + "." if last >= first else ""


def capital(prompt: str) -> str:
    """Name the capitals of the countries in a question."""
    low, parts = prompt.lower(), []
    named = [country for country in _CAPITALS if "capital" in low and re.search(rf"\b{country}\b", low)]
    for country in named[:5]:
        article = "the " if country.startswith(("united", "nether", "usa")) else ""
        name = "USA" if country == "usa" else country.title()
        parts.append(f"the capital of {article}{name} is {_CAPITALS[country]}")
    return ("T" + " and ".join(parts)[1:] + ".") if parts else ""


def translate(prompt: str) -> str:
    """Translate one of a few phrases."""
    low = prompt.lower()
    texts = next((texts for phrase, texts in _PHRASES.items() if re.search(rf"\b{phrase}\b", low)), {})
    named = [language for language in texts if re.search(rf"\b{language}\b", low)]
    if len(named) == 1:
        return texts[named[0]]
    if not named and not re.search(r"translate|languages", low):
        return ""
    many = next((number for word, number in _NUMBERS.items() if f"{word} languages" in low), 3)
    return "\n".join(f"{language.capitalize()}: {texts[language]}" for language in named or list(texts)[:many])


def haiku(prompt: str) -> str:
    """Return a haiku about the topic, else the one about code."""
    low = prompt.lower()
    if "haiku" not in low or re.search(r"what(?:'s| is) a haiku", low):
        return ""
    return str(next(text for topic, text in KNOWN["haikus"].items() if topic in low))


def summary(prompt: str) -> str:
    """Summarise a text by its first sentence."""
    match = re.match(r"(?:please )?summari[sz]e\b[^:\n]{0,60}[:\n]\s*(.{20,})", prompt.strip(), re.I | re.S)
    return re.split(r"(?<=[.!?])\s", match[1].strip())[0][:300] if match else ""


def about_itself(prompt: str) -> str:
    """Say that a simulator is answering."""
    if _WHO.search(prompt):
        return "I am llmlab's simulator: a small program that answers in a model's place."
    if _WHEN.search(prompt):
        return "I am llmlab's simulator and cannot look that up: I have no clock, no window and no network."
    return ""


def fact(prompt: str, variant: int) -> str:
    """Look the question up in the stock of facts; a long text is not a question."""
    asked = re.findall(r"\w+", prompt.lower()[:400])
    for keys, *answers in _FACTS if len(asked) <= 30 else ():
        if all(any(_matches(word, key) for word in asked) for key in keys.split()):
            return answers[variant % len(answers)]
    return ""


def one_word(prompt: str, answer: str) -> str:
    """Shorten an answer to one word."""
    low = prompt.lower()
    for key, word in KNOWN["one_word"].items():
        if all(part in low for part in key.split()):
            return str(word)
    if " = " in answer:
        return answer.rsplit(" = ", 1)[1]
    parts = re.findall(r"[^\W\d_][\w'-]*|\d[\d.,]*", answer.rstrip("."))
    return parts[-1] if parts else "Simulated"


def _matches(word: str, key: str) -> bool:
    if key == "what":
        return word in _WHAT
    return word in (key, key + "s") if len(key) <= 3 else word.startswith(key)
