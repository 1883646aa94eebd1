"""The built-in responder's small stock of answers: capitals, phrases, facts, and answers of a few fixed kinds.

It is enough for the questions that people type first. Each function takes the prompt, and returns an answer or an
empty text.
"""

from __future__ import annotations

import re

_CAPITALS_TEXT = (
    "argentina=Buenos Aires;australia=Canberra;austria=Vienna;belgium=Brussels;brazil=Brasília;canada=Ottawa;"
    "chile=Santiago;china=Beijing;colombia=Bogotá;cuba=Havana;czechia=Prague;denmark=Copenhagen;egypt=Cairo;"
    "england=London;ethiopia=Addis Ababa;finland=Helsinki;france=Paris;germany=Berlin;ghana=Accra;greece=Athens;"
    "hungary=Budapest;iceland=Reykjavík;india=New Delhi;indonesia=Jakarta;ireland=Dublin;israel=Jerusalem;"
    "italy=Rome;japan=Tokyo;kenya=Nairobi;mexico=Mexico City;morocco=Rabat;nepal=Kathmandu;netherlands=Amsterdam;"
    "new zealand=Wellington;nigeria=Abuja;norway=Oslo;peru=Lima;poland=Warsaw;portugal=Lisbon;romania=Bucharest;"
    "russia=Moscow;scotland=Edinburgh;south korea=Seoul;spain=Madrid;sweden=Stockholm;switzerland=Bern;"
    "thailand=Bangkok;turkey=Ankara;ukraine=Kyiv;united kingdom=London;united states=Washington, D.C.;"
    "usa=Washington, D.C.;vietnam=Hanoi"
)
_CAPITALS = dict(pair.split("=") for pair in _CAPITALS_TEXT.split(";"))
COORDINATES = {
    # latitude and longitude, for tools that ask for them
    "amsterdam": ("52.3676", "4.9041"), "athens": ("37.9838", "23.7275"), "berlin": ("52.5200", "13.4050"),
    "dublin": ("53.3498", "-6.2603"), "lisbon": ("38.7223", "-9.1393"), "london": ("51.5072", "-0.1276"),
    "madrid": ("40.4168", "-3.7038"), "new york": ("40.7128", "-74.0060"), "oslo": ("59.9139", "10.7522"),
    "paris": ("48.8575", "2.3514"), "rome": ("41.9028", "12.4964"), "san francisco": ("37.7749", "-122.4194"),
    "sydney": ("-33.8688", "151.2093"), "tokyo": ("35.6764", "139.6500"), "vienna": ("48.2082", "16.3738"),
}  # fmt: skip
LANGUAGES = (
    "french", "german", "spanish", "italian", "portuguese", "dutch", "swedish", "polish", "turkish", "japanese",
    "chinese", "arabic",
)  # fmt: skip
_PHRASES = {
    # in the order of the languages
    "hello": "Bonjour;Hallo;Hola;Ciao;Olá;Hallo;Hej;Cześć;Merhaba;こんにちは;你好;مرحبا",
    "thank you": "Merci;Danke;Gracias;Grazie;Obrigado;Dank je;Tack;Dziękuję;Teşekkür ederim;ありがとう;谢谢;شكرا",
    "good morning": "Bonjour;Guten Morgen;Buenos días;Buongiorno;Bom dia;Goedemorgen;God morgon;Dzień dobry;Günaydın;"
    "おはようございます;早上好;صباح الخير",
}
_HAIKUS = {
    "sea": "Grey waves fold and fold,\na gull writes one white letter;\nthe sea rubs it out.",
    "": "One missing bracket.\nI read the line nine times, then\ndrink tea, and see it.",
}
_FACTS = (
    # words that must all be in the question, and the answers; several answers are for a temperature above 0
    ("bat ball cost", "The ball costs 5 cents: the bat then costs 1.05 dollars, and both together 1.10."),
    (
        "rainbow",
        "Sunlight looks white, but many colours are hiding in it. When it shines through raindrops, every drop bends "
        "the light a little, and each colour bends by a different amount. So the colours come out side by side: red, "
        "orange, yellow, green, blue, violet. Stand with the sun behind you and the rain in front of you, and you see "
        "them as a bow.",
    ),
    (
        "sky blue",
        "The sky is blue because air scatters blue light more than red light. Sunlight holds all colours; the short "
        "blue waves bounce off the molecules of the air in every direction, so blue reaches your eyes from all over "
        "the sky.",
    ),
    (
        "cat purr",
        "Cats purr by moving the muscles of the voice box very fast while they breathe, some 25 times a second. They "
        "do it when they are content, and also to calm themselves when they are hurt or afraid.",
    ),
    (
        "what token",
        "A token is the small piece of text that a language model reads and writes: often a short word, a part of a "
        "longer one, or a punctuation mark. In English it is about four characters. Prices and limits are counted in "
        "tokens.",
    ),
    (
        "what api",
        "An API is an agreed way for one program to ask another for something and to understand what comes back.",
    ),
    (
        "what stream",
        "Streaming means that an answer is sent piece by piece while it is being written, instead of all at its end.",
    ),
    (
        "what large language model",
        "A large language model is a program that has learned from very much text to continue a text, one token after "
        "the other, and so can answer questions and follow instructions.",
    ),
    (
        "temperature model",
        "Temperature sets how much chance there is in the choice of the next token: 0 is steady, higher is more "
        "varied.",
    ),
    ("name cat", "Miso, Pixel and Clementine.", "Biscuit, Orbit and Saffron.", "Waffle, Comet and Juniper."),
    (
        "joke",
        "Why do programmers mix up Halloween and Christmas? Because Oct 31 equals Dec 25.",
        "A programmer's partner says: buy a loaf of bread, and if they have eggs, take a dozen. He comes home with "
        "twelve loaves.",
        "There are two hard things in programming: naming, caching, and being off by one.",
    ),
    ("three colo", "Red, green and blue.", "Amber, teal and violet."),
    ("largest planet", "Jupiter is the largest planet of the solar system."),
)
_ONE_WORD = {"rainbow": "Light", "blue": "Scattering", "largest planet": "Jupiter"}
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
    match = _COUNT.search(prompt)
    if not match:
        return ""
    first, last = int((match[1] or "1")[:6]), _NUMBERS.get(match[2].lower()) or int(match[2][:6])
    return ", ".join(str(number) for number in range(first, min(last, first + 99) + 1)) + "." if last >= first else ""


