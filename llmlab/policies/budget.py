"""Stop before the call that could cost too much, not after it.

Each call reserves the most that it could use, is refused if that is more than is left, and gives back what it did not
use when it is over. What could not be known before (searches, writing to a vendor's prompt cache) is not counted.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from llmlab.errors import BudgetExceededError, ConfigurationError, LLMError
from llmlab.models import LOCAL, Rates, rates
from llmlab.policies.base import Answer, Call, Inner
from llmlab.policies.purse import PICO, Purse
from llmlab.policies.worst_case import Tokens, used_by, worst_case
from llmlab.transport.driver import Flow
from llmlab.types.completion import Completion
from llmlab.types.validation import is_number

_Amounts: TypeAlias = tuple[int, int, int]
"""Money, tokens and calls."""


class Budget:
    """Limits what calls may use together. Share one between providers, threads and tasks.

    The worst case of a call is every token of its prompt, and an answer as long as `max_tokens` or, without it, as the
    model can write. A call that fails or is cancelled gives everything back; of a stream that was left or broke, what
    came is counted.

    Args:
        max_usd: what they may cost, by what the service says or else the price list.
        max_tokens: what they may read and write.
        max_calls: how many of them may be answered.
        allow_unpriced: let models pass whose price nobody knows, under `max_usd`. Their calls are counted, not costed.

    Raises:
        ConfigurationError: without a limit, or for one below 0.
    """

    kind: ClassVar[str] = "budget"

    def __init__(
        self,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        max_calls: int | None = None,
        *,
        allow_unpriced: bool = False,
    ) -> None:
        given = [limit for limit in (max_usd, max_tokens, max_calls) if limit is not None]
        if not given or not all(map(is_number, given)):
            raise ConfigurationError("a budget needs max_usd, max_tokens or max_calls, of 0 or more")
        self._usd = Purse("USD", None if max_usd is None else round(max_usd * PICO))
        self._tokens, self._calls = Purse("tokens", max_tokens), Purse("calls", max_calls)
        self._purses = (self._usd, self._tokens, self._calls)
        self._allow_unpriced = allow_unpriced
        # A stream may end in a finaliser, which may run where this very thread holds the lock.
        self._lock = threading.RLock()
        self._kinds: Counter[str] = Counter()

    def wrap(self, call: Call, inner: Inner) -> Flow[Answer]:
        """Reserve the worst case of a call, or refuse the call; then have it sent."""
        steps, worst = self._prices(call), worst_case(call)
        reserved = self._reserve(call, worst, steps)

        def ended(completion: Completion | None, error: LLMError | None) -> None:
            if completion is None or completion.source == "cached":
                self._settle(reserved, (0, 0, 0))
                return
            tokens, cost = used_by(completion, error, worst), completion.usage.cost
            usd = 0.0 if self._usd.limit is None else tokens.cost(steps) if cost is None else cost
            priced = steps or cost is not None
            kind = "local" if call.provider in LOCAL else "priced" if priced else "unpriced"
            self._settle(reserved, (round(usd * PICO), tokens.input + tokens.output, 1), kind)

        call.at_end(ended)
        return (yield from inner(call))

    @property
    def spent_usd(self) -> float | None:
        """USD that were spent; None without `max_usd`, for which alone prices are looked up."""
        return None if self._usd.limit is None else self._usd.spent / PICO

    @property
    def spent_tokens(self) -> int:
        """Tokens that were read and written."""
        return self._tokens.spent

    @property
    def calls(self) -> int:
        """Calls that were answered."""
        return self._calls.spent

    @property
    def calls_on_their_way(self) -> int:
        """Calls that hold a reservation."""
        return self._calls.reserved

    @property
    def remaining_usd(self) -> float | None:
        """USD that are neither spent nor reserved; None without `max_usd`."""
        with self._lock:
            return None if (left := self._usd.left) is None else left / PICO

    @property
    def remaining_tokens(self) -> int | None:
        """Tokens that are neither spent nor reserved; None without `max_tokens`."""
        with self._lock:
            return self._tokens.left

    @property
    def remaining_calls(self) -> int | None:
        """Calls that are neither answered nor on their way; None without `max_calls`."""
        with self._lock:
            return self._calls.left

    def _prices(self, call: Call) -> Sequence[Rates]:
        """Return the prices that count here; none where no money does."""
        if self._usd.limit is None:
            return ()
        steps = rates(call.request.model, call.provider)
        if not steps and not self._allow_unpriced:
            raise BudgetExceededError(
                f"{call.request.model} of {call.provider} is unpriced: nobody knows what it costs, so no budget in USD "
                "can hold. Say it with llmlab.register_spec(llmlab.ModelSpec(model, provider, prices=…)), or let such "
                "calls pass with Budget(…, allow_unpriced=True).",
                provider=call.provider,
            )
        return steps

    def _reserve(self, call: Call, worst: Tokens | None, steps: Sequence[Rates]) -> _Amounts:
        counted = self._tokens.limit is not None or any(step.input or step.output for step in steps)
        if worst is None and counted:
            raise BudgetExceededError(
                f"nobody knows how much a call of {call.request.model} could use at most. Limit its answer with "
                "max_tokens=…, or make its context_window known with llmlab.register_spec.",
                provider=call.provider,
            )
        most = worst or Tokens(0, 0)
        amounts = (math.ceil(most.cost(steps) * PICO), most.input + most.output, 1)
        with self._lock:
            for purse, amount in zip(self._purses, amounts, strict=True):
                if not purse.holds(amount):
                    raise BudgetExceededError(self._refusal(purse, amount, most, steps), provider=call.provider)
            self._add(amounts, reserved=1)
        return amounts

    def _settle(self, reserved: _Amounts, used: _Amounts, kind: str = "") -> None:
        with self._lock:
            self._add(reserved, reserved=-1)
            self._add(used, spent=1)
            if kind:
                self._kinds[kind] += 1

    def _add(self, amounts: _Amounts, *, reserved: int = 0, spent: int = 0) -> None:
        for purse, amount in zip(self._purses, amounts, strict=True):
            purse.reserved += reserved * amount
            purse.spent += spent * amount

    def _refusal(self, purse: Purse, amount: int, most: Tokens, steps: Sequence[Rates]) -> str:
        """Say what is spent, what the call could use, and what would fit."""
        waiting = self._calls.reserved
        held = f" and {purse.words(purse.reserved)} held by {waiting} on the way" if waiting else ""
        more = f"Give it more: Budget(max_{purse.unit.lower()}=…)"
        if purse is self._calls:
            return f"the budget is used up: {purse} are spent{held}. {more}."
        left = purse.left or 0
        if purse is self._tokens:
            fits = left - most.input
        else:
            rest, price = left / PICO - Tokens(most.input, 0).cost(steps), most.rates(steps)
            fits = math.floor(rest / price.output) if price and price.output else 0
        limit = f"Limit the answer: max_tokens={fits} fits. Or give" if fits > 0 else "Give"
        return (
            f"this call could use {purse.words(amount)}{'' if purse.unit == 'USD' else ' tokens'} "
            f"({most.input:,} tokens in, {most.output:,} out), and the budget has {purse.words(left)} left: {purse} "
            f"are spent{held}. {limit} it more: Budget(max_{purse.unit.lower()}=…)."
        )

    def __repr__(self) -> str:
        limited = [str(purse) for purse in self._purses if purse.limit is not None]
        return f"Budget({', '.join(limited)}{self._odd()})"

    def _repr_markdown_(self) -> str:
        with self._lock:
            rows = "".join(
                f"| {purse.unit} | {purse.words(purse.spent)} | {purse.words(purse.reserved)} | "
                f"{purse.words(purse.left)} | {purse.words(purse.limit)} |\n"
                for purse in self._purses
                if purse.limit is not None or purse is not self._usd
            )
        odd = f"\n{self._odd().removeprefix(', ')}\n" if self._odd() else ""
        # Two dollar signs would make a formula of what stands between them.
        rows = rows.replace("$", r"\$")
        return f"| budget | spent | on the way | left | limit |\n|---|--:|--:|--:|--:|\n{rows}{odd}"

    def _odd(self) -> str:
        """Say which of the calls cost nothing that is known."""
        kinds = [kind for kind in ("local", "unpriced") if self._kinds[kind] and self._usd.limit is not None]
        return "".join(f", {self._kinds[kind]} of the calls {kind}" for kind in kinds)
