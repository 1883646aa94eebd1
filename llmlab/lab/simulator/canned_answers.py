"""What the simulator knows: a small stock of facts and texts, as plain data.

Enough for the questions that people type first. Everything else gets an honest "I am a simulator".
"""

from __future__ import annotations

CAPITALS = {
    "argentina": "Buenos Aires", "australia": "Canberra", "austria": "Vienna", "belgium": "Brussels",
    "brazil": "Brasília",
    "canada": "Ottawa", "chile": "Santiago", "china": "Beijing", "colombia": "Bogotá", "cuba": "Havana",
    "czechia": "Prague", "denmark": "Copenhagen", "egypt": "Cairo", "england": "London", "ethiopia": "Addis Ababa",
    "finland": "Helsinki", "france": "Paris", "germany": "Berlin", "ghana": "Accra", "greece": "Athens",
    "hungary": "Budapest", "iceland": "Reykjavík", "india": "New Delhi", "indonesia": "Jakarta", "ireland": "Dublin",
    "israel": "Jerusalem", "italy": "Rome", "japan": "Tokyo", "kenya": "Nairobi", "mexico": "Mexico City",
    "morocco": "Rabat", "nepal": "Kathmandu", "netherlands": "Amsterdam", "new zealand": "Wellington",
    "nigeria": "Abuja", "norway": "Oslo", "peru": "Lima", "poland": "Warsaw", "portugal": "Lisbon",
    "romania": "Bucharest",
    "russia": "Moscow", "scotland": "Edinburgh", "south korea": "Seoul", "spain": "Madrid", "sweden": "Stockholm",
    "switzerland": "Bern", "thailand": "Bangkok", "turkey": "Ankara", "ukraine": "Kyiv", "united kingdom": "London",
    "united states": "Washington, D.C.", "usa": "Washington, D.C.", "vietnam": "Hanoi",
}  # fmt: skip

PLACES = {
    # latitude and longitude, for tools that ask for them
    "amsterdam": ("52.3676", "4.9041"), "athens": ("37.9838", "23.7275"), "berlin": ("52.5200", "13.4050"),
    "dublin": ("53.3498", "-6.2603"), "lisbon": ("38.7223", "-9.1393"), "london": ("51.5072", "-0.1276"),
    "madrid": ("40.4168", "-3.7038"), "new york": ("40.7128", "-74.0060"), "oslo": ("59.9139", "10.7522"),
    "paris": ("48.8575", "2.3514"), "rome": ("41.9028", "12.4964"), "san francisco": ("37.7749", "-122.4194"),
    "sydney": ("-33.8688", "151.2093"), "tokyo": ("35.6764", "139.6500"), "vienna": ("48.2082", "16.3738"),
}  # fmt: skip

PHRASES = {
    "good morning": {
        "french": "Bonjour", "german": "Guten Morgen", "spanish": "Buenos días", "italian": "Buongiorno",
        "portuguese": "Bom dia", "dutch": "Goedemorgen", "swedish": "God morgon", "polish": "Dzień dobry",
        "turkish": "Günaydın", "japanese": "おはようございます", "chinese": "早上好", "arabic": "صباح الخير",
    },
    "hello": {
        "french": "Bonjour", "german": "Hallo", "spanish": "Hola", "italian": "Ciao", "portuguese": "Olá",
        "dutch": "Hallo", "swedish": "Hej", "polish": "Cześć", "turkish": "Merhaba", "japanese": "こんにちは",
        "chinese": "你好", "arabic": "مرحبا",
    },
    "thank you": {
        "french": "Merci", "german": "Danke", "spanish": "Gracias", "italian": "Grazie", "portuguese": "Obrigado",
        "dutch": "Dank je", "swedish": "Tack", "polish": "Dziękuję", "turkish": "Teşekkür ederim",
        "japanese": "ありがとう", "chinese": "谢谢", "arabic": "شكرا",
    },
    "goodbye": {
        "french": "Au revoir", "german": "Auf Wiedersehen", "spanish": "Adiós", "italian": "Arrivederci",
        "portuguese": "Adeus", "dutch": "Tot ziens", "swedish": "Hej då", "polish": "Do widzenia",
        "turkish": "Hoşça kal", "japanese": "さようなら", "chinese": "再见", "arabic": "مع السلامة",
    },
    "cat": {
        "french": "le chat", "german": "die Katze", "spanish": "el gato", "italian": "il gatto",
        "portuguese": "o gato", "dutch": "de kat", "swedish": "katten", "polish": "kot", "turkish": "kedi",
        "japanese": "猫", "chinese": "猫", "arabic": "قطة",
    },
}  # fmt: skip
LANGUAGES = tuple(PHRASES["hello"])

HAIKUS = {
    "sea": "Grey waves fold and fold,\na gull writes one white letter;\nthe sea rubs it out.",
    "autumn": "One leaf, then a wind:\nthe whole maple lets its red\npostcards go at once.",
    "spring": "Snow leaves the gutter.\nA sparrow tests the first note,\nfinds it, and repeats.",
    "winter": "The pond has closed its\neye. Under the lid of ice\nslow gold turns over.",
    "rain": "Rain on a tin roof:\nten thousand small drummers, none\nof them in a rush.",
    "code": "One missing bracket.\nI read the line nine times, then\ndrink tea, and see it.",
    "coffee": "Steam above the cup\ndraws a question mark, and I\nanswer with a sip.",
}

