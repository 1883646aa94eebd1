"""What a call cost: what the service said, else the price list of `genai-prices`, looked up when somebody asks.

The list has a price a token, and higher ones for long prompts; cached tokens have a price of their own. Looking it up
takes 0.1 ms, so a model's prices are looked up once. Left out: tokens written to a vendor's cache, searches, discounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from llmlab.bookkeeping.entry import Entry

LOCAL = ("ollama", "local_gpt_oss")
"""Servers of one's own, which send no bill."""
FREE = "openrouter/free"
"""A router that is no model, and so in no list; it asks free models only."""
CACHED_APART = ("anthropic",)
"""Services whose input tokens are without the cached ones."""


class Rates(NamedTuple):
    """USD a token, for prompts of more than `above` tokens."""

    above: int
    input: float
    cached: float
    output: float


def priced(entry: Entry) -> tuple[float | None, str]:
    """Return the cost of a call in USD, or None, and where it is from; see `Entry`."""
    if entry.priced:
        return entry.cost, entry.priced
    if entry.provider in LOCAL:
        return 0.0, "local"
    if not (entry.input_tokens or entry.output_tokens):
        # Who was refused pays nothing. What was given up half-way may cost something that nobody has said.
        refused = entry.error not in ("", "cancelled", "LLMStreamError")
        return (0.0, "failed") if refused else (None, "unpriced")
    rates = _rates(entry.provider, entry.model) or _rates(entry.provider, entry.asked_model)
    if not rates:
        return None, "unpriced"
    cached = entry.cached_tokens
    sent = entry.input_tokens + (cached if entry.provider in CACHED_APART else 0)
    rate = next(rate for rate in rates if sent > rate.above or not rate.above)
    cost = (sent - cached) * rate.input + cached * rate.cached + entry.output_tokens * rate.output
    return round(cost, 12), "list"


@lru_cache(maxsize=1024)
def _rates(provider: str, model: str) -> Sequence[Rates]:
    """Return a model's prices, those for the longest prompts first; none if it is not in the list."""
    if model == FREE:
        return (Rates(0, 0.0, 0.0, 0.0),)
    # Heavy (0.2 s), and needed by those who ask for a price only.
    from genai_prices import Usage, calc_price
    from genai_prices.types import TieredPrices

    try:
        found = calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=model, provider_id=provider).model_price
    except LookupError:
        return ()
    units = (found.input_mtok, found.cache_read_mtok or found.input_mtok, found.output_mtok)
    steps = {tier.start for unit in units if isinstance(unit, TieredPrices) for tier in unit.tiers}

    def price(unit: object, above: int) -> float:
        if isinstance(unit, TieredPrices):
            unit = next((tier.price for tier in reversed(unit.tiers) if tier.start <= above), unit.base)
        return float(str(unit or 0)) / 1e6

    return tuple(Rates(above, *(price(unit, above) for unit in units)) for above in sorted({0, *steps}, reverse=True))
