"""The exercises of lesson 12: letters read into objects, and no more thinking than needed."""

from __future__ import annotations

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import quoted, returned, returns_two
from llmlab.lab.exercises.registry import exercise
from llmlab.types.completion import Completion, Usage

LETTERS = (
    ('Please send 12 pieces of "desk lamp" to Oslo.', ("desk lamp", 12, "Oslo")),
    ('Dear shop, I need 4 pieces of "blue cup" in Rome. Thank you!', ("blue cup", 4, "Rome")),
    ('Please send "wall clock" to Lisbon as soon as you can.', ("wall clock", None, "Lisbon")),
)
FIELDS = ("article", "pieces", "city")
EFFORTS = ("none", "low", "medium", "high")


@exercise(
    "12.1",
    hints=[
        "The class whose pieces may be None is above: CarefulOrder.",
        "Give the class to llm.complete as response_format. The object is in .parsed.",
        "return llm.complete(letter, response_format=…).parsed",
    ],
)
def read_order(function: Answer) -> str:
    """Three letters, one of them without a number: one request each, and what is not said must be None."""
    for letter, right in LETTERS:
        with observed() as sent:
            found = function(letter)
        if not sent:
            raise Wrong("Your function asked nobody. Let it call llm.complete(letter, response_format=…).")
        if isinstance(found, Completion):
            raise Wrong("Your function returned the whole answer. Return the object in it: .parsed.")
        if found is None:
            raise Wrong("Your function returned nothing. Does it end with return? Does it say response_format=…?")
        if missing := next((name for name in FIELDS if not hasattr(found, name)), ""):
            raise Wrong(
                f"{returned(found)} Return an object with the fields article, pieces and city; {missing} fails."
            )
        read = tuple(getattr(found, name) for name in FIELDS)
        if right[1] is None and read[1] is not None:
            raise Wrong(f"{letter} Nobody said how many, and your object says {quoted(read[1])}. Let pieces be None.")
        if read != right:
            raise Wrong(f"{letter} Your object holds {read}, and the letter says {right}.")
        if len(sent) > 1:
            raise Wrong(f"For one letter you asked {len(sent)} times. One request gives all three fields.")
    return "Three letters, three requests, and where no number was named there is none."


@exercise(
    "12.2",
    hints=[
        'A loop over ["none", "low", "medium", "high"] that ends with return when right(answer) is true.',
        "Begin with usage = llmlab.Usage(), and add answer.usage in every round, also in those that were wrong.",
        "for effort in […]: answer = ask(effort); usage += answer.usage; if right(answer): return answer, usage",
    ],
)
def think_until(function: Answer) -> str:
    """A model that is right from some effort on: asked in that order, as long as needed, all rounds counted."""
    for enough in range(len(EFFORTS) + 1):
        asked: list[str] = []
        found = function(lambda effort, asked=asked, enough=enough: _said(effort, asked, enough), _is_right)
        right = EFFORTS[: enough + 1]
        case = (
            f"A model that is right at {EFFORTS[enough]!r}" if enough < len(EFFORTS) else "A model that is never right"
        )
        if tuple(asked) != right:
            told = ", ".join(asked) or "nothing"
            raise Wrong(f"{case} was asked with: {told}. It should be asked with: {', '.join(right)}.")
        returns_two(found, "Return two things: answer, usage.")
        given, usage = found
        if enough == len(EFFORTS) and given is not None:
            raise Wrong(f"{case}: the answer is then None, and not {quoted(given)}.")
        if enough < len(EFFORTS) and not (isinstance(given, Completion) and _is_right(given)):
            raise Wrong(f"{case}: return the answer that was right, and not {quoted(given)}.")
        spent = sum((_usage(effort) for effort in right), Usage())
        if usage != spent:
            raise Wrong(
                f"{case} was asked {len(right)} times and used {spent}, and you returned {usage}. Add all rounds."
            )
    return "From no thinking to much of it, never further than needed, and every round is on the bill."


def _said(effort: str, asked: list[str], enough: int) -> Completion:
    if effort not in EFFORTS:
        raise Wrong(f"Your function asked with the effort {quoted(effort)}; there are {', '.join(EFFORTS)}.")
    asked.append(effort)
    return Completion("5 cents" if EFFORTS.index(effort) >= enough else "10 cents", "model", usage=_usage(effort))


def _is_right(answer: Completion) -> bool:
    return answer.content == "5 cents"


def _usage(effort: str) -> Usage:
    return Usage(30, 10 + 40 * EFFORTS.index(effort))