# Words that must all be in the question, and the answers; the first that fits is taken. Several answers to one question
# are for a temperature above 0.
FACTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("bat", "ball", "cost"),
        ("The ball costs 5 cents: the bat then costs 1.05 dollars, and both together 1.10.",),
    ),
    (
        ("rainbow",),
        (
            "Sunlight looks white, but many colours are hiding in it. When it shines through raindrops, every drop "
            "bends the light a little, and each colour bends by a different amount. So the colours come out side by "
            "side: red, orange, yellow, green, blue, violet. Stand with the sun behind you and the rain in front of "
            "you, and you see them as a bow.",
        ),
    ),
    (
        ("sky", "blue"),
        (
            "The sky is blue because air scatters blue light more than red light. Sunlight holds all colours; the "
            "short blue waves bounce off the molecules of the air in every direction, so blue reaches your eyes from "
            "all over the sky.",
        ),
    ),
    (
        ("cat", "purr"),
        (
            "Cats purr by moving the muscles of the voice box very fast while they breathe, some 25 times a second. "
            "They do it when they are content, and also to calm themselves when they are hurt or afraid.",
        ),
    ),
    (
        ("what", "token"),
        (
            "A token is the small piece of text that a language model reads and writes: often a short word, a part of "
            "a longer one, or a punctuation mark. In English it is about four characters. Prices and limits are "
            "counted in tokens.",
        ),
    ),
    (
        ("what", "api"),
        ("An API is an agreed way for one program to ask another for something and to understand what comes back.",),
    ),
    (
        ("what", "stream"),
        (
            "Streaming means that an answer is sent piece by piece while it is being written, instead of all at its "
            "end.",
        ),
    ),
    (
        ("what", "recursion"),
        ("Recursion is when a function solves a problem by calling itself on a smaller part of the same problem.",),
    ),
    (
        ("what", "large", "language", "model"),
        (
            "A large language model is a program that has learned from very much text to continue a text, one token "
            "after the other, and so can answer questions and follow instructions.",
        ),
    ),
    (
        ("what", "python"),
        (
            "Python is a general-purpose programming language, known for code that is easy to read. It appeared in "
            "1991.",
        ),
    ),
    (
        ("what", "async"),
        ("Asynchronous code starts a slow task, does something else while it waits, and comes back for the result.",),
    ),
    (
        ("temperature", "model"),
        (
            "Temperature sets how much chance there is in the choice of the next token: 0 is steady, higher is more "
            "varied.",
        ),
    ),
    (
        ("name", "cat"),
        ("Miso, Pixel and Clementine.", "Biscuit, Orbit and Saffron.", "Waffle, Comet and Juniper."),
    ),
    (
        ("name", "dog"),
        ("Maple, Rocket and Otto.", "Bruno, Pepper and Nova."),
    ),
    (
        ("joke",),
        (
            "Why do programmers mix up Halloween and Christmas? Because Oct 31 equals Dec 25.",
            "A programmer's partner says: buy a loaf of bread, and if they have eggs, take a dozen. He comes home with "
            "twelve loaves.",
            "There are two hard things in programming: naming, caching, and being off by one.",
        ),
    ),
    (
        ("story",),
        (
            "A small robot lived in a lighthouse and counted ships. One night there were none, so it counted the stars "
            "instead, and lost its place, and began again. In the morning the keeper found a note: 4,212 so far. "
            "Please leave the sky where it is.",
        ),
    ),
    (
        ("poem",),
        (
            "The lamp is lit, the page is white,\nthe kettle hums a tune;\na word walks in out of the night\nand says: "
            "more words come soon.",
        ),
    ),
    (("primary", "colo"), ("Red, yellow and blue.",)),
    (("three", "colo"), ("Red, green and blue.", "Amber, teal and violet.")),
    (("three", "fruit"), ("Apple, banana and cherry.", "Mango, pear and plum.")),
    (("planets",), ("Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.",)),
    (("largest", "planet"), ("Jupiter is the largest planet of the solar system.",)),
    (("days", "week"), ("Seven: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.",)),
    (("speed", "light"), ("Light travels at 299,792,458 metres per second in a vacuum.",)),
    (("wrote", "hamlet"), ("William Shakespeare wrote Hamlet, around 1600.",)),
    (("romeo", "juliet"), ("William Shakespeare wrote Romeo and Juliet, around 1595.",)),
    (("highest", "mountain"), ("Mount Everest is the highest mountain above the sea, at 8,849 metres.",)),
    (("water", "boil"), ("At sea level water boils at 100 °C, which is 212 °F.",)),
    (("ocean", "largest"), ("The Pacific is the largest ocean.",)),
    (("primes",), ("The first primes are 2, 3, 5, 7, 11, 13, 17, 19, 23 and 29.",)),
    (("prime", "number"), ("The first primes are 2, 3, 5, 7, 11, 13, 17, 19, 23 and 29.",)),
)

# The one word of a longer answer, for "in one word".
SHORT = {
    "rainbow": "Light",
    "blue": "Scattering",
    "largest planet": "Jupiter",
    "mountain": "Everest",
    "ocean": "Pacific",
    "hamlet": "Shakespeare",
    "boil": "100",
}
