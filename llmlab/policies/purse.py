"""One limit of a budget: what it is, what is gone of it, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PICO = 1_000_000_000_000
"""Money is counted in whole millionths of a millionth of a dollar, so that what is given back adds up to nothing."""


@dataclass(slots=True)
class Purse:
    """One limit, and what is gone of it. Whoever shares it locks it.

    Args:
        unit: USD, tokens or calls.
        limit: how much there is; None for no limit.
        spent: what was used.
        reserved: what calls on their way could use.
    """

    unit: Literal["USD", "tokens", "calls"]
    limit: int | None
    spent: int = 0
    reserved: int = 0

    @property
    def left(self) -> int | None:
        """What is neither spent nor reserved; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.spent - self.reserved)

    def holds(self, amount: int) -> bool:
        """Return whether so much is left."""
        left = self.left
        return left is None or amount <= left

    def words(self, amount: int | None) -> str:
        """Return an amount as people write it."""
        if amount is None:
            return "no limit"
        if self.unit != "USD":
            return f"{amount:,}"
        dollars = amount / PICO
        # Two digits that count, however small the sum is: $0.000034.
        digits = max(2, 1 - int(f"{dollars:e}".partition("e")[2])) if dollars else 2
        whole, dot, cents = f"{dollars:,.{min(digits, 12)}f}".partition(".")
        return f"${whole}{dot}{cents[:2]}{cents[2:].rstrip('0')}"

    def __str__(self) -> str:
        unit = "" if self.unit == "USD" else f" {self.unit}"
        limit = "" if self.limit is None else f" of {self.words(self.limit)}"
        return f"{self.words(self.spent)}{limit}{unit}"