def capital(prompt: str) -> str:
    """Name the capitals of the countries in a question."""
    low = prompt.lower()
    named = [country for country in _CAPITALS if "capital" in low and re.search(rf"\b{country}\b", low)]
    parts = []
    for country in named[:5]:
        article = "the " if country.startswith(("united", "nether", "usa")) else ""
        name = "USA" if country == "usa" else country.title()
        parts.append(f"the capital of {article}{name} is {_CAPITALS[country]}")
    return ("T" + " and ".join(parts)[1:] + ".") if parts else ""


def translate(prompt: str) -> str:
    """Translate one of a few phrases."""
    low = prompt.lower()
    phrase = next((phrase for phrase in _PHRASES if re.search(rf"\b{phrase}\b", low)), None)
    named = [language for language in LANGUAGES if re.search(rf"\b{language}\b", low)]
    if phrase is None or not (named or re.search(r"translate|languages", low)):
        return ""
    many = next((number for word, number in _NUMBERS.items() if f"{word} languages" in low), 3)
    texts = dict(zip(LANGUAGES, _PHRASES[phrase].split(";"), strict=True))
    if len(named) == 1:
        return texts[named[0]]
    return "\n".join(f"{language.capitalize()}: {texts[language]}" for language in named or LANGUAGES[:many])


def haiku(prompt: str) -> str:
    """Return a haiku about the topic, else the one about code."""
    low = prompt.lower()
    if "haiku" not in low or re.search(r"what(?:'s| is) a haiku", low):
        return ""
    return next(text for topic, text in _HAIKUS.items() if topic in low)


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
    """Look the question up in the stock of facts."""
    words = re.findall(r"\w+", prompt.lower()[:400])
    if len(words) > 30:  # a long text is not a question
        return ""
    for keys, *answers in _FACTS:
        if all(any(_matches(word, key) for word in words) for key in keys.split()):
            return answers[variant % len(answers)]
    return ""


def one_word(prompt: str, answer: str) -> str:
    """Shorten an answer to one word."""
    low = prompt.lower()
    for key, word in _ONE_WORD.items():
        if all(part in low for part in key.split()):
            return word
    if " = " in answer:
        return answer.rsplit(" = ", 1)[1]
    words = re.findall(r"[^\W\d_][\w'-]*|\d[\d.,]*", answer.rstrip("."))
    return words[-1] if words else "Simulated"


def _matches(word: str, key: str) -> bool:
    if key == "what":
        return word in _WHAT
    return word in (key, key + "s") if len(key) <= 3 else word.startswith(key)
