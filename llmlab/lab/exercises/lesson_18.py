"""Lesson 18: a judge that is not fooled, and a split that stays."""

from __future__ import annotations

from llmlab.lab.exercises.inspect import Answer, Wrong
from llmlab.lab.exercises.messages import quoted, returned, returns
from llmlab.lab.exercises.registry import exercise

USERS = [f"user {number}" for number in range(1000)]
SUM, PRODUCT, CAPITAL = "What is 17 * 23?", "What is 48 * 52?", "What is the capital of Italy?"
ANSWERS = [
    (SUM, "17 * 23 = 391", 1, "is right"),
    (SUM, "The answer is 13910.", 0, "holds 391 only inside another number"),
    (SUM, "3910", 0, "holds 391 only inside another number"),
    (SUM, "It is 391.", 1, "is right, and the full stop is no part of the number"),
    (PRODUCT, "It is 2,496.", 1, "is right, with a comma in the number"),
    (PRODUCT, "It is 2486.", 0, "is wrong"),
    (CAPITAL, "Rome, of course.", 1, "is right"),
    (CAPITAL, "Ask a Roman: Romeo knows.", 0, "holds Rome only inside another word"),
]


@exercise(
    "18.1",
    hints=[
        "Split the answer into words first; a number is a word, too.",
        'answer.replace(",", "") takes the commas out, and re.findall(r"\\w+", …) gives the words.',
        "return 1 if facts[prompt] in words else 0",
    ],
)
def strict(function: Answer) -> str:
    """Right answers in any dress must score, and none that only contains the right letters."""
    for prompt, said, wanted, why in ANSWERS:
        given = function(said, prompt)
        returns(given, (int, float), "Return 1 or 0.")
        if given != wanted:
            raise Wrong(f"{said!r} {why}, so the score is {wanted}; your function returned {quoted(given)}.")
    return f"{len(ANSWERS)} answers judged, and the tricky ones did not fool you."


@exercise(
    "18.2",
    hints=[
        "share_of_hash(user) is spread evenly from 0 up to 1: a fifth of all users are below 0.2.",
        "Compare it with share. Neither random nor hash() will do: both are different in the next process.",
        'return "a" if share_of_hash(user) < share else "b"',
    ],
)
def arm_of(function: Answer) -> str:
    """The same user must stay, every share must be kept, and nothing may depend on the process."""
    names = set(getattr(getattr(function.given, "__code__", None), "co_names", ()))
    # Random(user) and seed(user) say the same in every process.
    chance = set() if names & {"Random", "seed"} else {"random", "randint", "choice", "choices", "uniform"}
    if drawn := names & {"hash", "id", *chance}:
        raise Wrong(f"Your function uses {drawn.pop()}, which is another one in the next process. Use share_of_hash.")
    for share in (0.2, 0.5, 0.9):
        arms = [function(user, share) for user in USERS]
        if strange := [arm for arm in arms if arm not in ("a", "b")]:
            raise Wrong(f'{returned(strange[0])} Return "a" or "b".')
        if [function(user, share) for user in reversed(USERS)] != arms[::-1]:
            raise Wrong("The same user got another arm the second time. Let nothing but user and share decide.")
        got = arms.count("a") / len(USERS)
        if abs(got - share) > 0.05:
            raise Wrong(f'For a share of {share:g}, {got:.0%} of 1,000 users got "a". It should be about {share:.0%}.')
    everybody, nobody = ({function(user, share) for user in USERS[:50]} for share in (1, 0))
    if (everybody, nobody) != ({"a"}, {"b"}):
        raise Wrong('With a share of 1 everybody gets "a", and with 0 nobody does.')
    return "1,000 users, three shares, and nobody ever changed sides."
