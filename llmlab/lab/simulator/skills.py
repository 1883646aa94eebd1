"""The small things the simulator can do with a prompt. Each takes the prompt and gives an answer, or nothing."""

from __future__ import annotations

import re

from llmlab.lab.simulator import arithmetic
from llmlab.lab.simulator.canned_answers import CAPITALS, FACTS, HAIKUS, LANGUAGES, PHRASES, SHORT

_QUOTED = re.compile(r"[\"“«‘']([^\"“”«»‘’']{1,300})[\"”»’']")
_ECHO = re.compile(
    r"^(?:please\s+)?(?:just |only )?(?:say|repeat|echo|write|print|reply|answer|respond)\b"
    r"(?P<how>(?: only| exactly| back| after me| with(?: only| just| exactly)?| just| this| the words?| the sentence)*)"
    r"\s*(?P<colon>:)?\s*(?P<text>.{1,500})$",
    re.I | re.S,
)
_COUNT = re.compile(r"\bcount (?:from (\d+) )?(?:up )?to (\d+|ten|five|three|twenty)\b", re.I)
_WHAT = frozenset(("what", "define", "definition", "describe", "explain", "meaning", "mean", "whats"))
_NUMBERS = {"three": 3, "five": 5, "ten": 10, "twenty": 20}


def echo(prompt: str) -> str:
    """Say what one is asked to say: `say hello`, `repeat after me: …`, `reply with exactly: OK`."""
    match = _ECHO.match(prompt.strip())
    if not match:
        return ""
    verb, text = prompt.split()[0].lower(), match["text"].strip()
    if quoted := _QUOTED.fullmatch(text.rstrip(".!")):
        return quoted[1]
    if match["colon"] or match["how"].strip() or verb in ("say", "repeat", "echo") or "say " in match[0][:12].lower():
        first = re.split(r"(?:\s*,)?\s+(?:and nothing else|in \w+ (?:word|sentence)s?|please)\b", text, flags=re.I)[0]
        return "" if re.match(r"(?:something|a |an |how|what|why|in )", first, re.I) else _sentence(first)
    return ""


def sums(prompt: str) -> str:
    """Work out an arithmetic expression."""
    found = arithmetic.find(prompt)
    return f"{found[0]} = {found[1]}" if found else ""


def count(prompt: str) -> str:
    """Count from one number to another, a hundred at most."""
    match = _COUNT.search(prompt)
    if not match:
        return ""
    first, last = int((match[1] or "1")[:6]), _NUMBERS.get(match[2].lower()) or int(match[2][:6])
    return ", ".join(str(number) for number in range(first, min(last, first + 99) + 1)) + "." if last >= first else ""


def capital(prompt: str) -> str:
    """Name the capital of a country."""
    low = prompt.lower()
    if "capital" not in low:
        return ""
    named = [country for country in CAPITALS if re.search(rf"\b{country}\b", low)]
    parts = [f"the capital of {_country(country)} is {CAPITALS[country]}" for country in named[:5]]
    return _sentence(" and ".join(parts)) + "." if parts else ""


def translate(prompt: str) -> str:
    """Translate one of a handful of phrases."""
    low = prompt.lower()
    phrase = next((phrase for phrase in PHRASES if re.search(rf"\b{phrase}\b", low)), None)
    wanted = [language for language in LANGUAGES if re.search(rf"\b{language}\b", low)]
    if phrase is None or not (wanted or re.search(r"translate|languages", low)):
        return ""
    many = next((number for word, number in _NUMBERS.items() if f"{word} languages" in low), 3)
    wanted = wanted or list(LANGUAGES[:many])
    if len(wanted) == 1:
        return PHRASES[phrase][wanted[0]]
    return "\n".join(f"{language.capitalize()}: {PHRASES[phrase][language]}" for language in wanted)


def haiku(prompt: str) -> str:
    """Recite one of a few haikus; the one about the code when none is about the topic."""
    low = prompt.lower()
    if "haiku" not in low or re.search(r"what(?:'s| is) a haiku", low):
        return ""
    return next((text for topic, text in HAIKUS.items() if topic in low), HAIKUS["sea" if "ocean" in low else "code"])


def words(prompt: str) -> str:
    """Reverse, spell, capitalise or count the letters and words of a quoted text."""
    quoted, low = _QUOTED.search(prompt), prompt.lower()
    if quoted is None:
        return ""
    text = quoted[1]
    if "reverse" in low or "backwards" in low:
        return text[::-1]
    if "upper" in low or "capital letters" in low:
        return text.upper()
    if "how many words" in low:
        return f"“{text}” has {len(text.split())} words."
    if "how many letters" in low or "how many characters" in low:
        return f"“{text}” has {sum(map(str.isalpha, text))} letters."
    return ""


def sentiment(prompt: str) -> str:
    """Tell a praising from a complaining text by a few words of each kind."""
    low = prompt.lower()
    if not re.search(r"sentiment|positive or negative|classify", low):
        return ""
    good = len(
        re.findall(r"\b(?:love|great|good|excellent|happy|wonderful|nice|best|delicious|amazing|perfect)\b", low)
    )
    poor = len(re.findall(r"\b(?:hate|poor|terrible|awful|sad|worst|broken|slow|boring|disappoint\w*|horrible)\b", low))
    return "Positive." if good > poor else "Negative." if poor > good else "Neutral."


def summarise(prompt: str) -> str:
    """Summarise a text by its first sentence."""
    match = re.match(r"(?:please )?summari[sz]e\b[^:\n]{0,60}[:\n]\s*(.{20,})", prompt.strip(), re.I | re.S)
    return re.split(r"(?<=[.!?])\s", match[1].strip())[0][:300] if match else ""


def fact(prompt: str, variant: int) -> str:
    """Look the question up in the small stock of facts."""
    asked = re.findall(r"\w+", prompt.lower()[:400])
    if len(asked) > 30:  # a long text is not a question, whatever words are in it
        return ""
    for keys, answers in FACTS:
        if all(any(_fits(word, key) for word in asked) for key in keys):
            return answers[variant % len(answers)]
    return ""


def about_itself(prompt: str) -> str:
    """Say what is talking."""
    if re.search(
        r"\b(?:who|what) are you\b|\bwhich model\b|\bwhat model\b|\bare you (?:real|a simulator|an ai)\b", prompt, re.I
    ):
        return "I am llmlab's simulator: a small program that answers in a model's place."
    if re.search(r"\b(?:time|date|day) is it\b|\btoday's date\b|\bthe weather\b|\bnews\b", prompt, re.I):
        return "I am llmlab's simulator and cannot look that up: I have no clock, no window and no network."
    return ""


def one_word(prompt: str, answer: str) -> str:
    """Shorten an answer to its one word."""
    low = prompt.lower()
    for key, word in SHORT.items():
        if all(part in low for part in key.split()):
            return word
    if " = " in answer:
        return answer.rsplit(" = ", 1)[1]
    names = re.findall(r"[^\W\d_][\w'-]*|\d[\d.,]*", answer.rstrip("."))
    return names[-1] if names else "Simulated"


def _fits(word: str, key: str) -> bool:
    if key == "what":
        return word in _WHAT
    return word in (key, key + "s") if len(key) <= 3 else word.startswith(key)


def _country(name: str) -> str:
    if name == "usa":
        return "the USA"
    return ("the " if name.startswith(("united", "nether")) else "") + name.title()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
