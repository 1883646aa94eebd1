"""The exercises of lesson 17: the price of a call, and questions within a budget."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from llmlab.lab.exercises.inspect import Answer, Wrong, observed
from llmlab.lab.exercises.messages import returned
from llmlab.lab.exercises.registry import exercise
from llmlab.policies.ledger import ledger
from llmlab.types.completion import Usage

READ, REREAD, WRITTEN = 0.10, 0.01, 0.50
"""USD for a million tokens, in this lesson."""
QUESTIONS = [
    "Why is the sky blue?",
    "What is a token?",
    "Explain a rainbow to a child.",
    "What is a rainbow?",
    "What is a token for a language model?",
    "Is the sky blue at night?",
]
TOKENS, FEWER = 350, 180


@exercise(
    "17.1",
    hints=[
        "Three prices: how many tokens have each? The cached ones are a part of usage.input_tokens.",
        "fresh = usage.input_tokens - usage.cached_tokens. Prices are for a million tokens, so divide at the end.",
        "return (fresh * 0.10 + usage.cached_tokens * 0.01 + usage.output_tokens * 0.50) / 1_000_000",
    ],
)
def price(function: Answer) -> str:
    """Reading, writing and reading again must each have its price, and nothing may be paid twice."""
    for usage, wanted, case in (
        (Usage(1_000_000, 0, 1_000_000), READ, "A million tokens read cost $0.10."),
        (Usage(0, 1_000_000, 1_000_000), WRITTEN, "A million tokens written cost $0.50."),
        (
            Usage(1_000_000, 0, 1_000_000, cached_tokens=400_000),
            0.064,
            "A million read, 400,000 of them cached, cost $0.064.",
        ),
        (
            Usage(0, 1_000_000, 1_000_000, reasoning_tokens=400_000),
            WRITTEN,
            "A million written, 400,000 of them thoughts, cost $0.50.",
        ),
    ):
        given = function(usage)
        if not _is(given, wanted):
            raise Wrong(f"{case} {returned(given)}{_reason(usage, given, wanted)}")
    return "You charged fresh, cached and written tokens once each, and for a million of them."


def _reason(usage: Usage, given: Any, wanted: float) -> str:
    if _is(given, wanted * 1e6):
        return " Prices are for a million tokens: divide."
    if usage.cached_tokens and _is(given, READ):
        return " That is the full price for all of them."
    if usage.cached_tokens and _is(given, 0.06):
        return " The cached tokens are cheaper, and not free: add them at $0.01 for a million."
    if usage.cached_tokens and _is(given, READ + 0.004):
        return " The cached tokens are in input_tokens already: take them out before you add them at their own price."
    if usage.reasoning_tokens and _is(given, WRITTEN * 1.4):
        return " The thoughts are in output_tokens already."
    return ""


def _is(given: Any, wanted: float) -> bool:
    return isinstance(given, (int, float, Decimal)) and wanted * (1 - 1e-9) < given < wanted * (1 + 1e-9)


@exercise(
    "17.2",
    hints=[
        "One budget for all questions: make it, and a provider with policies=[budget], before the loop.",
        "Ask with max_tokens=60. When the budget refuses a call, llmlab.BudgetExceededError is raised.",
        "try: texts.append(careful.complete(one, max_tokens=60).content) … except llmlab.BudgetExceededError: break",
    ],
)
def ask_within(function: Answer) -> str:
    """Six questions, tokens for three or four: the function must ask, stop in time, and return what it has.

    Then fewer tokens, because a budget of a fixed size passes the first time.
    """
    made, used = _asked(function, TOKENS)
    _asked(function, FEWER)
    return f"{made} of {len(QUESTIONS)} questions, {used} of {TOKENS} tokens, and not one call too many."


def _asked(function: Callable[..., Any], tokens: int) -> tuple[int, int]:
    """Let the questions be asked, and return how many calls were made, and how many tokens they used."""
    before = len(ledger())
    with observed():
        given = function(list(QUESTIONS), tokens)
    lines = list(ledger())[before:]
    made = [line for line in lines if line.attempts]
    used = sum(line.input_tokens + line.output_tokens for line in made)
    if not made:
        refused = " The budget refused the first one: is there a max_tokens=60?"
        raise Wrong(f"Your function got no question answered.{refused if lines else ''}")
    if used > tokens:
        raise Wrong(
            f"{len(made)} calls used {used} tokens, and {tokens} were allowed. Let one budget watch all calls. Its "
            "max_tokens is the tokens that your function is given."
        )
    if len(made) == len(lines):
        raise Wrong(f"You stopped after {len(made)} calls and {used} tokens by yourself. Ask until the budget refuses.")
    if (more := len(lines) - len(made) - 1) > 0:
        raise Wrong(f"The budget refused a call, and you asked {more} times more. Stop at the first refusal.")
    if not (isinstance(given, list) and all(isinstance(text, str) for text in given)):
        raise Wrong(f"{returned(given)} Return a list of texts: the .content of each answer.")
    if len(given) != len(made):
        raise Wrong(f"{len(made)} questions were answered, and you returned {len(given)} texts. Return all of them.")
    return len(made), used
